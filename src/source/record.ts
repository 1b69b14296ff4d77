/** The records of what a stream does, which the `instrument` option receives. */
import type { StreamError } from '../base/errors.ts'
import { callSafely } from '../base/report-error.ts'
import type { Connection } from '../connect/connect.ts'
import type { Block } from '../sse/parse.ts'
import type { StreamState } from './state.ts'

/** A record, discriminated by `type`. Minor versions may add types. */
export type StreamRecord =
  /** The stream was made; `resumes`: with a cursor or a last event ID. `label` is the option of that name. */
  | {
      readonly type: 'made'
      readonly kind: 'feed' | 'run'
      readonly resumes: boolean
      readonly label?: string | undefined
    }
  /** An attempt begins, with the headers and the credentials; `reason` is `rejected` after a 401. */
  | { readonly type: 'attempt'; readonly attempt: number; readonly reason: 'connect' | 'rejected' }
  /** The request of the attempt is complete and about to be sent. */
  | { readonly type: 'request'; readonly method: string; readonly lastEventId?: string | undefined }
  /** Response headers have arrived, with any status. Without `via`, on a connection of the stream's own. */
  | { readonly type: 'response'; readonly status: number; readonly via?: Connection['via'] }
  /** The response is an event stream; `reconnected` is false for the stream's first connection. */
  | { readonly type: 'opened'; readonly reconnected: boolean }
  /**
   * One read of the connection has been processed. `events` counts new events, `bytes` decompressed bytes, and `comments`
   * comments, such as heartbeats. `blocks()` returns what was read, with the payloads.
   */
  | {
      readonly type: 'read'
      readonly events: number
      readonly bytes: number
      readonly comments: number
      blocks(): readonly Block[]
    }
  /** The queue is full, so the connection is not read until `released` has resolved. */
  | { readonly type: 'backpressure'; readonly released: Promise<void> }
  /** An event was dropped because an earlier connection had already delivered it. */
  | { readonly type: 'duplicate'; readonly id: string }
  /** A feed may have missed events, for the `reason` that `onReset` receives. */
  | { readonly type: 'reset'; readonly reason: string }
  /** An error that does not end the stream: for example, an event was skipped because its data is invalid. */
  | { readonly type: 'error'; readonly error: StreamError }
  /** A cursor was restored from the store of `persist`, passed to it, or removed from it. */
  | { readonly type: 'cursor'; readonly action: 'restored' | 'saved' | 'cleared' }
  /** The server has responded to the request that cancels the run. */
  | { readonly type: 'cancel'; readonly status: number }
  /** The run has ended without an error. */
  | { readonly type: 'finish'; readonly finishReason?: string | undefined; readonly usage?: unknown }
  /** The application ends the stream: by `close()` or `detach()`, or by its signal (`isAbort`). */
  | { readonly type: 'close'; readonly isAbort: boolean }
  /** The state has changed. */
  | { readonly type: 'state'; readonly state: StreamState }

/** Receives the records of one stream. */
export type Observer = (record: StreamRecord) => void

/** Creates the observer of one stream. What the application's code throws is reported, and does not affect the stream. */
export function createObserver(instrument: (name: string) => Observer, name: string): Observer {
  let observer: Observer | undefined
  callSafely((streamName) => (observer = instrument(streamName)), name)
  return (record) => callSafely(observer, record)
}
