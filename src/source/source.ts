/** One logical stream over many connections: runs what the state table says. */
import type { StreamError } from '../base/errors.ts'
import type { Batch, Connection, ConnectRequest } from '../connect/connect.ts'
import { type AttemptOptions, STABLE_AFTER_MS, runAttempt } from './attempt.ts'
import { type NetworkStatus, platformNetworkStatus } from './network-status.ts'
import { clampDelay, parseRetryAfter } from './retry.ts'
import { type StreamStatus, type Trigger, initialState, transition } from './state.ts'
import { type Watchdog, createWatchdog } from './watchdog.ts'

/** The state of a stream. */
export interface StreamState {
  /** `idle`: not started yet; `refreshing`: connecting with new credentials; `waiting`: for the next attempt; `closed`: for good. */
  readonly status: StreamStatus
  /** Number of the current or next attempt, counted from 1; reset to 1 by progress. */
  readonly attempt: number
  /** While `waiting`: time of the next attempt, in milliseconds since the epoch. */
  readonly nextAttemptAt?: number
  /** The failure because of which the stream is `waiting`, `refreshing` or `closed`. */
  readonly error?: StreamError
}

/** An event as it is on the wire, with the last event ID as of it. */
export interface RawEvent {
  type: string
  data: string
  id: string
}

/** The attempt for which `auth` or `headers` is called. */
export interface AttemptContext {
  /** `rejected` after a 401: the previous credentials were not accepted. */
  reason: 'connect' | 'rejected'
  /** Number of the attempt, counted from 1; reset to 1 by progress. */
  attempt: number
  /** Aborted when the attempt is given up: the stream was closed, or `connectTimeout` has passed. */
  signal: AbortSignal
}

export interface SourceOptions extends Omit<AttemptOptions, 'startWatchdog'> {
  /** Milliseconds. */
  idleTimeout?: number
  /** Milliseconds. */
  stallTimeout?: number
  /** What tells of the network and the page. @defaultValue the platform's */
  networkStatus?: NetworkStatus
}

/**
 * Why an event is not progress. `handshake`: the server sends it on every connection; `duplicate`: an earlier connection
 * received it. Neither moves an existing last event ID. `reset` does, because the server starts a new sequence of IDs.
 */
export type EventDisposition = 'handshake' | 'duplicate' | 'reset'

/** What the stream above decides, and is told. */
export interface SourceHooks {
  /** What is asked for, for messages: method, and URL without query. */
  label: string
  /** What to ask for now. What it rejects with is a failure of `auth`. */
  request(context: AttemptContext, lastEventId: string): Promise<ConnectRequest>
  /** Called with every response, whatever its status. */
  onResponse(connection: Connection): void
  /** Rejects with a `StreamError` if the response is not an event stream. */
  checkResponse(connection: Connection): Promise<void>
  /** Returns what follows a failure: the milliseconds until the next attempt, at least `minDelay`, or the final error. */
  nextRetry(error: StreamError, attempt: number, minDelay: number): number | StreamError
  onOpen(connection: Connection, reconnected: boolean): void
  /**
   * One event, in order, and the id that is its own, where it has one. Returns what is known of it already.
   * A `StreamError` that it throws ends the connection, and the event does not count as received.
   */
  onEvent(event: RawEvent, ownId: string | undefined): EventDisposition | undefined
  /** The events of one read are through. What it returns holds the reading back. */
  onBatchEnd(bytes: number): Promise<void> | undefined
  /** The connection ended cleanly: what that means; nothing: there is no more. */
  onConnectionEnd(): StreamError | undefined
  onStateChange(state: StreamState): void
  /** There will be no more events; not called after `close()`. */
  onEnd(error?: StreamError): void
}

export interface Source {
  readonly state: StreamState
  /** The last event ID received: what the next request continues from. */
  lastEventId: string
  start(): void
  /** All that matters was received: silent from now on, but the connection may end by itself. */
  finish(error?: StreamError): void
  /** Idempotent, and silent: no hook is called after it but `changed`. */
  close(error?: StreamError): void
  setIdleTimeout(ms: number): void
}

/** How long a complete stream may take to end (milliseconds). */
const DRAIN_TIMEOUT_MS = 1_000
/** Between attempts that the page's events hurry (milliseconds); the first is made at once. */
const HINTED_RETRY_SPACING_MS = 1_000
/** Between looks whether the network is back although nothing has said so (milliseconds). */
const OFFLINE_POLL_MS = 60_000

