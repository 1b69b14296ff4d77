/** The one seam of the SDK: a `Connect` turns one request into one connection, and knows nothing of retries. */
import type { Block } from '../sse/parse.ts'

/** One attempt. Plain data but for `init` and `signal`, so that it can cross to another tab. */
export interface ConnectRequest {
  /** Absolute where a base is known, without credentials. */
  url: string
  method: string
  /** Credentials are resolved already. */
  headers: [name: string, value: string][]
  /** Lower-case names of the headers that are credentials and must stay with the request's origin. */
  credentialHeaders: string[]
  /** Can be sent again. */
  body?: string | Uint8Array<ArrayBuffer> | undefined
  /** The last event ID to continue from; the `Connect` encodes it (UTF-8). */
  lastEventId?: string | undefined
  /** Sharing identity, given by the user. */
  scope?: string | undefined
  /** What only `fetch` understands. */
  init?: RequestInit | undefined
  /** Characters that the data of one event may have. */
  maxEventSize: number
  signal: AbortSignal
}

/** What one `read()` brought. Comments only: no blocks, and `bytes` above zero. */
export interface Batch {
  blocks: Block[]
  bytes: number
  /** The reconnection time that the server asked for, in milliseconds. */
  retry?: number | undefined
}

/** An answer, of any status: who asked judges it. */
export interface Connection {
  status: number
  /** The address that answered, after redirects. */
  url: string
  headers: Headers
  /** One outstanding at a time; `null` is a clean end. Not reading is the back-pressure. */
  read(): Promise<Batch | null>
  /** The body as text, at most `maxBytes` of it; instead of `read()`. */
  readText(maxBytes: number): Promise<string>
  /** Lets go of the connection; idempotent. */
  cancel(): void
}

/** Opens one connection. Rejects with a `StreamError` `network`, or with `signal.reason`. */
export type Connect = (request: ConnectRequest) => Promise<Connection>
