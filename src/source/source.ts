/** The source of a stream: one connection after another, read batch by batch, with retries in between. */
import { type StreamError, isStreamError } from '../base/errors.ts'
import { formatRequestLabel } from '../base/request-error.ts'
import type { Batch, ConnectRequest, Connection } from '../connect/connect.ts'
import { type AttemptOptions, STABLE_AFTER_MS, openConnection, requestFailed, silenceError } from './attempt.ts'
import { type NetworkStatus, platformNetworkStatus } from './network-status.ts'
import type { Observer } from './record.ts'
import { type RetryOptions, clampDelay, finalError, parseRetryAfter, retryDelay } from './retry.ts'
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
  retry: RetryOptions
  /** Source of random numbers from 0 to 1, for jitter. */
  random(): number
  /** Milliseconds without a byte after which a connection counts as dead. @defaultValue none */
  idleTimeout?: number
  /** Milliseconds without an event after which a connection counts as stalled. @defaultValue none */
  stallTimeout?: number
  /** Reports changes of the network and the page. @defaultValue the platform's */
  networkStatus?: NetworkStatus
  /** Receives the records of the stream. */
  observe?: Observer | undefined
}

/** What the stream decides. After `close()`, only `onStateChange` and `onEnd` are called. */
export interface SourceHooks {
  /** Method, and URL without query, for messages. */
  label: string
  /** Builds the next request. */
  request(context: AttemptContext): Promise<ConnectRequest>
  /** Checks a response, as in `AttemptHooks`. */
  checkResponse(connection: Connection, request: ConnectRequest): Promise<boolean | void>
  /** Returns whether the request may be sent again after `error`. */
  isRepeatable(error: StreamError): boolean
  /**
   * Called with each batch, in order; each connection starts with an empty batch that `begins` it. The next batch is
   * read once the promise has resolved. An error fails the attempt: the connection cannot be used any further.
   */
  onBatch(batch: Batch, connection: Connection): Promise<StreamError | void> | undefined
  /**
   * Returns what the clean end of a connection means: an error, or nothing if the stream is complete. `isEmpty`: the
   * connection has brought no byte.
   */
  endOfConnection(isEmpty: boolean): StreamError | undefined
  onStateChange(state: StreamState): void
  /** Called once the source is closed and the last batch was accepted, with the error that has ended the stream. */
  onEnd(error?: StreamError): void
}

export interface Source {
  readonly state: StreamState
  start(): void
  /** The stream has received something new: attempts count from 1 again. */
  progress(): void
  /** Connects again at once. Returns `false`, and does nothing, once closed and before the server allows it. */
  reconnect(): boolean
  /** Ends the stream, of which everything that matters was received: its connection may end by itself. */
  finish(error?: StreamError): void
  /** Ends the stream. Idempotent. */
  close(): void
  /** Sets `idleTimeout`, also of the current connection. */
  setIdleTimeout(ms: number): void
}

/** Milliseconds between attempts that hints hurry; the first is made at once. */
const HINTED_RETRY_SPACING_MS = 1_000
/** Milliseconds between checks whether the network is back although nothing has said so. */
const OFFLINE_POLL_MS = 60_000
/** Milliseconds that the connection of a finished stream may take to end. */
const DRAIN_TIMEOUT_MS = 1_000

/** One attempt, from its request to the end of its connection. */
interface Attempt {
  readonly controller: AbortController
  /** Method, and URL without query, of its request. */
  label: string
  openedAt: number
  connection?: Connection
  watchdog?: Watchdog
  /** Set once the stream is finished: the connection is read to its end, so that it can be used for other requests. */
  cancelDrainTimeout?: () => void
}

