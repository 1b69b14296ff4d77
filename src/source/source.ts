/** One logical stream over many connections: runs what the state table says. */
import type { StreamError } from '../base/errors.ts'
import type { Batch, Connection, ConnectRequest } from '../connect/connect.ts'
import { type AttemptOptions, SETTLED, runAttempt } from './attempt.ts'
import { type Environment, pageEnvironment } from './network-status.ts'
import { clampDelay, parseRetryAfter } from './retry.ts'
import { type Status, type Trigger, initialState, transition } from './state.ts'
import { type Watchdog, createWatchdog } from './watchdog.ts'

/** Where a stream is. */
export interface StreamState {
  /** What it is doing. `waiting`: for its next attempt; `refreshing`: for new credentials; `closed`: for good. */
  readonly status: Status
  /** The attempt under way or awaited, counted from 1; 1 again after progress. */
  readonly attempt: number
  /** While waiting: when the next attempt is due, in milliseconds since the epoch. */
  readonly retryAt?: number
  /** Why it waits, or was closed. */
  readonly error?: StreamError
}

/** An event as it is on the wire, with the last event ID as of it. */
export interface RawEvent {
  type: string
  data: string
  id: string
}

/** Why, and for how long, credentials and headers are asked for. */
export interface AttemptContext {
  /** `rejected`: the last ones were refused. */
  reason: 'connect' | 'rejected'
  /** Counted from 1. */
  attempt: number
  /** Aborted when the attempt is given up. */
  signal: AbortSignal
}

export interface SourceOptions extends Omit<AttemptOptions, 'watch'> {
  /** Milliseconds. */
  idleTimeout?: number
  /** Milliseconds. */
  stallTimeout?: number
  /** What tells of the network and the page. @defaultValue the platform's */
  environment?: Environment
}

/**
 * What an event is where it is no progress: `greeting`, said at each connection anew; `duplicate`, had from an earlier
 * connection; neither moves a last event ID that there is. `reset`, after which ids begin anew, does.
 */
export type Known = 'greeting' | 'duplicate' | 'reset'

/** What the stream above decides, and is told. */
export interface SourceHooks {
  /** What is asked for, for messages: method, and URL without query. */
  name: string
  /** What to ask for now. What it rejects with is a failure of `auth`. */
  request(context: AttemptContext, lastEventId: string): Promise<ConnectRequest>
  /** There is an answer, of any status. */
  answered(connection: Connection): void
  /** Whether the answer is an event stream: otherwise rejects with a `StreamError`. */
  judge(connection: Connection): Promise<void>
  /** What follows on a failure: milliseconds until the next attempt, `floor` or more, or the error to end with. */
  retry(error: StreamError, attempt: number, floor: number): number | StreamError
  opened(connection: Connection, reconnected: boolean): void
  /**
   * One event, in order, and the id that is its own, where it has one. Returns what is known of it already.
   * A `StreamError` that it throws ends the connection, and the event does not count as received.
   */
  event(event: RawEvent, ownId: string | undefined): Known | undefined
  /** The events of one read are through. What it returns holds the reading back. */
  flush(bytes: number): Promise<void> | undefined
  /** The connection ended cleanly: what that means; nothing: there is no more. */
  ended(): StreamError | undefined
  changed(state: StreamState): void
  /** There will be no more events; not called after `close()`. */
  settled(error?: StreamError): void
}

export interface Source {
  readonly state: StreamState
  /** The last event ID received: what the next request continues from. */
  lastEventId: string
  start(): void
  /** All that matters was received: silent from now on, but the connection may end by itself. */
  complete(error?: StreamError): void
  /** Idempotent, and silent: no hook is called after it but `changed`. */
  close(error?: StreamError): void
  setIdleTimeout(ms: number): void
}

/** How long a complete stream may take to end (milliseconds). */
const DRAIN = 1_000
/** Between attempts that the page's events hurry (milliseconds); the first is made at once. */
const BREATH = 1_000
/** Between looks whether the network is back although nothing has said so (milliseconds). */
const OFFLINE = 60_000

