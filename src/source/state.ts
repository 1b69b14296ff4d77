/** The life of a stream as a pure table: state × event → next state. */

/** `idle`: not started; `refreshing`: connecting with new credentials; `waiting`: for the next attempt. */
export type StreamStatus = 'idle' | 'connecting' | 'refreshing' | 'open' | 'waiting' | 'closed'

export interface SourceState {
  readonly status: StreamStatus
  /** The attempt under way or awaited, from 1; 1 again after progress. */
  readonly attempt: number
}

/**
 * `progress`: the cursor advanced, or the connection was open for long; `rejected`: the credentials were refused;
 * `failed`: another attempt follows; `offline`: the same without a network, so the attempt does not count; `retry`: the
 * delay is over; `ended`: no attempt follows; `finish`: everything that matters was received; `close`: the consumer
 * wants no more events.
 */
export type Trigger =
  | 'start'
  | 'opened'
  | 'progress'
  | 'rejected'
  | 'failed'
  | 'offline'
  | 'retry'
  | 'ended'
  | 'finish'
  | 'close'

type Transitions = { readonly [Event in Trigger]?: StreamStatus }

const exits: Transitions = { failed: 'waiting', offline: 'waiting', ended: 'closed', close: 'closed' }

const transitions: { readonly [Current in StreamStatus]: Transitions } = {
  idle: { start: 'connecting', close: 'closed' },
  connecting: { ...exits, opened: 'open', rejected: 'refreshing' },
  // The second refusal in a row is final.
  refreshing: { ...exits, opened: 'open', rejected: 'closed' },
  // Credentials can be taken back in the middle of a connection that others share.
  open: { ...exits, progress: 'open', rejected: 'refreshing', finish: 'closed' },
  waiting: { retry: 'connecting', close: 'closed' },
  closed: {},
}

export const initialState: SourceState = { status: 'idle', attempt: 1 }

/** What `event` makes of `state`. An event that a state does not know is late, and changes nothing: the same state is returned. */
export function transition(state: SourceState, event: Trigger): SourceState {
  const status = transitions[state.status][event]
  return status ? { status, attempt: event === 'progress' ? 1 : state.attempt + (event === 'failed' ? 1 : 0) } : state
}
