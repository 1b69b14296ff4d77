/** The records of what a stream does, which the `instrument` option receives. */
import type { StreamErrorCode } from '../base/errors.ts'

/** A record, discriminated by `type`. Minor versions may add types, so a `switch` needs a `default`. */
export type StreamRecord =
  /** A request is about to be sent; `reason` is `rejected` after a 401. */
  | { readonly type: 'attempt'; readonly attempt: number; readonly reason: 'connect' | 'rejected' }
  /** Response headers have arrived, with any status. */
  | { readonly type: 'response'; readonly status: number }
  /** The response is an event stream; `reconnected` is false for the stream's first connection. */
  | { readonly type: 'opened'; readonly reconnected: boolean }
  /** One read of the connection has been processed. `events` counts new events, `bytes` decompressed bytes. */
  | { readonly type: 'read'; readonly events: number; readonly bytes: number }
  /** An event was dropped because an earlier connection had already delivered it. */
  | { readonly type: 'duplicate'; readonly id: string }
  /** The attempt failed with `code` (`gap`: events are missing); the next attempt follows in `delay` milliseconds. */
  | {
      readonly type: 'retry'
      readonly code: StreamErrorCode
      readonly status?: number | undefined
      readonly delay: number
    }
  /** The stream has ended: with an error if `code` is set, otherwise normally or by `close()`. */
  | { readonly type: 'closed'; readonly code?: StreamErrorCode | undefined; readonly status?: number | undefined }

/** Receives the records of one stream. It must not throw. */
export type Observer = (record: StreamRecord) => void
