/** The states of a stream, as a pure table: state × trigger → next state. */
import type { StreamError } from '../base/errors.ts'

/** `idle`: not started; `refreshing`: connecting with new credentials; `waiting`: for the next attempt. */
export type StreamStatus = 'idle' | 'connecting' | 'refreshing' | 'open' | 'waiting' | 'closed'

export interface SourceState {
  readonly status: StreamStatus
  /** Number of the current or next attempt, counted from 1; reset to 1 by progress. */
  readonly attempt: number
}

/** The state of a stream. */
export interface StreamState {
  /** `idle`: not started; `refreshing`: connecting with new credentials; `waiting`: for the next attempt; `closed`: for good. */
  readonly status: StreamStatus
  /** Number of the current or next attempt, counted from 1; reset to 1 by progress. */
  readonly attempt: number
  /** While `waiting`: time of the next attempt, in milliseconds since the epoch. */
  readonly nextAttemptAt?: number
  /** The failure because of which the stream is `waiting`, `refreshing` or `closed`. */
  readonly error?: StreamError
}

/**
 * `progress`: the cursor advanced, or the connection was open for long; `rejected`: the credentials were refused;
 * `failed`: another attempt follows; `offline`: the same without a network, so the attempt does not count; `retry`: the
 * delay is over; `reconnect`: the application wants a new connection; `ended`: no attempt follows; `finish`: everything
 * that matters was received; `close`: the consumer wants no more events.
 */
export type Trigger =
  | 'start'
  | 'opened'
  | 'progress'
  | 'rejected'
  | 'failed'
  | 'offline'
  | 'retry'
  | 'reconnect'
  | 'ended'
  | 'finish'
  | 'close'

type Transitions = { readonly [Key in Trigger]?: StreamStatus }

const exits: Transitions = { failed: 'waiting', offline: 'waiting', ended: 'closed', close: 'closed' }

const transitions: { readonly [Current in StreamStatus]: Transitions } = {
  idle: { start: 'connecting', close: 'closed' },
  connecting: { ...exits, opened: 'open', rejected: 'refreshing' },
  // The second rejection in a row is final.
  refreshing: { ...exits, opened: 'open', rejected: 'closed' },
  // A server may revoke credentials while a connection is open.
  open: { ...exits, progress: 'open', reconnect: 'connecting', rejected: 'refreshing', finish: 'closed' },
  waiting: { retry: 'connecting', close: 'closed' },
  closed: {},
}

export const initialState: SourceState = { status: 'idle', attempt: 1 }

/** Returns the next state. A trigger that the state does not know comes too late: the same state is returned. */
export function transition(state: SourceState, trigger: Trigger): SourceState {
  const status = transitions[state.status][trigger]
  return status
    ? { status, attempt: trigger === 'progress' ? 1 : state.attempt + (trigger === 'failed' ? 1 : 0) }
    : state
}
