/** A client as the chaos sees it: something that reads one stream, and tells what it was given. */
import type { Rule } from '../../mock-server/scenario/rule.ts'
import type { Schedule } from './schedule.ts'

/** What a stream consists of. */
export interface StreamItem {
  /** A run's index, or a feed's number. */
  readonly position: number
  /** Of a run. */
  readonly content?: string
}

/** What the client has to read, and where it tells. */
export interface ReadTask {
  /** Of the proxy, without a slash at its end. */
  readonly url: string
  readonly fetch: typeof fetch
  readonly schedule: Schedule
  /** The feed's position before its first event. */
  readonly lastEventId: string
  /** Nothing more is wanted. */
  readonly signal: AbortSignal
  /** A request is made, which goes on after this event. */
  onAttempt(lastEventId: string | undefined): void
  onItem(item: StreamItem): void
  /** The feed has told that events may be missing here. */
  onGap(): void
  /** The feed's last event has come. */
  onTail(): void
  /** The stream broke off, and is gone on with from where the error says. */
  onInterrupted(error: unknown): void
  /** The stream was left, and is gone on with from its cursor. */
  onLoopExit(): void
}

/** How it ended, as the client has it. */
export type Ending =
  | { readonly end: 'complete' }
  | { readonly end: 'error'; readonly error: unknown }
  /** It was told to. */
  | { readonly end: 'stopped' }

export interface ChaosClient {
  readonly name: string
  /** What its servers need to be told, so that it is as quick as others. */
  readonly rules?: readonly Rule[]
  /** Milliseconds without anything new, after which a stream of it counts as hanging. */
  readonly hangTimeoutMs: number
  /** How many of its attempts one broken connection can cost. @defaultValue 1 */
  readonly attemptsPerFault?: number
  read(task: ReadTask): Promise<Ending>
}

export const prompt = 'chaos'
