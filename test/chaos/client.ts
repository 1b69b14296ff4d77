/** The interface of a client under test: it reads one stream and reports what it receives. */
import type { Rule } from '../../mock-server/scenario/rule.ts'
import type { Schedule } from './schedule.ts'

/** A connection of a server that counts IDs per connection: its number, and the position of the first event sent on it. */
export interface ServerConnection {
  readonly number: number
  readonly first: number
}

/** One delta of a run, or one event of a feed. */
export interface StreamItem {
  /** The delta's index, or the event's number. */
  readonly position: number
  /** The delta's text; absent for a feed. */
  readonly content?: string
  /** The connection on which the server sent the event, where the event says so. */
  readonly connection?: ServerConnection
}

/** The stream to read, and the callbacks through which the client reports. */
export interface ReadTask {
  /** Base URL of the proxy, without a trailing slash. */
  readonly url: string
  readonly fetch: typeof fetch
  readonly schedule: Schedule
  /** The feed's cursor before its first event. */
  readonly lastEventId: string
  /** Aborts when the client must stop reading. */
  readonly signal: AbortSignal
  /** Called for each request, with its `Last-Event-ID` if it has one. */
  onAttempt(lastEventId: string | undefined): void
  onItem(item: StreamItem): void
  /** Called when the feed reports that events may be missing at this point. */
  onGap(): void
  /** Called when the `tail` event that ends the feed is received, with the connection where the event says so. */
  onTail(connection?: ServerConnection): void
  /** Called when the stream has failed, before it is resumed from the error's cursor. */
  onInterrupted(error: unknown): void
  /** Called when the consumer has left its loop, before it resumes from the stream's cursor. */
  onLoopExit(): void
}

/** How the stream ended, according to the client; `stopped` means that the task's signal was aborted. */
export type Ending =
  | { readonly end: 'complete' }
  | { readonly end: 'error'; readonly error: unknown }
  | { readonly end: 'stopped' }

export interface ChaosClient {
  readonly name: string
  /** Extra server rules, for example to shorten the client's reconnect delay. */
  readonly rules?: readonly Rule[]
  /** Milliseconds with neither a request nor a new item, after which a stream counts as hung. */
  readonly hangTimeoutMs: number
  /** Number of attempts that one broken connection may cost. @defaultValue 1 */
  readonly attemptsPerFault?: number
  read(task: ReadTask): Promise<Ending>
}

export const prompt = 'chaos'
