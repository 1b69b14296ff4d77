/** Options for clients and all their streams. A stream's option takes precedence over the same option of its client; of callbacks, both are called. */
import type { Clock } from '../base/clock.ts'
import type { StreamError } from '../base/errors.ts'
import type { Connect, Connection } from '../connect/connect.ts'
import type { RetryOptions } from '../source/retry.ts'
import type { Observer } from '../source/record.ts'
import type { AttemptContext, StreamState } from '../source/source.ts'

/**
 * Returns credentials as headers. Called before each attempt, with `reason: 'rejected'` after a 401. `bearer` and
 * `apiKey` create the usual providers.
 *
 * @example
 * ```ts
 * const auth: AuthProvider = async ({ signal }) => {
 *   const response = await fetch('/token', { signal })
 *   return { 'x-token': await response.text() }
 * }
 * ```
 */
export type AuthProvider = (context: AttemptContext) => HeadersInit | Promise<HeadersInit>

/** The part of a response that `onResponse` receives. */
export type StreamResponse = Pick<Connection, 'status' | 'url' | 'headers'>

/** The reason why a feed may have missed events. */
export interface StreamReset {
  /**
   * `expired`: the server no longer has the missed events; `unknown`: it does not know the last event ID; `no-id`: its
   * events have no IDs; `ids-not-unique`: it uses an ID for different events; `unsendable-id`: a header cannot carry the
   * last event ID; `initial`: nothing was missed, but the server begins with a snapshot of its state.
   */
  readonly reason: 'expired' | 'unknown' | 'initial' | 'no-id' | 'ids-not-unique' | 'unsendable-id' | (string & {})
}

/** Returns the receiver of the records of one stream, whose method and URL (without query) are `name`. */
export type Instrument = (name: string) => Observer