/** Creates a source; it sends nothing before `start()`. */
export function createSource(options: SourceOptions, hooks: SourceHooks): Source {
  const { clock, retry, stallTimeout = Infinity, networkStatus = platformNetworkStatus, observe } = options
  const timer = createRetryTimer(clock, () => dispatch('retry'))
  let { idleTimeout = Infinity } = options
  let state: StreamState = initialState
  let hasOpened = false
  let current: Attempt | undefined
  /** The last batch: pending until the stream accepts the next one. */
  let accepting: Promise<StreamError | void> | undefined
  let removeHintListener: (() => void) | undefined

  const stop = ({ watchdog, connection, controller }: Attempt): void => {
    watchdog?.stop()
    connection?.cancel()
    controller.abort()
  }
  const drain = (attempt: Attempt): void => {
    attempt.watchdog?.stop()
    attempt.cancelDrainTimeout = clock.after(DRAIN_TIMEOUT_MS, () => stop(attempt))
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
    if (status !== 'open' && current) {
      if (trigger === 'finish') drain(current)
      else stop(current)
      current = undefined
    }
    if (status === 'connecting' || status === 'refreshing') void connect(trigger === 'rejected' ? trigger : 'connect')
    else if (wait) timer.start(...wait)
    else if (status === 'closed') {
      removeHintListener?.()
      void Promise.resolve(accepting).finally(() => hooks.onEnd(error))
    }
    // A hook may have moved on already: it was called with the newer state then.
    if (state === next) hooks.onStateChange(state)
  }

  const fail = (error: StreamError): void => {
    if (error.code === 'auth' && error.status) return dispatch('rejected', error)
    if (clock.now() - (current?.openedAt ?? Infinity) >= STABLE_AFTER_MS) dispatch('progress')
    const serverDelay = Math.max(timer.reconnectionTime, parseRetryAfter(error.headers?.get('retry-after')))
    const isOffline = networkStatus.isOffline()
    // Without a network, an attempt does not count.
    const attempt = isOffline ? 1 : state.attempt
    const delay = hooks.isRepeatable(error) && retryDelay(retry, error, attempt, serverDelay, options.random)
    if (typeof delay !== 'number') return dispatch('ended', finalError(retry, error, attempt, hooks.label))
    const hintDelay = Math.max(serverDelay, state.attempt > 1 ? HINTED_RETRY_SPACING_MS : 0)
    dispatch(isOffline ? 'offline' : 'failed', error, [isOffline ? OFFLINE_POLL_MS : delay, serverDelay, hintDelay])
  }

  const connect = async (reason: AttemptContext['reason']): Promise<void> => {
    const attempt: Attempt = (current = { controller: new AbortController(), label: hooks.label, openedAt: Infinity })
    let isFinal = false
    observe?.({ type: 'attempt', attempt: state.attempt, reason })
    try {
      const connection = await openConnection(options, attempt.controller, {
        label: hooks.label,
        async request(signal) {
          try {
            const request = await hooks.request({ reason, attempt: state.attempt, signal })
            attempt.label = formatRequestLabel(request)
            return request
          } catch (error) {
            // Only credentials are worth another attempt; anything else is an error of the application's own code.
            isFinal = !isStreamError(error, 'auth')
            throw error
          }
        },
        checkResponse(response, request) {
          observe?.({ type: 'response', status: response.status })
          return hooks.checkResponse(response, request)
        },
      })
      if (current !== attempt) return connection?.cancel()
      if (!connection) return dispatch('ended')
      attempt.connection = connection
      attempt.openedAt = clock.now()
      attempt.watchdog = createWatchdog(clock, idleTimeout, stallTimeout, (code, ms) => {
        if (current === attempt) fail(silenceError(code, ms, attempt.label))
      })
      observe?.({ type: 'opened', reconnected: hasOpened })
      hasOpened = true
      dispatch('opened')
      await readAll(attempt, connection)
    } catch (cause) {
      if (current !== attempt) return
      if (isFinal) dispatch('ended', cause as StreamError)
      else fail(isStreamError(cause) ? cause : requestFailed(attempt.label, cause))
    }
  }

  /** Reads a connection to its end, or until another one has replaced it. */
  const readAll = async (attempt: Attempt, connection: Connection): Promise<void> => {
    let isEmpty = true
    try {
      // The last batch of the previous connection may still be pending.
      await accepting
      for (let batch: Batch | null = { blocks: [], bytes: 0, begins: true }; batch; batch = await connection.read()) {
        if (current === attempt) {
          attempt.watchdog?.endRead(batch.blocks.some(({ data }) => data !== undefined))
          isEmpty &&= !batch.bytes
          if (batch.retry !== undefined) timer.reconnectionTime = clampDelay(batch.retry)
          const error = await (accepting = hooks.onBatch(batch, connection))
          if (error) throw error
        }
        if (current !== attempt && !attempt.cancelDrainTimeout) return
        attempt.watchdog?.beginRead()
      }
      if (current !== attempt) return
      const error = hooks.endOfConnection(isEmpty)
      if (error) throw error
      dispatch('ended')
    } finally {
      attempt.cancelDrainTimeout?.()
      connection.cancel()
    }
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
    progress() {
      if (state.attempt > 1) dispatch('progress')
    },
    reconnect() {
      if (state.status === 'closed' || !timer.isAllowed) return false
      dispatch(state.status === 'waiting' ? 'retry' : 'reconnect')
      return true
    },
    finish(error) {
      dispatch('finish', error)
      dispatch('close', error)
    },
    close: () => dispatch('close'),
    setIdleTimeout(ms) {
      if (ms === idleTimeout) return
      idleTimeout = ms
      current?.watchdog?.setIdleTimeout(ms)
    },
  }
}
