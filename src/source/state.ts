/** The life of a stream as a pure table: state × event → next state, and what to do. */
import type { StreamError } from '../base/errors.ts'

export type Status = 'idle' | 'connecting' | 'open' | 'waiting' | 'closed'

export interface State {
  status: Status
  /** The attempt under way or awaited, from 1; 1 again after progress. */
  attempt: number
  /** Times in a row that the credentials were refused. */
  rejections: number
}

export type SourceEvent =
  | { type: 'start' }
  | { type: 'opened' }
  /** The cursor advanced, or the connection has been open for long: failures count anew. */
  | { type: 'progress' }
  /** The credentials were refused. */
  | { type: 'rejected'; error: StreamError }
  /** The attempt is over; without a `delay` for good. */
  | { type: 'failed'; error: StreamError; delay: number | undefined }
  /** The wait is over. */
  | { type: 'due' }
  /** The server said that there is no more. */
  | { type: 'finished' }
  | { type: 'close' }

export type Effect =
  | { type: 'connect'; reason: 'connect' | 'rejected' }
  | { type: 'wait'; delay: number; error: StreamError }
  /** Let go of connection and timers. */
  | { type: 'release' }
  | { type: 'settle'; error?: StreamError }

type Step = [state: State, effects: Effect[]]
type Row = { [Type in SourceEvent['type']]?: (state: State, event: SourceEvent & { type: Type }) => Step }

export const initialState: State = { status: 'idle', attempt: 1, rejections: 0 }

const release: Effect = { type: 'release' }

const connect = (state: State): Step => [{ ...state, status: 'connecting' }, [{ type: 'connect', reason: 'connect' }]]

const close = (state: State): Step => [{ ...state, status: 'closed' }, [release]]

const settle = (state: State, error?: StreamError): Step => [
  { ...state, status: 'closed' },
  [release, error ? { type: 'settle', error } : { type: 'settle' }],
]

const fail = (state: State, { error, delay }: { error: StreamError; delay: number | undefined }): Step =>
  delay === undefined
    ? settle(state, error)
    : [{ ...state, status: 'waiting', attempt: state.attempt + 1, rejections: 0 }, [release, { type: 'wait', delay, error }]]

const table: Record<Status, Row> = {
  idle: { start: connect, close },
  connecting: {
    opened: (state) => [{ ...state, status: 'open', rejections: 0 }, []],
    // One refresh; the second refusal in a row is final.
    rejected: (state, { error }) =>
      state.rejections
        ? settle(state, error)
        : [{ ...state, rejections: 1 }, [release, { type: 'connect', reason: 'rejected' }]],
    failed: fail,
    finished: (state) => settle(state),
    close,
  },
  open: {
    progress: (state) => [{ ...state, attempt: 1 }, []],
    failed: fail,
    finished: (state) => settle(state),
    close,
  },
  waiting: { due: connect, close },
  closed: {},
}

/** What `event` does to `state`. An event that a state does not know is late, and changes nothing. */
export function transition<Type extends SourceEvent['type']>(state: State, event: SourceEvent & { type: Type }): Step {
  return table[state.status][event.type]?.(state, event) ?? [state, []]
}
