/** The life of a stream as a pure table: state × event → next state, and what to do. */

/** `idle`: not started; `refreshing`: connecting with new credentials; `waiting`: for the next attempt. */
export type Status = 'idle' | 'connecting' | 'refreshing' | 'open' | 'waiting' | 'closed'

export interface State {
  readonly status: Status
  /** The attempt under way or awaited, from 1; 1 again after progress. */
  readonly attempt: number
}

/**
 * `progress`: the cursor advanced, or the connection has been open for long; `rejected`: the credentials were refused;
 * `failed`: there will be another attempt; `suspended`: too, and there is no network, so that this one does not count; `due`: now; `ended`: there will be none; `complete`: all that matters was
 * received; `close`: nobody wants more.
 */
export type Trigger = 'start' | 'opened' | 'progress' | 'rejected' | 'failed' | 'suspended' | 'due' | 'ended' | 'complete' | 'close'

/** `release`: let go of connection and timers; `drain`: of all but the connection, which is about to end; `settle`: tell that it is over. */
export type Effect = 'connect' | 'refresh' | 'wait' | 'release' | 'drain' | 'settle'

type Row = { readonly [Event in Trigger]?: readonly [next: Status, ...effects: Effect[]] }

const again: readonly [Status, ...Effect[]] = ['waiting', 'release', 'wait']
const leave: Row = { failed: again, suspended: again, ended: ['closed', 'release', 'settle'], close: ['closed', 'release'] }

const table: { readonly [Current in Status]: Row } = {
  idle: { start: ['connecting', 'connect'], close: ['closed'] },
  connecting: { ...leave, opened: ['open'], rejected: ['refreshing', 'release', 'refresh'] },
  // The second refusal in a row is final.
  refreshing: { ...leave, opened: ['open'], rejected: ['closed', 'release', 'settle'] },
  open: { ...leave, progress: ['open'], complete: ['closed', 'drain'] },
  waiting: { due: ['connecting', 'connect'], close: ['closed', 'release'] },
  closed: {},
}

export const initialState: State = { status: 'idle', attempt: 1 }

/** What `event` does to `state`. An event that a state does not know is late, and changes nothing. */
export function transition(state: State, event: Trigger): [state: State, effects: readonly Effect[]] {
  const row = table[state.status][event]
  if (!row) return [state, []]
  const [status, ...effects] = row
  const attempt = event === 'progress' ? 1 : state.attempt + (event === 'failed' ? 1 : 0)
  return [{ status, attempt }, effects]
}
