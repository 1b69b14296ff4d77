/** What happened to one stream: what was delivered, what went wrong, and how it ended. */
import type { Ending, StreamItem } from './client.ts'

/** How often each kind of fault has happened. */
export type FaultCounts = ReadonlyMap<string, number>

/** An error, and what had happened by then. */
export interface Interruption {
  readonly error: unknown
  readonly faults: FaultCounts
  /** Attempts in a row that asked for the same position; 0 where the client does not tell of them. */
  readonly attemptsWithoutProgress: number
  /** All attempts. */
  readonly attempts: number
  /** Requests that nobody was there for. */
  readonly refusedRequests: number
  /** Attempts that took so long that a timeout may have ended them: a machine that is busy is a fault as well. */
  readonly slowAttempts: number
}

export interface StreamRecord {
  /** In order; `gap`: the client was told that something may be missing here. */
  readonly items: readonly (StreamItem | 'gap')[]
  /** Also those after which the stream was gone on with. */
  readonly errors: readonly Interruption[]
  readonly ending: Ending | { readonly end: 'hung' }
  readonly faults: FaultCounts
  /** Requests that could start a run. */
  readonly posts: number
  readonly requests: number
  /** Runs that the server has started. */
  readonly runs: number
}
