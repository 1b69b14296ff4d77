/** The records of what a stream does, which the `instrument` option receives. */
import type { StreamState } from './state.ts'

/** A record, discriminated by `type`. Minor versions may add types. */
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
  /** The state has changed. */
  | { readonly type: 'state'; readonly state: StreamState }

/** Receives the records of one stream. It must not throw. */
export type Observer = (record: StreamRecord) => void
