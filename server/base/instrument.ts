/** Records: what the server reports about its streams, for logs and metrics. */

/**
 * Why a response ended: `done`: the stream has ended; `left`: the client has left; `expired`: its credentials have;
 * `slow`: it did not read for `drainTimeout`; `behind`: what it had to read next is no longer kept; `closed`: the server is
 * closing.
 */
export type CloseReason = 'done' | 'left' | 'expired' | 'slow' | 'behind' | 'closed'

/** A response that lasts, in records: that of a reader, or of a channel. */
export interface ReaderRecord {
  readonly kind: 'feed' | 'run' | 'channel'
  /** Name of the feed, or ID of the run or the channel. */
  readonly stream: string
  /** Subject of the reader's identity. */
  readonly subject: string
}

/** Something that happened on the server. Records contain no payloads and no credentials. Durations are in milliseconds. */
export type ServerRecord =
  /** A response has begun. */
  | ({ readonly type: 'open' } & ReaderRecord)
  /** It continues from a position of its client, who has missed `missed` events. */
  | ({ readonly type: 'resumed'; readonly missed: number } & ReaderRecord)
  /** The position of its client is not known. */
  | ({ readonly type: 'reset'; readonly reason: 'expired' | 'unknown' } & ReaderRecord)
  /** A response has ended. */
  | ({ readonly type: 'close'; readonly reason: CloseReason; readonly duration: number } & ReaderRecord)
  /** A run has begun in this process. */
  | { readonly type: 'run-start'; readonly id: string; readonly subject: string }
  /** A run of this process has ended. `error` is what was thrown. */
  | {
      readonly type: 'run-end'
      readonly id: string
      readonly subject: string
      readonly outcome: string
      readonly duration: number
      readonly error?: unknown
    }
  /** Code of the application, a handler or the log has failed; the client got a general error. */
  | { readonly type: 'error'; readonly error: unknown }

/** Receives records. Its own errors are ignored. */
export type Instrument = (record: ServerRecord) => void

/** Returns an instrument that never throws. */
export function safely(instrument: Instrument | undefined): Instrument {
  return (record) => {
    try {
      instrument?.(record)
    } catch {
      // Reporting must not change what is reported.
    }
  }
}
