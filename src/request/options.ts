/** What users can set: for a client, and for each stream, where it overrules the client's. */
import type { Clock } from '../base/clock.ts'
import type { Cursor, StreamError } from '../base/errors.ts'
import type { Connect, Connection } from '../connect/connect.ts'
import type { Schemas } from '../base/events.ts'
import type { Protocol } from '../protocols/protocol.ts'
import type { RetryOptions } from '../source/retry.ts'
import type { AttemptContext, SourceHooks, StreamState } from '../source/source.ts'

/** Gives credentials as headers, asked anew for each attempt; `reason` is `rejected` after a 401. See `bearer` and `apiKey`. */
export type AuthProvider = (context: AttemptContext) => HeadersInit | Promise<HeadersInit>

/** What answered, as `onResponse` sees it. */
export type StreamResponse = Pick<Connection, 'status' | 'url' | 'headers'>

/** Why events may be missing: the server no longer has them, does not know the position, or its events have no ids. */
export interface StreamReset {
  /** `expired`: the server no longer has what is missing; `unknown`: it does not know the id; `no-id`: there was none to go on from. */
  readonly reason: 'expired' | 'unknown' | 'no-id' | (string & {})
}

/** How `data` becomes `event.data`: `JSON.parse`, the text itself, or a function of it. */
export type ParseOption = 'json' | 'text' | ((data: string, event: { type: string; id: string }) => unknown)

/** Keeps a stream's place where a reload of the page does not lose it. `rivulet/persist` makes them. */
export interface Persistence {
  /** What was kept, if anything; asked once, before the first request. What it throws is reported, and the stream begins afresh; it must settle, nothing is sent before. */
  load(): Cursor | undefined | Promise<Cursor | undefined>
  /** A run says where it can be read again, from its start; a feed, each time, what it has delivered. */
  save(cursor: Cursor): void | Promise<void>
  /** There is nothing to go on with: the stream has ended, or the server has forgotten it. */
  clear(): void | Promise<void>
}

/** Looks on at a stream. Its parameters are not for users: they may change with any version. */
export type Instrument = (hooks: SourceHooks) => SourceHooks

/** Options of a client and of each of its streams. */
export interface CommonOptions {
  /** Headers for each request, or a function that is asked anew for each attempt. */
  headers?: HeadersInit | ((context: AttemptContext) => HeadersInit | Promise<HeadersInit>)
  /** Credentials; they go to the origin of `baseUrl` (else: of the stream's own URL) and nowhere else. */
  auth?: AuthProvider
  /** Reconnection; a number is its `limit`, `false` none. @defaultValue 1 s doubling to 30 s, full jitter; no limit for feeds, 5 for runs */
  retry?: false | number | RetryOptions
  /** Milliseconds until credentials, and then the head of the answer, must be there. @defaultValue 10,000 for feeds, 60,000 for runs */
  connectTimeout?: number
  /** Milliseconds without a byte, heartbeats included, after which a connection counts as dead. @defaultValue three of the heartbeats that the server announced, else off */
  idleTimeout?: number
  /** Milliseconds without an event, heartbeats not counted. @defaultValue off */
  stallTimeout?: number
  /** Characters (UTF-16 code units, as of `length`) that the data of one event may have. @defaultValue 16 Mi */
  maxEventSize?: number
  /** What is held for a slow loop; when it is full the connection is not read. @defaultValue 1,024 events or 1 MiB */
  queue?: { events?: number; bytes?: number }
  /** Which content types are event streams; `false`: all. @defaultValue `text/event-stream` */
  contentType?: false | ((type: string) => boolean)
  /** `fetch` to use. @defaultValue the global one, looked up at each request */
  fetch?: typeof fetch
  /** How connections are made, instead of by `fetch`. */
  connect?: Connect
  /** Sharing identity, for a `connect` that shares connections. */
  scope?: string
  /** Hears of each answer, of any status. */
  onResponse?(response: StreamResponse): void
  /** Hears of what ended a stream, and of payloads that could not be parsed; without it they go to `reportError`. */
  onError?(error: StreamError): void
  /** Hears that events may be missing. */
  onReset?(reset: StreamReset): void
  /** Hears where the stream is, each time that `state.status` changes. */
  onStateChange?(state: StreamState): void
  /** Hears of all that goes on, for diagnosis: `diagnose` of `rivulet/diagnostics` makes them. */
  instrument?: Instrument
  /** Time. @defaultValue the platform's */
  clock?: Clock
  /** Random numbers from 0 to 1 for jitter. @defaultValue `Math.random` */
  random?(): number
}

/** Options of `createClient`. */
export interface ClientOptions extends CommonOptions {
  /** What URLs are resolved against. @defaultValue the document's base, or a worker's location */
  baseUrl?: string | URL
  /** How the last event ID is sent: as header, not at all, or in a URL of yours (a header costs a preflight across origins). @defaultValue `'header'` */
  lastEventId?: 'header' | false | ((url: string, id: string) => string)
}

/** Options of one stream: `fetch`'s own, and these. */
export interface StreamOptions extends CommonOptions, Omit<RequestInit, 'headers' | 'body'> {
  /** Sent with each attempt, so it can't be a stream. */
  body?: Exclude<BodyInit, ReadableStream> | null
  /** Sent as JSON; the method is then POST unless said otherwise. */
  json?: unknown
  /** Added to the URL's query. */
  searchParams?: URLSearchParams | Record<string, string | number | boolean> | string
  /** Goes on where an earlier page left this stream: a run with the same answer, a feed after its last event. See `rivulet/persist`. */
  persist?: Persistence
}

/** Options of `subscribe`. */
export interface SubscribeOptions extends StreamOptions {
  /** @defaultValue `'json'` */
  parse?: ParseOption
  /** Validates payloads by event type (Standard Schema); the types follow. */
  schema?: Schemas
  /** Whether a feed that is not GET may be requested again. @defaultValue false */
  repeatable?: boolean
  /** How many of the last ids are remembered, to drop what a new connection repeats; 0: none, for feeds whose ids are not unique. @defaultValue 1,024 */
  dedupeWindow?: number
  /** Goes on after this event; or how the last event ID is sent, as in `ClientOptions`. */
  lastEventId?: string | false | ((url: string, id: string) => string)
}

/** Options of `stream`. */
export interface RunOptions<Delta = unknown> extends StreamOptions {
  /** What the server speaks. @defaultValue `native()` */
  protocol?: Protocol<Delta>
  /** Validates payloads of events that are not deltas, by type (Standard Schema). */
  schema?: Schemas
  /** Makes a repeated request join the run; `false`: none is sent. @defaultValue a fresh UUID */
  idempotencyKey?: string | false
  /** What leaving a loop early does: the run goes on, or is stopped. @defaultValue `'continue'` */
  detachBehavior?: 'continue' | 'cancel'
}
