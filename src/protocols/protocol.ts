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

/** How a run ended well. */
export interface End {
  /** `stop`, `length`, `tool-calls`, `content-filter`, `paused`, `error` or `cancelled`. */
  finishReason?: string | undefined
  /** The finish reason in the server's words. */
  rawFinishReason?: string | undefined
  usage?: unknown
  /** The whole message, if it differs from what the deltas have made. */
  message?: unknown
}

/** What an event may have, whatever its effect is. */
interface StepFields {
  /** The position after the event, for `resume.url`. */
  at?: string | undefined
  /** The parsed data of the event, for the listeners. Without it, the data is parsed as JSON, or stays text. */
  data?: unknown
}

/** The effect of an event on a run. Listeners receive the event itself whatever it is. */
export type Step<Delta> = StepFields &
  (
    | {
        /** The run has started. */
        type: 'start'
        /** URL from which the run can be read again, relative to the response's URL. */
        resume?: string | undefined
        /** The server's ID of the run, which every `start` of the run repeats. */
        streamId?: string | undefined
        /** Heartbeat interval, in milliseconds. */
        heartbeat?: number | undefined
        /** The vendor's ID of the answer. */
        id?: string | undefined
        /** Name of the model. */
        model?: string | undefined
      }
    /**
     * A part of the output. `index`: the position, counted from 0 without gaps, if the server numbers its deltas;
     * `count`: the number of consecutive deltas that this one replaces, 1 by default.
     */
    | { type: 'delta'; delta: Delta; index?: number | undefined; count?: number | undefined }
    /** The event is only for listeners. With an `index`, it takes the positions of `count` deltas. */
    | { type: 'pass'; index?: number | undefined; count?: number | undefined }
    /** The event was received before: nobody receives it again. */
    | { type: 'skip' }
    /** The run is complete. */
    | ({ type: 'end' } & End)
    /** The run has failed on the server. `detail` becomes `error.problem`. */
    | {
        type: 'error'
        message: string
        code?: string | undefined
        retryable?: boolean | undefined
        detail?: unknown
        usage?: unknown
      }
  )

/** What a refused response means. */
export interface Refusal {
  /** The server's own words, if there are any. */
  message?: string | undefined
  /** The server's own code. */
  code?: string | undefined
  /** Whether another attempt can succeed, instead of what the status says. */
  retryable?: boolean | undefined
  /** Milliseconds until the next attempt, instead of what `Retry-After` says. */
  retryAfter?: number | undefined
}

/**
 * Interprets the events of a server. A protocol is stateless, so that it can serve many runs: `map` keeps whatever it
 * must remember about a run in that run's `state`, which `begin` creates.
 *
 * @example
 * ```ts
 * const lines: Protocol<string> = {
 *   map: ({ type, data }) => (type === 'done' ? { type: 'end' } : { type: 'delta', delta: data }),
 *   text: (delta) => delta,
 * }
 * ```
 */
export interface Protocol<Delta, State = void, Message = unknown> {
  /** Name that a cursor stores, so that a run is not resumed with a different protocol. */
  name?: string
  /** Creates what `map` remembers about one run. */
  begin?(): State
  /** Called when a connection was opened. `replay`: the server begins again; `url`: the URL of the response. */
  connected?(state: State, info: { readonly replay: boolean; readonly url: string }): void
  /**
   * Returns the step or steps of one event. An event without a step is only for listeners.
   * @throws if the data is invalid; the run then fails with code `invalid-data`
   */
  map(event: ProtocolEvent, state: State): Step<Delta> | readonly Step<Delta>[] | undefined
  /** Returns the text that a delta appends to `run.text`. */
  text?(delta: Delta): string
  /** Returns the message after a delta. `start` is the ID of the answer and the model, as far as they are known. */
  reduce?(
    message: Message | undefined,
    delta: Delta,
    start: { readonly id?: string; readonly model?: string } | undefined,
  ): Message
  /**
   * What the end of the connection means if there was no `end` step: a failure, the end of the run, or what a function
   * of the state returns: the end, or `undefined` for a failure.
   * @defaultValue `'truncated'`
   */
  eof?: 'truncated' | 'end' | { endOf(state: State): End | undefined }['endOf']
  /**
   * How a run is read again. `url` returns the URL, where `address` is the one that the `start` step has named, and `at`
   * the last position. `replays`: `after`, the events after the position (or after `Last-Event-ID`), or all of them. Events
   * that are replayed are skipped if they are the same; otherwise the run fails with code `expired`. `fromStart`: the
   * `Last-Event-ID` that asks for all events, if the server needs one.
   */
  resume?: { url(address: string, at?: string): string; replays: 'after' | 'all'; fromStart?: string }
  /**
   * Returns the request that cancels a run on the server, where `address` is the one that the `start` step has named.
   * Without it, cancelling closes the connection.
   */
  cancel?(address: string): { method: string; url: string }
  /** Whether the server recognizes a repeated request by its `Idempotency-Key`. @defaultValue false */
  idempotent?: boolean
  /** Returns what a response with a status other than 200 says; `body` is its JSON, or otherwise its text. */
  refusal?(status: number, headers: Headers, body: unknown): Refusal | undefined
  /** Defaults for the options of the same names, in milliseconds. */
  timeouts?: {
    connectTimeout?: number | undefined
    idleTimeout?: number | undefined
    stallTimeout?: number | undefined
  }
}
