/** `StreamError`: the one error class of the SDK, discriminated by a literal `code`. */

/** The reason for a failure. Minor versions may add codes, so a `switch` needs a `default`. */
export type StreamErrorCode =
  /** There was no response, or the connection broke: for example, refused, reset, DNS, CORS, or `connectTimeout`. */
  | 'network'
  /** The response status is not 200. */
  | 'http'
  /** The response is not an event stream. */
  | 'content-type'
  /** The server rejected the credentials twice in a row, or the `auth` provider failed. */
  | 'auth'
  /** No data was received for `idleTimeout`. */
  | 'idle'
  /** No event was received for `stallTimeout`. */
  | 'stalled'
  /** The connection ended before the run's terminal event. */
  | 'truncated'
  /** Deltas are missing: the `index` of a delta is higher than expected, or a delta covers only partly what is missing. */
  | 'gap'
  /** The server reported a failure of the run with an `error` event. */
  | 'server'
  /** The data of an event exceeds `maxEventSize`. */
  | 'too-large'
  /** `data` is not valid JSON, or does not match its schema. */
  | 'invalid-data'
  /** The server sent more on a multiplexed stream than flow control allows. */
  | 'overflow'
  /** `retry.limit` was reached; `cause` is the last failure. */
  | 'retries-exhausted'
  /** The server no longer has the run: 404 or 410 on resume, or the response is a different run. */
  | 'expired'
  /** A redirect was not followed, because a credential would have gone to another origin, or its target is not HTTP. */
  | 'redirect'
  /** The `fetch` of this platform returned something that cannot be read as a stream. */
  | 'unsupported'

/** A problem document (RFC 9457), parsed but not validated. */
export interface Problem {
  /** URI that identifies the type of problem. */
  readonly type?: string
  /** Short description of the type of problem. */
  readonly title?: string
  /** HTTP status. */
  readonly status?: number
  /** Description of this occurrence of the problem. */
  readonly detail?: string
  readonly [extension: string]: unknown
}

/**
 * The position from which a run can be resumed, as plain JSON that can be stored or sent to another device.
 *
 * @example
 * ```ts
 * const stored = JSON.stringify(run.cursor ?? null)
 * const cursor: Cursor | null = JSON.parse(stored)
 * const rest = cursor && client.resume(cursor)
 * ```
 */
export interface Cursor {
  /** Version of this format; absent in cursors of the first version, which have neither `protocol`, `at` nor `streamId`. */
  readonly v?: 2
  /** URL from which the run can be read again. */
  readonly url: string
  /** Name of the run's protocol; absent for protocols without a name. */
  readonly protocol?: string
  /** Last event ID received; absent at the start of the run. */
  readonly lastEventId?: string
  /** Position in the run, for protocols that do not resume by event ID. */
  readonly at?: string
  /** Index of the next expected delta, which reveals missing and repeated deltas. */
  readonly index?: number
  /** The server's ID of the run, which reveals that a resumed run is a different one. */
  readonly streamId?: string
  /** Heartbeat interval that the server announced, in milliseconds; the default of `idleTimeout` is based on it. */
  readonly heartbeat?: number
}

/** Optional properties of a `StreamError`. */
export interface StreamErrorDetails {
  /** The underlying failure. */
  cause?: unknown
  /** Whether a retry can succeed. @defaultValue false */
  retryable?: boolean
  /** HTTP status of the response. */
  status?: number
  /** Headers of the response, without `Set-Cookie`. */
  headers?: Headers
  /** Problem document in the body of the response. */
  problem?: Problem | undefined
  /** Text of a refused response, at most its first 16 KiB. */
  body?: string | undefined
  /** Milliseconds until the next attempt, if a protocol has read them from a refused response. */
  retryAfter?: number | undefined
  /** Usage that the server reported with its failure. */
  usage?: unknown
  /** The server's own error code, from an `error` event or a refused response. */
  serverCode?: string | undefined
  /** Last event ID received before the failure; for `invalid-data`, the ID of the invalid event. */
  lastEventId?: string
  /** Text that the run had received before the failure. */
  partial?: string
  /** Position from which the run can be resumed. */
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

/** A failure of a stream, discriminated by `code`. `http` errors always have `status` and `headers`. */
export type StreamError =
  | (StreamErrorBase & { readonly code: Exclude<StreamErrorCode, 'http'> })
  | (StreamErrorBase & ResponseDetails & { readonly code: 'http' })

const brand = Symbol.for('rivulet.StreamError')

// Named like the export, because consoles print the name of the class expression.
const StreamErrorClass = class StreamError extends Error {
  declare readonly code: StreamErrorCode
  readonly retryable: boolean = false

  constructor(code: StreamErrorCode, message: string, details?: StreamErrorDetails) {
    super(message)
    this.code = code
    // Sets only the details that are present. `cause` becomes an own property, as ES2022 specifies.
    Object.assign(this, details)
  }
}
Object.assign(StreamErrorClass.prototype, { name: 'StreamError', [brand]: true })

/**
 * The class of every error that a stream reports.
 *
 * @example
 * ```ts
 * throw new StreamError('network', 'Connection lost: GET /prices', { retryable: true })
 * ```
 */
export const StreamError = StreamErrorClass as unknown as {
  new (code: StreamErrorCode, message: string, details?: StreamErrorDetails): StreamError
  readonly prototype: StreamError
}

/**
 * Returns whether `value` is a `StreamError`, optionally with a given `code`; recognizes errors from other copies of
 * this package.
 *
 * @example
 * ```ts
 * try {
 *   await client.stream('/api/generate').final()
 * } catch (error) {
 *   if (isStreamError(error, 'http')) console.log(error.status, error.headers.get('retry-after'))
 * }
 * ```
 */
export function isStreamError<Code extends StreamErrorCode = StreamErrorCode>(
  value: unknown,
  code?: Code,
): value is StreamError & { readonly code: Code } {
  return !!value && (value as { [brand]?: true })[brand] === true && (!code || (value as StreamError).code === code)
}