/** Makes a source that goes on after `lastEventId`; it sends nothing before `start()`. */
export function createSource(options: SourceOptions, hooks: SourceHooks, lastEventId = ''): Source {
  const { clock, stallTimeout = Infinity, environment = pageEnvironment } = options
  let { idleTimeout = Infinity } = options
  let state = initialState
  let report: StreamState = state
  let offered: string | undefined // by a greeting, as the position that this connection is at
  let floor = 0 // what the server asked for as reconnection time
  let earliest = 0 // when the next attempt may be made, however urgent
  let reconnected = false
  let current: AbortController | undefined
  let watchdog: Watchdog | undefined
  let cancelWait: (() => void) | undefined
  let ignoreWakes: (() => void) | undefined

  const watch: AttemptOptions['watch'] = (onSilence) =>
    (watchdog = createWatchdog(clock, idleTimeout, stallTimeout, onSilence))
  const wait = (ms: number): void => {
    cancelWait = clock.after(ms, () => dispatch('due'))
  }
  /** Lets go of what the last state held, and does what the new one is for; `how`: by which event it was entered. */
  const enter = (status: Status, how: Trigger, delay: number, error?: StreamError): void => {
    cancelWait?.()
    watchdog?.stop()
    const leaving = current
    watchdog = current = undefined
    if (how === 'complete') cancelWait = clock.after(DRAIN, () => leaving?.abort())
    else leaving?.abort()
    if (status === 'waiting') wait(delay)
    else if (status !== 'closed') void attempt(how === 'rejected' ? how : 'connect')
    else {
      ignoreWakes?.()
      // Whoever closes it, or has all that matters, knows.
      if (how === 'ended' || how === 'rejected') hooks.settled(error)
    }
  }
  const dispatch = (event: Trigger, error?: StreamError, delay?: number): void => {
    const before = state.status
    const next = (state = transition(state, event))
    const { status } = next
    const changed = status !== before
    if (changed || event === 'progress') {
      report = { ...next, ...(error && { error }), ...(delay !== undefined && { retryAt: Date.now() + delay }) }
    }
    if (!changed) return
    if (status !== 'open') enter(status, event, delay ?? 0, error)
    // A hook may have moved on already: its change was told then, and this one is past.
    if (state === next) hooks.changed(report)
  }

  const fail = (error: StreamError, opening: number): void => {
    if (error.code === 'auth' && error.status) return dispatch('rejected', error)
    const now = clock.now()
    if (now - opening >= SETTLED) dispatch('progress')
    const least = Math.max(floor, parseRetryAfter(error.headers?.get('retry-after')))
    const { attempt } = state
    const offline = environment.isOffline()
    const verdict = hooks.retry(error, offline ? 1 : attempt, least)
    earliest = now + Math.max(least, attempt > 1 ? BREATH : 0)
    if (typeof verdict !== 'number') dispatch('ended', verdict)
    else if (offline) dispatch('suspended', error, OFFLINE)
    else dispatch('failed', error, verdict)
  }

  /** The page is seen again, or the network is back. */
  const wake = (): void => {
    watchdog?.check()
    // What that has aborted is waiting a moment later.
    clock.after(0, () => {
      if (state.status !== 'waiting') return
      cancelWait?.()
      wait(Math.max(0, earliest - clock.now()))
    })
  }

  /** Hands over what is whole and in order; returns what went wrong with the event after that. */
  const receive = ({ blocks }: Batch, controller: AbortController): { error: unknown } | undefined => {
    let advanced = false
    try {
      for (const block of blocks) {
        const { id } = block
        block.id ??= lastEventId
        const known = block.data === undefined ? undefined : hooks.event(block as RawEvent, id)
        if (current !== controller) break
        if (known === 'greeting') offered = id
        if (known === 'reset') lastEventId = id ?? offered ?? lastEventId
        else if (id !== undefined && id !== lastEventId && !(known && lastEventId)) {
          advanced ||= !known
          lastEventId = id
        }
        block.id = lastEventId
      }
    } catch (error) {
      return { error }
    } finally {
      if (advanced) dispatch('progress')
    }
    return undefined
  }

  const attempt = async (reason: 'connect' | 'rejected'): Promise<void> => {
    const controller = (current = new AbortController())
    offered = undefined
    let opening = Infinity
    try {
      const more = await runAttempt({ ...options, watch }, controller, {
        name: hooks.name,
        request: (signal) => hooks.request({ reason, attempt: state.attempt, signal }, lastEventId),
        answered: hooks.answered,
        judge: hooks.judge,
        opened(connection) {
          opening = clock.now()
          dispatch('opened')
          if (current !== controller) return
          hooks.opened(connection, reconnected)
          reconnected = true
        },
        read(batch) {
          // Nobody wants what is still coming: a connection that is read to its end can be used again.
          if (current !== controller) return undefined
          if (batch.retry !== undefined) floor = clampDelay(batch.retry)
          const broken = receive(batch, controller)
          const room = current === controller ? hooks.flush(batch.bytes) : undefined
          return broken ? Promise.resolve(room).then(() => Promise.reject(broken.error)) : room
        },
      })
      const error = more ? hooks.ended() : undefined
      if (error) throw error
      if (current === controller) dispatch('ended')
    } catch (error) {
      // Otherwise it was given up, and nobody waits for it.
      if (current === controller) fail(error as StreamError, opening)
    }
    if (state.status === 'closed') cancelWait?.()
  }

  return {
    get state() {
      return report
    },
    get lastEventId() {
      return lastEventId
    },
    set lastEventId(id) {
      lastEventId = id
    },
    start() {
      if (state.status === 'idle') ignoreWakes = environment.onWake(wake)
      dispatch('start')
    },
    complete: (error) => dispatch('complete', error),
    close: (error) => dispatch('close', error),
    setIdleTimeout(ms) {
      if (ms === idleTimeout) return
      idleTimeout = ms
      watchdog?.setIdleTimeout(ms)
    },
  }
}
