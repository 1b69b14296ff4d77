/** The record of one stream: delivered items, errors, faults and how it ended. */
import type { Ending, ServerConnection, StreamItem } from './client.ts'

/** How often each kind of fault has occurred. */
export type FaultCounts = ReadonlyMap<string, number>

/** An error, and the state of the stream when it occurred. */
export interface Interruption {
  readonly error: unknown
  readonly faults: FaultCounts
  /** Consecutive attempts from the same cursor; 0 if the client does not report attempts. */
  readonly attemptsWithoutProgress: number
  /** Total number of attempts. */
  readonly attempts: number
  /** Number of requests refused because the port was closed. */
  readonly refusedRequests: number
  /** Number of attempts that took so long that a timeout may have ended them, for example on a busy machine. */
  readonly slowAttempts: number
}

export interface StreamRecord {
  /** Items in order of delivery; `gap` marks where the client reported that items may be missing. */
  readonly items: readonly (StreamItem | 'gap')[]
  /** All errors, including those after which the stream was resumed. */
  readonly errors: readonly Interruption[]
  /** The connection on which the server sent the `tail` event, where the event says so. */
  readonly tailConnection?: ServerConnection
  readonly ending: Ending | { readonly end: 'hung' }
  readonly faults: FaultCounts
  /** Number of POST requests. */
  readonly posts: number
  readonly requests: number
  /** Number of runs that the server started. */
  readonly runs: number
}
