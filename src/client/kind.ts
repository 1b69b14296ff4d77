/** The kind of a stream, a feed or a run: what its events mean. */
import type { Cursor, StreamError } from '../base/errors.ts'
import type { StreamEvent } from '../base/events.ts'
import type { Batch, Connection } from '../connect/connect.ts'
import type { RequestOverrides } from '../request/request.ts'

/** What a batch contains for the consumers. */
export interface Decoded {
  /** The new events, in order. */
  readonly items: StreamEvent[]
  /** Whether the batch has moved the last event ID to something new. */
  readonly hasProgressed: boolean
  /** Why the connection cannot be used any further. The items precede the failure. */
  readonly error?: StreamError | undefined
}

/** The end of a stream; normal without an `error`. */
export interface Ending {
  readonly error?: StreamError | undefined
  /** Whether a later page cannot continue the stream, so that its stored cursor is removed. */
  readonly isFinal: boolean
}

/** What a feed or a run decides about its stream. */
export interface Kind {
  /** Last event ID received. */
  readonly lastEventId: string
  /** The request of a run, to tell whether a stored cursor belongs to it. */
  readonly identity?: string
  /** Continues from the cursor that an earlier page has stored; absent if the stream has a position of its own. */
  readonly restore: ((cursor: Cursor) => void) | undefined
  /** Returns how the next request differs from the first one. */
  overrides(): RequestOverrides
  /** Returns whether the request may be sent again after `error`. */
  isRepeatable(error: StreamError): boolean
  /** Decodes a batch, once and in order. */
  decode(batch: Batch, connection: Connection): Decoded
  /** Handles an item whose data does not match its schema. Returns whether the items after it are dropped. */
  onInvalid(error: StreamError, item: StreamEvent): boolean
  /** Called before items are delivered. Returns the end of the stream if it has ended with them. */
  onReceived(items: readonly StreamEvent[]): Ending | undefined
  /** Returns what the clean end of a connection means, as in `SourceHooks`. */
  endOfConnection(isEmpty: boolean): StreamError | undefined
  /** Called when the source has ended. Returns the end of the stream. */
  onSourceEnded(error?: StreamError): Ending
  /** Called when the user's signal aborts. */
  onAbort(reason: unknown): void
  /** Returns whether someone will see the error that ends the stream. */
  isAwaited(): boolean
}
