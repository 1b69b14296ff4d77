/** One logical stream over many connections: runs what the state table says. */
import type { Clock } from '../base/clock.ts'
import { type Problem, StreamError, isStreamError } from '../base/errors.ts'
import type { Batch, Connect, Connection, ConnectRequest } from '../connect/connect.ts'
import { clampDelay, parseRetryAfter, retriedStatuses, retryDelay, type RetryOptions } from './retry.ts'
import { type Effect, type SourceEvent, type Status, initialState, transition } from './state.ts'
import { createWatchdog, type Watchdog } from './watchdog.ts'

/** Where a stream is. */
export interface StreamState {
  /** `idle`: not started; `waiting`: for the next attempt. */
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

/** Why credentials and headers are asked for: `rejected` after a 401. */
export interface AttemptContext {
  reason: 'connect' | 'rejected'
  /** Counted from 1. */
  attempt: number
  /** Aborted when the attempt is given up. */
  signal: AbortSignal
}

export interface SourceOptions {
  connect: Connect
  clock: Clock
  random(): number
  retry: RetryOptions
  connectTimeout: number
  idleTimeout: number
  stallTimeout: number
  isEventStream(type: string): boolean
  lastEventId: string
  /** What is asked for, for messages: method, and URL without query. */
  name: string
}

/** What the stream above decides, and is told. */
export interface SourceHooks {
  /** What to ask for now. What it rejects with is a failure of `auth`. */
  request(context: AttemptContext, lastEventId: string): Promise<ConnectRequest>
  /** Whether the request may be sent once more after this failure. */
  repeatable(error: StreamError): boolean
  /** Whether new credentials can be had after a 401. */
  refreshable: boolean
  /** The code for a status that is not 200. */
  refusal(status: number): 'http' | 'expired'
  opened(connection: Connection, reconnected: boolean): void
  /** One event, in order. A `StreamError` that it throws ends the connection, and the event does not count as received. */
  event(event: RawEvent): void
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
  readonly lastEventId: string
  start(): void
  /** Idempotent, and silent: no hook is called after it but `changed`. */
  close(): void
  setIdleTimeout(ms: number): void
}

/** Open for this long, a connection counts as a success (milliseconds). */
const SETTLED = 10_000
/** Longest problem document that is read. */
const PROBLEM_SIZE = 16_384

/** Makes a source; it sends nothing before `start()`. */
export function createSource(options: SourceOptions, hooks: SourceHooks): Source {
  const { clock, name, retry } = options
  let { lastEventId, idleTimeout } = options
  let state = initialState
  let report: StreamState = state
  let floor = 0 // what the server asked for as reconnection time
  let opened = 0
  let current: AbortController | undefined
  let watchdog: Watchdog | undefined
  let cancelWait: (() => void) | undefined

  const perform = (effect: Effect): void => {
    if (effect.type === 'connect') void attempt(effect.reason)
    else if (effect.type === 'wait') cancelWait = clock.after(effect.delay, () => dispatch({ type: 'due' }))
    else if (effect.type === 'settle') hooks.settled(effect.error)
    else {
      cancelWait?.()
      watchdog?.stop()
      current?.abort()
      current = undefined
    }
  }
  const dispatch = (event: SourceEvent): void => {
    const before = state
    const [next, effects] = transition(state, event)
    state = next
    const changed = before.status !== next.status
    if (changed || before.attempt !== next.attempt) {
      const { status, attempt } = next
      report = { status, attempt }
      if ('error' in event) report = { ...report, error: event.error }
      if ('delay' in event && status === 'waiting') report = { ...report, retryAt: Date.now() + event.delay! }
    }
    effects.forEach(perform)
    // A hook may have moved on already: its change was told then, and this one is past.
    if (changed && state.status === next.status) hooks.changed(report)
  }

  const fail = (error: StreamError, opening: number): void => {
    if (opening && clock.now() - opening >= SETTLED) dispatch({ type: 'progress' })
    const floored = Math.max(floor, parseRetryAfter(error.headers?.get('retry-after') ?? null))
    const { attempt } = state
    const delay = hooks.repeatable(error)
      ? retryDelay(retry, { error, attempt, floor: floored, random: options.random })
      : undefined
    // Credentials that can't be had say more than that it was tried often.
    const exhausted = delay === undefined && attempt > 1 && error.code !== 'auth' && attempt > (retry.limit ?? Infinity)
    dispatch({
      type: 'failed',
      delay,
      error: exhausted
        ? new StreamError('retries-exhausted', `Gave up after ${attempt} attempts: ${name}: ${error.message}`, { cause: error })
        : error,
    })
  }

  const refuse = async (connection: Connection): Promise<StreamError> => {
    const { status, headers } = connection
    let problem: Problem | undefined
    try {
      if (/json/.test(headers.get('content-type') ?? '')) problem = JSON.parse(await connection.problem(PROBLEM_SIZE))
    } catch {
      // Not a document that can be read: the status says enough.
    }
    const rejected = status === 401 && hooks.refreshable
    return new StreamError(rejected ? 'auth' : hooks.refusal(status), `Status ${status}: ${name}`, {
      status,
      headers,
      problem,
      retryable: (retry.statusCodes ?? retriedStatuses).includes(status),
    })
  }

  /** Hands over what is whole and in order; returns what went wrong with the event after that. */
  const receive = ({ blocks }: Batch, controller: AbortController): { error: unknown } | undefined => {
    let advanced = false
    try {
      for (const { type, data, id = lastEventId } of blocks) {
        if (data !== undefined) hooks.event({ type, data, id })
        if (current !== controller) return undefined
        advanced ||= id !== lastEventId
        lastEventId = id
      }
    } catch (error) {
      return { error }
    } finally {
      if (advanced) dispatch({ type: 'progress' })
    }
    return undefined
  }

  const attempt = async (reason: AttemptContext['reason']): Promise<void> => {
    const controller = (current = new AbortController())
    const { signal } = controller
    // A promise below may ignore the signal: whoever waits must not.
    let bail: ((reason: unknown) => void) | undefined
    signal.addEventListener('abort', () => bail?.(signal.reason))
    const unlessAborted = <Value>(promise: Promise<Value> | undefined): Promise<Value> =>
      new Promise((resolve, reject) => {
        if (signal.aborted) reject(signal.reason)
        bail = reject
        promise?.then(resolve, reject)
      })

    let opening = 0
    let doing: 'auth' | 'network' = 'auth'
    let connection: Connection | undefined
    const cancelDeadline = clock.after(options.connectTimeout, () =>
      controller.abort(new StreamError(doing, `No ${doing === 'auth' ? 'credentials' : 'answer'} within ${options.connectTimeout} ms: ${name}`, { retryable: true })))
    try {
      const request = await unlessAborted(hooks.request({ reason, attempt: state.attempt, signal }, lastEventId))
      doing = 'network'
      const connecting = options.connect(request)
      void connecting.then((late) => signal.aborted && late.cancel(), () => {})
      connection = await unlessAborted(connecting)
      if (connection.status === 204) return dispatch({ type: 'finished' })
      if (connection.status !== 200) throw await unlessAborted(refuse(connection))
      const type = connection.headers.get('content-type') ?? ''
      if (!options.isEventStream(type)) throw new StreamError('content-type', `Not an event stream but "${type}": ${name}`, { status: 200 })
      cancelDeadline()
      opening = clock.now()
      dispatch({ type: 'opened' })
      hooks.opened(connection, !!opened++)
      watchdog = createWatchdog(clock, idleTimeout, options.stallTimeout, (code, timeout) =>
        controller.abort(new StreamError(code, `${code === 'idle' ? 'Silent' : 'No event'} for ${timeout} ms, the connection may be dead or buffered by a proxy: ${name}`, { retryable: true })))
      while (current === controller) {
        watchdog.reading()
        const batch = await unlessAborted(connection.read())
        watchdog.read(!!batch?.blocks.length)
        if (!batch) {
          const error = hooks.ended()
          if (error) throw error
          return dispatch({ type: 'finished' })
        }
        if (batch.retry !== undefined) floor = clampDelay(batch.retry)
        const failure = receive(batch, controller)
        const room = hooks.flush(batch.bytes)
        if (room) await unlessAborted(room)
        if (failure) throw failure.error
      }
    } catch (cause) {
      if (current !== controller) return // given up: nobody waits for this attempt
      const error = isStreamError(cause)
        ? cause
        : new StreamError(doing, `${doing === 'auth' ? 'No credentials' : 'Connection failed'}: ${name}`, { cause, retryable: true })
      if (error.code === 'auth' && error.status) dispatch({ type: 'rejected', error })
      else fail(error, opening)
    } finally {
      cancelDeadline()
      connection?.cancel()
    }
  }

  return {
    get state() {
      return report
    },
    get lastEventId() {
      return lastEventId
    },
    start: () => dispatch({ type: 'start' }),
    close: () => dispatch({ type: 'close' }),
    setIdleTimeout(ms) {
      idleTimeout = ms
      watchdog?.setIdleTimeout(ms)
    },
  }
}
