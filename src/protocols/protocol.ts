/** What a protocol is: how a server's events become the start, deltas and end of a run. */

/** An event as it came, its data not parsed. */
export interface ProtocolEvent {
  readonly type: string
  readonly data: string
  readonly id: string
}

/** What an event means for a run. */
export type Step<Delta> =
  /** The run has begun. `resume`: where it can be read again, relative to the response's URL; `heartbeat`: milliseconds. */
  | { type: 'start'; resume?: string | undefined; heartbeat?: number | undefined }
  /** A piece of the answer. `index` counts from 0 without holes, where the server counts. */
  | { type: 'delta'; delta: Delta; index?: number | undefined }
  /** The run is complete. */
  | { type: 'end'; finishReason?: string | undefined; usage?: unknown }
  /** The run has failed at the server. */
  | { type: 'error'; message: string; code?: string | undefined; retryable?: boolean | undefined }

/** Pure: what it must remember within one run it keeps in `memory`, an object of that run. */
export interface Protocol<Delta> {
  /** The steps of one event; none: the event is passed on to `run.on` and `run.events()`. @throws on data that is not the protocol's */
  map(event: ProtocolEvent, state: Record<string, unknown>): Step<Delta>[]
  /** The text of a delta, for `run.text`. */
  text?(delta: Delta): string
  /** What a connection's end means before an end step. @defaultValue `'truncated'` */
  eof?: 'truncated' | 'end'
  /** The server honours `Idempotency-Key`, resume and DELETE, as PROTOCOL.md section 3 has them. */
  resumable?: boolean
}
