/** The protocol interface: maps the events of a server to the start, deltas and end of a run. */

/** An event as received, with unparsed data. */
export interface ProtocolEvent {
  /** Event name; `message` if the server sent none. */
  readonly type: string
  /** Payload as text. */
  readonly data: string
  /** Last event ID as of this event; empty if the server has sent none. */
  readonly id: string
}

/** The effect of an event on a run. */
export type Step<Delta> =
  /**
   * The run has started. `resume`: URL from which the run can be read again, relative to the response's URL;
   * `streamId`: the server's ID of the run, which every `start` of the run repeats; `heartbeat`: interval in
   * milliseconds.
   */
  | { type: 'start'; resume?: string | undefined; streamId?: string | undefined; heartbeat?: number | undefined }
  /**
   * A part of the output. `index`: the position, counted from 0 without gaps, if the server numbers its deltas; `count`:
   * the number of consecutive deltas that this one replaces, 1 by default.
   */
  | { type: 'delta'; delta: Delta; index?: number | undefined; count?: number | undefined }
  /** The event is passed to `run.on` and `run.events()`. With an `index`, it takes the positions of `count` deltas. */
  | { type: 'pass'; index?: number | undefined; count?: number | undefined }
  /** The run is complete. `finishReason`: why, in this SDK's words; `rawFinishReason`: in the server's words. */
  | {
      type: 'end'
      finishReason?: string | undefined
      rawFinishReason?: string | undefined
      usage?: unknown
    }
  /** The run has failed on the server. */
  | { type: 'error'; message: string; code?: string | undefined; retryable?: boolean | undefined }

/**
 * Interprets the events of a server. A protocol is stateless, so that it can serve many runs: `map` keeps whatever it
 * must remember about a run in that run's `state` object.
 *
 * @example
 * ```ts
 * const lines: Protocol<string> = {
 *   map: ({ type, data }) => (type === 'done' ? [{ type: 'end' }] : [{ type: 'delta', delta: data }]),
 *   text: (delta) => delta,
 * }
 * ```
 */
export interface Protocol<Delta> {
  /** Name that a cursor stores, so that a run is not resumed with a different protocol. */
  name?: string
  /**
   * Returns the step or steps of one event. An event without a step is passed to `run.on` and `run.events()`.
   * @throws if the data is invalid; the run then fails with code `invalid-data`
   */
  map(event: ProtocolEvent, state: Record<string, unknown>): Step<Delta> | readonly Step<Delta>[] | undefined
  /** Returns the text that a delta appends to `run.text`. */
  text?(delta: Delta): string
  /**
   * What the end of the connection means if there was no `end` step: a failure, or the end of the run.
   * @defaultValue `'truncated'`
   */
  eof?: 'truncated' | 'end'
  /**
   * Whether the server supports `Idempotency-Key`, resuming and DELETE according to PROTOCOL.md, section 3.
   * @defaultValue false
   */
  resumable?: boolean
}
