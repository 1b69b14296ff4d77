/** The one error of the SDK: a `StreamError`, told apart by its literal `code`. */

/** What went wrong. New codes come with minor versions, so a `switch` needs a `default`. */
export type StreamErrorCode =
  /** No answer, or the connection broke: refused, DNS, CORS, reset, connect timeout. */
  | 'network'
  /** The server answered with a status that is not 200. */
  | 'http'
  /** The answer is not an event stream. */
  | 'content-type'
  /** Credentials were refused twice in a row, or the `auth` provider failed. */
  | 'auth'
  /** No byte for `idleTimeout`. */
  | 'idle'
  /** No event for `stallTimeout`. */
  | 'stalled'
  /** A run's connection ended before its terminal event. */
  | 'truncated'
  /** Deltas are missing: a run's `index` jumped. */
  | 'gap'
  /** The server sent an `error` event in a run. */
  | 'server'
  /** An event is larger than `maxEventSize`. */
  | 'too-large'
  /** `data` is not JSON, or does not fit its schema. */
  | 'invalid-data'
  /** A buffer that cannot wait is full. */
  | 'overflow'
  /** The retry limit is reached; `cause` is the last failure. */
  | 'retries-exhausted'
  /** The server has forgotten the run: 404 or 410 on resume. */
  | 'expired'

/** A problem document (RFC 9457), as far as the server sent one. */
export interface Problem {
  readonly type?: string
  readonly title?: string
  readonly status?: number
  readonly detail?: string
  readonly [extension: string]: unknown
}

/** Where to go on from: plain JSON, to be stored or sent to another device, and given to `client.resume(cursor)`. */
export interface Cursor {
  /** Where the run can be read again. */
  readonly url: string
  /** The last event ID received; absent: from its start. */
  readonly lastEventId?: string
  /** The index of the delta that comes next, so that one that is missing, or comes again, is known. */
  readonly index?: number
  /** Milliseconds between the heartbeats that the server announced: silence is measured by it. */
  readonly heartbeat?: number
}

/** What a `StreamError` can carry beside `code` and `message`. */
export interface StreamErrorDetails {
  /** The failure underneath. */
  cause?: unknown
  /** Whether trying again can help. @defaultValue false */
  retryable?: boolean
  /** HTTP status of the answer. */
  status?: number
  /** Headers of the answer. */
  headers?: Headers
  /** The answer's problem document. */
  problem?: Problem | undefined
  /** The server's own code, from an `error` event. */
  serverCode?: string | undefined
  /** Last event ID received before the failure; for `invalid-data` the id of the event itself. */
  lastEventId?: string
  /** The text a run had received. */
  partial?: string
  /** Where a run can be resumed from. */
  cursor?: Cursor | undefined
}

interface StreamErrorBase extends Error, Readonly<Omit<StreamErrorDetails, 'cause'>> {
  readonly name: 'StreamError'
  readonly retryable: boolean
}

interface ResponseDetails {
  readonly status: number
  readonly headers: Headers
}

/** A failure of a stream, discriminated by `code`; for `http` and `expired` it has `status` and `headers`. */
export type StreamError =
  | (StreamErrorBase & { readonly code: Exclude<StreamErrorCode, 'http' | 'expired'> })
  | (StreamErrorBase & ResponseDetails & { readonly code: 'http' | 'expired' })

const brand = Symbol.for('rivulet.StreamError')

// Its own name is what consoles print.
const StreamErrorClass = class StreamError extends Error {
  declare readonly code: StreamErrorCode
  readonly retryable: boolean = false

  constructor(code: StreamErrorCode, message: string, details?: StreamErrorDetails) {
    super(message)
    this.code = code
    // Keeps `cause` an own property as ES2022 has it, and sets only what is known.
    Object.assign(this, details)
  }
}
Object.assign(StreamErrorClass.prototype, { name: 'StreamError', [brand]: true })

/** The class of every error that a stream reports. */
export const StreamError = StreamErrorClass as unknown as {
  new (code: StreamErrorCode, message: string, details?: StreamErrorDetails): StreamError
  readonly prototype: StreamError
}

/** Whether `value` is a `StreamError`, of any copy of this package, and of this `code` where one is given. */
export function isStreamError<Code extends StreamErrorCode = StreamErrorCode>(
  value: unknown,
  code?: Code,
): value is StreamError & { readonly code: Code } {
  return !!value && (value as { [brand]?: true })[brand] === true && (!code || (value as StreamError).code === code)
}