/** Makes a source that goes on after `lastEventId`; it sends nothing before `start()`. */
export function createSource(options: SourceOptions, hooks: SourceHooks, lastEventId = ''): Source {
  const { clock, stallTimeout = Infinity, networkStatus = platformNetworkStatus } = options
  let { idleTimeout = Infinity } = options
  let state = initialState
  let publicState: StreamState = state
  let connectedId: string | undefined // ID of the `connected` event: the position at which this connection starts
  let reconnectionTime = 0 // what the server asked for as reconnection time
  let minNextAttemptAt = 0 // when the next attempt may be made, however urgent
  let reconnected = false
  let current: AbortController | undefined
  let watchdog: Watchdog | undefined
  let cancelWait: (() => void) | undefined
  let removeHintListener: (() => void) | undefined

  const startWatchdog: AttemptOptions['startWatchdog'] = (onSilence) =>
    (watchdog = createWatchdog(clock, idleTimeout, stallTimeout, onSilence))
  const wait = (ms: number): void => {
    cancelWait = clock.after(ms, () => dispatch('retry'))
  }
  /** Releases the resources of the previous state and performs the entry action of the new one. */
  const enter = (status: StreamStatus, trigger: Trigger, delay: number, error?: StreamError): void => {
    cancelWait?.()
    watchdog?.stop()
    const previous = current
    watchdog = current = undefined
    if (trigger === 'finish') cancelWait = clock.after(DRAIN_TIMEOUT_MS, () => previous?.abort())
    else previous?.abort()
    if (status === 'waiting') wait(delay)
    else if (status !== 'closed') void attempt(trigger === 'rejected' ? trigger : 'connect')
    else {
      removeHintListener?.()
      // Whoever closes it, or has all that matters, knows.
      if (trigger === 'ended' || trigger === 'rejected') hooks.onEnd(error)
    }
  }
  const dispatch = (trigger: Trigger, error?: StreamError, delay?: number): void => {
    const before = state.status
    const next = (state = transition(state, trigger))
    const { status } = next
    const hasChanged = status !== before
    if (hasChanged || trigger === 'progress') {
      publicState = {
        ...next,
        ...(error && { error }),
        ...(delay !== undefined && { nextAttemptAt: Date.now() + delay }),
      }
    }
    if (!hasChanged) return
    if (status !== 'open') enter(status, trigger, delay ?? 0, error)
    // A hook may have moved on already: its change was told then, and this one is past.
    if (state === next) hooks.onStateChange(publicState)
  }

  const fail = (error: StreamError, openedAt: number): void => {
    if (error.code === 'auth' && error.status) return dispatch('rejected', error)
    const now = clock.now()
    if (now - openedAt >= STABLE_AFTER_MS) dispatch('progress')
    const minDelay = Math.max(reconnectionTime, parseRetryAfter(error.headers?.get('retry-after')))
    const { attempt } = state
    const offline = networkStatus.isOffline()
    const delayOrError = hooks.nextRetry(error, offline ? 1 : attempt, minDelay)
    minNextAttemptAt = now + Math.max(minDelay, attempt > 1 ? HINTED_RETRY_SPACING_MS : 0)
    if (typeof delayOrError !== 'number') dispatch('ended', delayOrError)
    else if (offline) dispatch('offline', error, OFFLINE_POLL_MS)
    else dispatch('failed', error, delayOrError)
  }

  /** The page is seen again, or the network is back. */
  const handleReconnectHint = (): void => {
    watchdog?.check()
    // What that has aborted is waiting a moment later.
    clock.after(0, () => {
      if (state.status !== 'waiting') return
      cancelWait?.()
      wait(Math.max(0, minNextAttemptAt - clock.now()))
    })
  }

  /** Hands over what is whole and in order; returns what went wrong with the event after that. */
  const receive = ({ blocks }: Batch, controller: AbortController): { error: unknown } | undefined => {
    let hasProgressed = false
    try {
      for (const block of blocks) {
        const { id } = block
        block.id ??= lastEventId
        const disposition = block.data === undefined ? undefined : hooks.onEvent(block as RawEvent, id)
        if (current !== controller) break
        if (disposition === 'handshake') connectedId = id
        if (disposition === 'reset') lastEventId = id ?? connectedId ?? lastEventId
        else if (id !== undefined && id !== lastEventId && !(disposition && lastEventId)) {
          hasProgressed ||= !disposition
          lastEventId = id
        }
        block.id = lastEventId
      }
    } catch (error) {
      return { error }
    } finally {
      if (hasProgressed) dispatch('progress')
    }
    return undefined
  }

  const attempt = async (reason: 'connect' | 'rejected'): Promise<void> => {
    const controller = (current = new AbortController())
    connectedId = undefined
    let openedAt = Infinity
    try {
      const hadStream = await runAttempt({ ...options, startWatchdog }, controller, {
        label: hooks.label,
        request: (signal) => hooks.request({ reason, attempt: state.attempt, signal }, lastEventId),
        onResponse: hooks.onResponse,
        checkResponse: hooks.checkResponse,
        onOpen(connection) {
          openedAt = clock.now()
          dispatch('opened')
          if (current !== controller) return
          hooks.onOpen(connection, reconnected)
          reconnected = true
        },
        onBatch(batch) {
          // Nobody wants what is still coming: a connection that is read to its end can be used again.
          if (current !== controller) return undefined
          if (batch.retry !== undefined) reconnectionTime = clampDelay(batch.retry)
          const failure = receive(batch, controller)
          const backpressure = current === controller ? hooks.onBatchEnd(batch.bytes) : undefined
          return failure ? Promise.resolve(backpressure).then(() => Promise.reject(failure.error)) : backpressure
        },
      })
      const error = hadStream ? hooks.onConnectionEnd() : undefined
      if (error) throw error
      if (current === controller) dispatch('ended')
    } catch (error) {
      // Otherwise it was given up, and nobody waits for it.
      if (current === controller) fail(error as StreamError, openedAt)
    }
    if (state.status === 'closed') cancelWait?.()
  }

  return {
    get state() {
      return publicState
    },
    get lastEventId() {
      return lastEventId
    },
    set lastEventId(id) {
      lastEventId = id
    },
    start() {
      if (state.status === 'idle') removeHintListener = networkStatus.onReconnectHint(handleReconnectHint)
      dispatch('start')
    },
    finish: (error) => dispatch('finish', error),
    close: (error) => dispatch('close', error),
    setIdleTimeout(ms) {
      if (ms === idleTimeout) return
      idleTimeout = ms
      watchdog?.setIdleTimeout(ms)
    },
  }
}
