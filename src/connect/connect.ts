/** `Connect`, the transport interface: one request in, one connection out. Retries are up to the caller. */
import type { Block } from '../sse/parse.ts'

/** The request of one attempt: plain data except for `init` and `signal`. */
export interface ConnectRequest {
  /** URL without credentials; absolute if a base URL is known. */
  url: string
  /** HTTP method, in upper case. */
  method: string
  /** Request headers, including resolved credentials. */
  headers: [name: string, value: string][]
  /** Lower-case names of the headers that are credentials: they must not be sent to another origin. */
  credentialHeaders: string[]
  /**
   * Origin of `url` if credentials are withheld from it, because it is neither the stream's own nor in `trustedOrigins`.
   * A `Connect` must not add any.
   */
  withheldFrom?: string | undefined
  /** Whether `auth` can provide new credentials after a 401. */
  canRefresh?: boolean | undefined
  /** Body that can be sent repeatedly; other bodies are in `init`. */
  body?: string | Uint8Array<ArrayBuffer> | undefined
  /** Last event ID to continue from. The `Connect` sends it, encoded as UTF-8. */
  lastEventId?: string | undefined
  /** Identity within which connections may be shared: the `scope` option. */
  scope?: string | undefined
  /** Further options of `fetch`. */
  init?: RequestInit | undefined
  /** Maximum length of one event's data, in characters (UTF-16 code units). */
  maxEventSize: number
  /** Whether comments are wanted: without it, `Batch.comments` may be absent. */
  wantsComments?: boolean | undefined
  /** Aborted when the attempt is given up. */
  signal: AbortSignal
}

/** The result of one `read()`. Comments yield no blocks but count towards `bytes`. */
export interface Batch {
  /** Parsed blocks, in order. */
  blocks: Block[]
  /** Number of bytes read. */
  bytes: number
  /** Reconnection time of the last `retry:` field, in milliseconds. */
  retry?: number | undefined
  /**
   * Whether another connection to the server starts with this batch, although this one stays: for example, another tab
   * has taken over a shared connection. The first batch of a connection does not need it.
   */
  begins?: boolean | undefined
  /**
   * Whether the server speaks PROTOCOL.md on the connection to the server that this batch comes from. Absent: its first
   * event decides, which a `Connect` that starts in the middle of a connection does not have.
   */
  native?: boolean | undefined
  /**
   * The block that the end of the body has cut off, with what has arrived of it; only in the last batch, which has no
   * other block. Absent if the body ended after a blank line or a comment. JSON that the server has sent without field
   * names counts as the data of such a block.
   */
  unfinished?: Block | undefined
  /** The comments of this batch, in order; `position` is the number of blocks that precede the comment. */
  comments?: { position: number; text: string }[] | undefined
}

/** A response with any status, which the caller must check, and its body. */
export interface Connection {
  /** HTTP status. */
  status: number
  /** URL of the response, after redirects. */
  url: string
  /** Response headers. */
  headers: Headers
  /** What carries the connection: a multiplexed `channel`, or another `tab`. Absent: a request of its own. */
  via?: 'channel' | 'tab' | undefined
  /**
   * Resolves with the next batch, or with `null` at the end of the body; rejects with a `StreamError`, or with
   * `signal.reason`. Calls must not overlap. Not calling `read()` exerts backpressure.
   */
  read(): Promise<Batch | null>
  /** Resolves with the first `maxBytes` of the body as text. Called instead of `read()`, never in addition. */
  readText(maxBytes: number): Promise<string>
  /** Closes the connection. Idempotent. */
  cancel(): void
}

/**
 * Opens one connection. Rejects with a `StreamError` with code `network`, or with `signal.reason` after an abort.
 *
 * @example
 * ```ts
 * const connectByFetch = fetchConnect()
 * const connect: Connect = (request) => {
 *   console.log(request.method, request.url)
 *   return connectByFetch(request)
 * }
 * ```
 */
export type Connect = (request: ConnectRequest) => Promise<Connection>