/** Options for a client and for each of its streams. */
export interface CommonOptions {
  /**
   * Request headers, or a function that returns them and is called before each attempt.
   *
   * @example
   * ```ts
   * createClient({ headers: { 'accept-language': 'en' } })
   * createClient({ headers: ({ attempt }) => ({ 'x-attempt': String(attempt) }) })
   * ```
   */
  headers?: HeadersInit | ((context: AttemptContext) => HeadersInit | Promise<HeadersInit>) | undefined
  /**
   * Provider of credentials, which are sent only to the origins of `baseUrl` and of the URL that was passed to the
   * client, and to `trustedOrigins`.
   *
   * @example
   * ```ts
   * createClient({ auth: bearer('my-token') })
   * createClient({ auth: async () => ({ 'x-api-key': 'my-key', 'x-tenant': 'acme' }) })
   * ```
   */
  auth?: AuthProvider | undefined
  /**
   * Further origins that receive `auth`, `headers` and cookies. Without it, the origins of the URL that was passed to
   * the client, and of `baseUrl`, receive them, but not another one that the server or a cursor names.
   *
   * @throws TypeError, when a stream is made, if an entry is not an http or https origin
   * @defaultValue none
   * @example
   * ```ts
   * createClient({ auth: bearer('my-token'), trustedOrigins: ['https://runs.example.com'] })
   * ```
   */
  trustedOrigins?: readonly string[] | undefined
  /**
   * Reconnection options, or only their `limit`, or `false` for no retries.
   *
   * @defaultValue 1 s doubling to 30 s, full jitter; no limit for feeds, 5 for runs
   * @example
   * ```ts
   * const client = createClient({ retry: { limit: 10, maxDelay: 60_000 } })
   * client.stream('/api/generate', { retry: false })
   * ```
   */
  retry?: false | number | RetryOptions | undefined
  /**
   * Milliseconds within which credentials and response headers must arrive. Otherwise the attempt fails with code
   * `network`, or `auth` if the credentials are late. 0 turns it off.
   *
   * @defaultValue 10,000 for feeds, 60,000 for runs, 300,000 for runs with a third-party protocol
   * @example
   * ```ts
   * client.stream('/api/generate', { connectTimeout: 120_000 })
   * ```
   */
  connectTimeout?: number | undefined
  /**
   * Milliseconds without any bytes after which the connection fails with code `idle`. Heartbeats count as bytes. 0
   * turns it off.
   *
   * @defaultValue three of the heartbeats that the server announced, else off; 300,000 for runs with a third-party protocol
   * @example
   * ```ts
   * client.subscribe('/api/stream', { idleTimeout: 45_000 })
   * ```
   */
  idleTimeout?: number | undefined
  /**
   * Milliseconds without an event after which the connection fails with code `stalled`. Heartbeats are not events.
   * 0 turns it off.
   *
   * @defaultValue off
   * @example
   * ```ts
   * client.stream('/api/generate', { stallTimeout: 30_000 })
   * ```
   */
  stallTimeout?: number | undefined
  /**
   * Maximum length of one event's data in characters (UTF-16 code units). A longer event fails the stream with
   * code `too-large`.
   *
   * @defaultValue 16 Mi
   * @example
   * ```ts
   * createClient({ maxEventSize: 1_000_000 })
   * ```
   */
  maxEventSize?: number | undefined
  /**
   * Capacity of the queue that feeds a slow loop, in events and bytes. While it is full, the connection is not read.
   *
   * @defaultValue 1,024 events or 1 MiB
   * @example
   * ```ts
   * const feed = client.subscribe('/api/stream', { queue: { events: 10 } })
   * for await (const event of feed) await handle(event)
   * ```
   */
  queue?: { events?: number | undefined; bytes?: number | undefined } | undefined
  /**
   * Returns whether a `Content-Type` is accepted as an event stream; `false` accepts all. A response that is not
   * accepted fails with code `content-type`.
   *
   * @defaultValue `text/event-stream`
   * @example
   * ```ts
   * createClient({ contentType: (type) => type.startsWith('text/plain') })
   * ```
   */
  contentType?: false | ((type: string) => boolean) | undefined
  /**
   * Replacement for the global `fetch`.
   *
   * @defaultValue the global one, looked up at each request
   * @example
   * ```ts
   * createClient({ fetch: (input, init) => fetch(input, { ...init, priority: 'high' }) })
   * ```
   */
  fetch?: typeof fetch | undefined
  /**
   * Opens connections instead of `fetch`, for example with `rivulet/multiplex` or `rivulet/share`.
   *
   * @example
   * ```ts
   * import { multiplex } from 'rivulet/multiplex'
   * createClient({ connect: multiplex('/api/channel') })
   * ```
   */
  connect?: Connect | undefined
  /**
   * Identity on whose behalf a stream is opened. A `connect` that shares connections shares them only within one scope.
   *
   * @example
   * ```ts
   * import { shareAcrossTabs } from 'rivulet/share'
   * createClient({ connect: shareAcrossTabs({ name: 'my-app' }), scope: 'user-42' })
   * ```
   */
  scope?: string | undefined
  /**
   * Called with each response, whatever its status.
   *
   * @example
   * ```ts
   * createClient({ onResponse: ({ status, headers }) => console.log(status, headers.get('x-request-id')) })
   * ```
   */
  onResponse?: ((response: StreamResponse) => void) | undefined
  /**
   * Called with the error that ended a stream, and with `invalid-data` errors of events that a feed skipped. Without
   * it, errors that neither a loop nor `final()` receives go to `reportError`.
   *
   * @example
   * ```ts
   * createClient({ onError: ({ code, message }) => console.error(code, message) })
   * ```
   */
  onError?: ((error: StreamError) => void) | undefined
  /**
   * Called when a feed may have missed events.
   *
   * @example
   * ```ts
   * client.subscribe('/api/stream', { onReset: () => location.reload() })
   * ```
   */
  onReset?: ((reset: StreamReset) => void) | undefined
  /**
   * Called with the new state each time `state.status` changes.
   *
   * @example
   * ```ts
   * client.subscribe('/api/stream', {
   *   onStateChange: ({ status, attempt }) => console.log(status, attempt),
   * })
   * ```
   */
  onStateChange?: ((state: StreamState) => void) | undefined
  /**
   * Called with the text of each comment that the server sends on the stream's own connection, in order with its events.
   *
   * @example
   * ```ts
   * client.subscribe('/api/stream', { onComment: (text) => console.log(text) })
   * ```
   */
  onComment?: ((text: string) => void) | undefined
  /**
   * Records the activity of streams for diagnosis, with `diagnose` from `rivulet/diagnostics` or `inspect` from
   * `rivulet/inspector`. What it throws is reported and does not affect the stream.
   *
   * @example
   * ```ts
   * import { diagnose } from 'rivulet/diagnostics'
   * createClient({ instrument: diagnose((diagnostic) => console.log(diagnostic)) })
   * ```
   */
  instrument?: Instrument | undefined
  /**
   * Source of time, to be replaced in tests.
   *
   * @defaultValue the platform's
   * @example
   * ```ts
   * const after: Clock['after'] = (ms, callback) => (queueMicrotask(callback), () => {})
   * createClient({ clock: { now: () => 0, after } })
   * ```
   */
  clock?: Clock | undefined
  /**
   * Source of random numbers from 0 to 1 for jitter, to be replaced in tests.
   *
   * @defaultValue `Math.random`
   * @example
   * ```ts
   * createClient({ random: () => 0.5 })
   * ```
   */
  random?: (() => number) | undefined
}

/** Options for `createClient`. */
export interface ClientOptions extends CommonOptions {
  /**
   * Base for relative URLs. Its origin receives credentials even if a server or a cursor names it.
   *
   * @defaultValue the document's base, or a worker's location
   * @example
   * ```ts
   * const client = createClient({ baseUrl: 'https://api.example.com' })
   * client.subscribe('/prices')
   * ```
   */
  baseUrl?: string | URL | undefined
  /**
   * How the last event ID is sent: as the header `Last-Event-ID`, not at all, or in a URL that a function returns. The
   * header costs a CORS preflight.
   *
   * @defaultValue `'header'`
   * @example
   * ```ts
   * createClient({ lastEventId: (url, id) => `${url}?after=${encodeURIComponent(id)}` })
   * ```
   */
  lastEventId?: 'header' | false | ((url: string, id: string) => string) | undefined
}
