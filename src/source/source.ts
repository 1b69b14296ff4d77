/** The source of a stream: one connection after another, read batch by batch, with retries in between. */
import { StreamError, isStreamError } from '../base/errors.ts'
import type { Batch, ConnectRequest, Connection } from '../connect/connect.ts'
import { type AttemptOptions, STABLE_AFTER_MS, openConnection, silenceError } from './attempt.ts'
import { drain } from './drain.ts'
import { type NetworkStatus, platformNetworkStatus } from './network-status.ts'
import type { Observer } from './record.ts'
import { clampDelay, parseRetryAfter } from './retry.ts'
import { createRetryTimer } from './retry-timer.ts'
import { type StreamState, type Trigger, initialState, transition } from './state.ts'
import { type Watchdog, createWatchdog } from './watchdog.ts'

export type { StreamState } from './state.ts'

/** The attempt for which `auth` or `headers` is called. */
export interface AttemptContext {
  /** `rejected` after a 401: the previous credentials were not accepted. */
  reason: 'connect' | 'rejected'
  /** Number of the attempt, counted from 1; reset to 1 by progress. */
  attempt: number
  /** Aborted when the attempt is given up: the stream was closed, or `connectTimeout` has passed. */
  signal: AbortSignal
}

export interface SourceOptions extends AttemptOptions {
  /** Milliseconds without a byte after which a connection counts as dead. @defaultValue none */
  idleTimeout?: number
  /** Milliseconds without an event after which a connection counts as stalled. @defaultValue none */
  stallTimeout?: number
  /** Reports changes of the network and the page. @defaultValue the platform's */
  networkStatus?: NetworkStatus
  /** Receives the records of the stream. */
  observe?: Observer | undefined
}

/** What the stream decides. None is called after `close()` but `onStateChange`. */
export interface SourceHooks {
  /** Method, and URL without query, for messages. */
  label: string
  /** Builds the next request. */
  request(context: AttemptContext): Promise<ConnectRequest>
  /** Checks a response, as in `AttemptHooks`. */
  checkResponse(connection: Connection): Promise<boolean | void>
  /** Returns the milliseconds until the next attempt, at least `minDelay`, or the error that ends the stream. */
  nextRetry(error: StreamError, attempt: number, minDelay: number): number | StreamError
  /**
   * Returns what the clean end of a connection means: an error, or nothing if the stream is complete. `isEmpty`: the
   * connection has brought no byte.
   */
  endOfConnection(isEmpty: boolean): StreamError | undefined
  onStateChange(state: StreamState): void
}

/** What one `read()` has brought. */
export interface SourceBatch {
  readonly batch: Batch
  /** The connection that the batch comes from. */
  readonly connection: Connection
}

export interface Source {
  readonly state: StreamState
  start(): void
  /**
   * Resolves with the next batch, or with `undefined` at the end of the stream and after `close()`. Rejects with the
   * error that ends the stream. Each connection starts with an empty batch that `begins` it. Calls must not overlap.
   * As long as it is not called, nothing is read.
   */
  read(): Promise<SourceBatch | undefined>
  /** The stream has received something new: attempts count from 1 again. */
  progress(): void
  /** A batch cannot be accepted: fails the attempt, unless `connection` was replaced meanwhile. */
  fail(error: StreamError, connection: Connection): void
  /** Connects again at once. Returns `false`, and does nothing, once closed and before the server allows it. */
  reconnect(): boolean
  /** Everything that matters was received: the connection may end by itself, so that it can be used again. */
  finish(error?: StreamError): void
  /** Ends the stream. Idempotent. */
  close(error?: StreamError): void
  /** Sets `idleTimeout`, also of the current connection. */
  setIdleTimeout(ms: number): void
}

/** Milliseconds between attempts that hints hurry; the first is made at once. */
const HINTED_RETRY_SPACING_MS = 1_000
/** Milliseconds between checks whether the network is back although nothing has said so. */
const OFFLINE_POLL_MS = 60_000

/** One attempt, from its request to the end of its connection. */
interface Attempt {
  readonly controller: AbortController
  openedAt: number
  connection?: Connection
  watchdog?: Watchdog
  /** Whether the connection has brought no byte yet. */
  isEmpty: boolean
  /** Whether the batch that begins the connection was handed out. */
  hasBegun: boolean
  /** The read that the connection has not answered yet. */
  pendingRead?: Promise<Batch | null> | undefined
}

