/** The source of a stream: one connection after another, read batch by batch, with retries in between. */
import type { StreamError } from '../base/errors.ts'
import type { Batch, ConnectRequest, Connection } from '../connect/connect.ts'
import { Attempt, type AttemptOptions, STABLE_AFTER_MS } from './attempt.ts'
import { type NetworkStatus, platformNetworkStatus } from './network-status.ts'
import type { Observer } from './record.ts'
import { type RetryOptions, clampDelay, finalError, parseRetryAfter, retryDelay } from './retry.ts'
import { createRetryTimer } from './retry-timer.ts'
import { type StreamState, type Trigger, initialState, transition } from './state.ts'
import { createWatchdog } from './watchdog.ts'

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
  idleTimeout?: number | undefined
  /** Milliseconds without an event after which a connection counts as stalled. @defaultValue none */
  stallTimeout?: number | undefined
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
  onBatch(batch: Batch, connection: Connection): Promise<StreamError | void> | void
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
  /** Sets `idleTimeout`, also of the current connection. `option` names what limits the silence, for messages. */
  setIdleTimeout(ms: number, option?: 'idleTimeout' | 'connectTimeout'): void
}

/** Milliseconds between attempts that hints hurry; the first is made at once. */
const HINTED_RETRY_SPACING_MS = 1_000
/** Milliseconds between checks whether the network is back although nothing has said so. */
const OFFLINE_POLL_MS = 60_000

/** Creates a source; it sends nothing before `start()`. */
export function createSource(options: SourceOptions, hooks: SourceHooks): Source {
  const { clock, retry, stallTimeout = Infinity, networkStatus = platformNetworkStatus, observe } = options
  const timer = createRetryTimer(clock, () => dispatch('retry'))
  let idle = { timeout: options.idleTimeout ?? Infinity, option: 'idleTimeout' }
  let state: StreamState = initialState
  let hasOpened = false
  let current: Attempt | undefined
  /** The last batch: pending until the stream accepts the next one. */
  let accepting: Promise<StreamError | void> | void
  let removeHintListener: (() => void) | undefined

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
      if (trigger === 'finish') current?.drain()
      else current?.stop()
      current = undefined
    }
    if (status === 'connecting' || status === 'refreshing') connect(trigger === 'rejected' ? trigger : 'connect')
    else if (wait) timer.start(...wait)
    else if (status === 'closed') {
      removeHintListener?.()
      void Promise.resolve(accepting).finally(() => hooks.onEnd(error))
    }
    // A hook may have moved on already: it was called with the newer state then.
    if (state === next) hooks.onStateChange(state)
  }

  const fail = (error: StreamError, openedAt: number): void => {
    if (error.code === 'auth' && error.status) return dispatch('rejected', error)
    if (clock.now() - openedAt >= STABLE_AFTER_MS) dispatch('progress')
    const serverDelay = Math.max(
      timer.reconnectionTime,
      error.retryAfter ? clampDelay(error.retryAfter) : parseRetryAfter(error.headers?.get('retry-after')),
    )
    const isOffline = networkStatus.isOffline()
    // Without a network, an attempt does not count.
    const attempt = isOffline ? 1 : state.attempt
    const delay = hooks.isRepeatable(error) && retryDelay(retry, error, attempt, serverDelay, options.random)
    if (typeof delay !== 'number') return dispatch('ended', finalError(retry, error, attempt, hooks.label))
    const hintDelay = Math.max(serverDelay, state.attempt > 1 ? HINTED_RETRY_SPACING_MS : 0)
    dispatch(isOffline ? 'offline' : 'failed', error, [isOffline ? OFFLINE_POLL_MS : delay, serverDelay, hintDelay])
  }

  const connect = (reason: AttemptContext['reason']): void => {
    let openedAt = Infinity
    const attempt = new Attempt(options, {
      label: hooks.label,
      request: (signal) => hooks.request({ reason, attempt: state.attempt, signal }),
      checkResponse(response, request) {
        observe?.({ type: 'response', status: response.status, via: response.via })
        return hooks.checkResponse(response, request)
      },
      startWatchdog: (onSilence) =>
        createWatchdog(clock, idle.timeout, stallTimeout, (code, ms) =>
          onSilence(code, ms, code === 'idle' ? idle.option : undefined),
        ),
      async onOpen(connection) {
        openedAt = clock.now()
        observe?.({ type: 'opened', reconnected: hasOpened })
        hasOpened = true
        dispatch('opened')
        // A batch of the previous connection may still be pending.
        await accepting
        if (current === attempt) await hooks.onBatch({ blocks: [], bytes: 0, begins: true }, connection)
      },
      onBatch(batch, connection) {
        if (batch.retry !== undefined) timer.reconnectionTime = clampDelay(batch.retry)
        return (accepting = hooks.onBatch(batch, connection))
      },
      endOfConnection: hooks.endOfConnection,
      onEnd(error, isFinal) {
        if (isFinal || !error) dispatch('ended', error as StreamError | undefined)
        else fail(error as StreamError, openedAt)
      },
    })
    current = attempt
    observe?.({ type: 'attempt', attempt: state.attempt, reason })
    attempt.start()
  }
  /** The page is shown again, or the network is back. */
  const handleHint = (): void => {
    current?.watchdog?.check()
    timer.hurry()
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
    setIdleTimeout(ms, option = 'idleTimeout') {
      if (ms === idle.timeout && option === idle.option) return
      idle = { timeout: ms, option }
      current?.watchdog?.setIdleTimeout(ms)
    },
  }
}
