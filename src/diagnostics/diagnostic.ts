/** The records that `diagnose` reports. */
import type { StreamErrorCode } from '../base/errors.ts'
import type { StreamRecord } from '../source/record.ts'

/** The fields of every record. Records contain no secrets: URLs have no query; headers and payloads are left out. */
export interface DiagnosticBase {
  /** Number of the stream, counted from 1 for each `diagnose()` call. */
  readonly stream: number
  /** The stream's request: method, and URL without query. */
  readonly name: string
  /** Time of the record, in milliseconds, from `performance.now()`. */
  readonly time: number
}

/** How a stream has ended; see `closed`. */
export type CloseReason = 'end' | 'no-content' | 'cancelled' | 'close' | 'detach' | 'abort' | 'error'

/** A record, discriminated by `type`. Minor versions may add types, so a `switch` needs a `default`. */
export type Diagnostic = DiagnosticBase &
  (
    | Exclude<StreamRecord, { type: 'response' | 'read' | 'backpressure' | 'error' | 'finish' | 'close' | 'state' }>
    /** Response headers have arrived, with any status, on a connection of the stream's own, a channel, or another tab. */
    | { readonly type: 'response'; readonly status: number; readonly via: 'own' | 'channel' | 'tab' }
    /**
     * One read of the connection has been processed. `events` counts new events, `bytes` decompressed bytes, and
     * `comments` comments: a read with comments alone is a heartbeat, and one with nothing is a part of an event.
     */
    | { readonly type: 'read'; readonly events: number; readonly bytes: number; readonly comments: number }
    /**
     * An event was read, even if it is a duplicate. `event` is its type, `id` its own ID, if it has one, and `size` the
     * length of its data in UTF-16 code units. `data` is absent without the option `payloads`.
     */
    | {
        readonly type: 'event'
        readonly event: string
        readonly id?: string | undefined
        readonly size: number
        readonly data?: string
      }
    /** The connection is not read, because the queue of a slow loop is full; or it is read again. */
    | { readonly type: 'backpressure'; readonly isPaused: boolean }
    /** An error did not end the stream. `id`: the last event ID, where `invalid-data` means that an event was skipped. */
    | {
        readonly type: 'error'
        readonly code: StreamErrorCode
        readonly status?: number | undefined
        readonly id?: string | undefined
      }
    /** The attempt failed with `code` (`gap`: events are missing); the next attempt follows in `delay` milliseconds. */
    | {
        readonly type: 'retry'
        readonly code: StreamErrorCode
        readonly status?: number | undefined
        readonly delay: number
      }
    /**
     * The stream has ended: by its terminal event (`end`), a 204 (`no-content`), `cancel()`, `close()`, `detach()`, the
     * application's signal (`abort`), or an error. With an error, `code` is set, unless the application has thrown it.
     */
    | {
        readonly type: 'closed'
        readonly reason: CloseReason
        readonly code?: StreamErrorCode | undefined
        readonly status?: number | undefined
        readonly finishReason?: string | undefined
        readonly usage?: unknown
      }
  )