/** Creates a source; it sends nothing before `start()`. */
export function createSource(options: SourceOptions, hooks: SourceHooks): Source {
  const { clock, stallTimeout = Infinity, networkStatus = platformNetworkStatus, observe } = options
  const { label } = hooks
  const timer = createRetryTimer(clock, () => dispatch('retry'))
  let { idleTimeout = Infinity } = options
  let state: StreamState = initialState
  let hasOpened = false
  let current: Attempt | undefined
  let reader: { resolve(batch: SourceBatch | undefined): void; reject(error: unknown): void } | undefined
  let removeHintListener: (() => void) | undefined

  const stop = (attempt: Attempt | undefined): void => {
    attempt?.watchdog?.stop()
    attempt?.connection?.cancel()
    attempt?.controller.abort()
  }
  /** Changes the state, if it knows the trigger; a trigger that it does not know comes too late. */
  const dispatch = (trigger: Trigger, error?: StreamError, wait?: Parameters<typeof timer.start>): void => {
    const nextState = transition(state, trigger)
    if (nextState === state) return
    const { status, attempt } = nextState
    const hasChanged = status !== state.status
    const next: StreamState = {
      status,
      attempt,
      ...(error && { error }),
      ...(wait && { nextAttemptAt: Date.now() + wait[0] }),
    }
    state = next
    if (!hasChanged) return
    timer.stop()
    if (status !== 'open') {
      if (trigger === 'finish' && current?.connection) {
        const { connection, pendingRead, watchdog, controller } = current
        watchdog?.stop()
        drain(connection, pendingRead, clock, controller)
      } else stop(current)
      current = undefined
    }
    if (status === 'connecting' || status === 'refreshing') void connect(trigger === 'rejected' ? trigger : 'connect')
    else if (wait) timer.start(...wait)
    else if (status === 'closed') {
      removeHintListener?.()
      serveReader()
    }
    // A hook may have moved on already: it was called with the newer state then.
    if (state === next) hooks.onStateChange(state)
  }

  const fail = (error: StreamError): void => {
    if (error.code === 'auth' && error.status) return dispatch('rejected', error)
    if (clock.now() - (current?.openedAt ?? Infinity) >= STABLE_AFTER_MS) dispatch('progress')
    const serverDelay = Math.max(timer.reconnectionTime, parseRetryAfter(error.headers?.get('retry-after')))
    const { attempt } = state
    const isOffline = networkStatus.isOffline()
    const delayOrError = hooks.nextRetry(error, isOffline ? 1 : attempt, serverDelay)
    if (typeof delayOrError !== 'number') return dispatch('ended', delayOrError)
    const hintDelay = Math.max(serverDelay, attempt > 1 ? HINTED_RETRY_SPACING_MS : 0)
    dispatch(isOffline ? 'offline' : 'failed', error, [
      isOffline ? OFFLINE_POLL_MS : delayOrError,
      serverDelay,
      hintDelay,
    ])
  }

  const connect = async (reason: AttemptContext['reason']): Promise<void> => {
    const attempt: Attempt = (current = {
      controller: new AbortController(),
      openedAt: Infinity,
      isEmpty: true,
      hasBegun: false,
    })
    const { controller } = attempt
    let isFinal = false
    observe?.({ type: 'attempt', attempt: state.attempt, reason })
    try {
      const connection = await openConnection(options, controller, {
        label,
        async request(signal) {
          try {
            return await hooks.request({ reason, attempt: state.attempt, signal })
          } catch (error) {
            // Only credentials are worth another attempt; anything else is an error of the application's own code.
            isFinal = !isStreamError(error, 'auth')
            throw error
          }
        },
        checkResponse(response) {
          observe?.({ type: 'response', status: response.status })
          return hooks.checkResponse(response)
        },
      })
      if (current !== attempt) return connection?.cancel()
      if (!connection) return dispatch('ended')
      attempt.connection = connection
      attempt.openedAt = clock.now()
      attempt.watchdog = createWatchdog(clock, idleTimeout, stallTimeout, (code, ms) => {
        if (current === attempt) fail(silenceError(code, ms, label))
      })
      observe?.({ type: 'opened', reconnected: hasOpened })
      hasOpened = true
      dispatch('opened')
      serveReader()
    } catch (error) {
      if (current !== attempt) return
      if (isFinal) dispatch('ended', error as StreamError)
      else fail(error as StreamError)
    }
  }

  const handOut = (batch: Batch, connection: Connection): void => {
    const waiting = reader
    reader = undefined
    waiting?.resolve({ batch, connection })
  }
  /** Gives the pending read what it can have now, or starts a read of the connection for it. */
  const serveReader = (): void => {
    const attempt = current
    if (!reader) return
    if (state.status === 'closed') {
      if (state.error) reader.reject(state.error)
      else reader.resolve(undefined)
      reader = undefined
      return
    }
    const connection = attempt?.connection
    if (!connection || attempt.pendingRead) return
    if (!attempt.hasBegun) {
      attempt.hasBegun = true
      return handOut({ blocks: [], bytes: 0, begins: true }, connection)
    }
    attempt.watchdog?.beginRead()
    attempt.pendingRead = connection.read()
    attempt.pendingRead.then(
      (batch) => {
        if (current !== attempt) return
        attempt.pendingRead = undefined
        if (batch) {
          attempt.isEmpty &&= !batch.bytes
          attempt.watchdog?.endRead(batch.blocks.some(({ data }) => data !== undefined))
          if (batch.retry !== undefined) timer.reconnectionTime = clampDelay(batch.retry)
          return handOut(batch, connection)
        }
        const error = hooks.endOfConnection(attempt.isEmpty)
        if (error) fail(error)
        else dispatch('ended')
      },
      (cause: unknown) => {
        if (current !== attempt) return
        const isKnown = isStreamError(cause)
        fail(isKnown ? cause : new StreamError('network', `Request failed: ${label}`, { cause, retryable: true }))
      },
    )
  }
  /** The page is shown again, or the network is back. */
  const handleHint = (): void => {
    current?.watchdog?.check()
    // What that check has failed is waiting a moment later.
    clock.after(0, () => state.status === 'waiting' && timer.hurry())
  }

  return {
    get state() {
      return state
    },
    start() {
      if (state.status === 'idle') removeHintListener = networkStatus.onReconnectHint(handleHint)
      dispatch('start')
    },
    read: () =>
      new Promise((resolve, reject) => {
        reader = { resolve, reject }
        serveReader()
      }),
    progress() {
      if (state.attempt > 1) dispatch('progress')
    },
    fail(error, connection) {
      if (current?.connection === connection) fail(error)
    },
    reconnect() {
      if (state.status === 'closed' || !timer.isAllowed) return false
      dispatch(state.status === 'waiting' ? 'retry' : 'reconnect')
      return true
    },
    finish: (error) => dispatch('finish', error),
    close: (error) => dispatch('close', error),
    setIdleTimeout(ms) {
      if (ms === idleTimeout) return
      idleTimeout = ms
      current?.watchdog?.setIdleTimeout(ms)
    },
  }
}
