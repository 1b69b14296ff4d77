/** Options for feeds and runs: client options, `fetch` options, and options specific to each. */
import type { Cursor } from '../base/errors.ts'
import type { Schemas } from '../base/events.ts'
import type { Message } from '../message/message.ts'
import type { TextDelta } from '../protocols/native-text.ts'
import type { Protocol } from '../protocols/protocol.ts'
import type { CommonOptions } from './options.ts'

/** Converts the text `data` of an event to `event.data`: `JSON.parse`, no conversion, or a function. */
export type ParseOption = 'json' | 'text' | ((data: string, event: { type: string; id: string }) => unknown)

/** Stores the cursor of one stream beyond the life of the page. `persist` from `rivulet/persist` creates a store. */
export interface Persistence {
  /**
   * Returns the stored cursor, if any. Called once, before the first request, which waits for the promise. A failure is
   * passed to `reportError`, and the stream then starts without a cursor.
   *
   * `request` is the method, the URL and the text of the body of a run's request. If the cursor belongs to another request,
   * `load` may throw a `StreamError` with code `expired`, which ends the run.
   */
  load(request?: string): Cursor | undefined | Promise<Cursor | undefined>
  /** Stores a cursor: for a run, the resume URL; for a feed, each last event ID delivered. `request` is that of `load`. */
  save(cursor: Cursor, request?: string): void | Promise<void>
  /** Removes the cursor, because the stream has ended or cannot be resumed. */
  clear(): void | Promise<void>
}

/** The options of `fetch` that a stream passes on. */
export type FetchOptions = {
  [Name in Exclude<keyof RequestInit, 'headers' | 'body'>]?: RequestInit[Name] | undefined
}

/** Options for one stream, in addition to the options of `fetch`. */
export interface StreamOptions extends CommonOptions, FetchOptions {
  /**
   * Request body. It is sent with each attempt, so it cannot be a `ReadableStream`.
   *
   * @example
   * ```ts
   * client.stream('/api/generate', { body: new URLSearchParams({ prompt: 'Hello' }) })
   * ```
   */
  body?: Exclude<BodyInit, ReadableStream> | null | undefined
  /**
   * Request body as a value, sent as JSON. The method is POST unless `method` is set.
   *
   * @example
   * ```ts
   * client.stream('/api/generate', { json: { prompt: 'Hello' } })
   * ```
   */
  json?: unknown
  /**
   * Query parameters, appended to the URL.
   *
   * @example
   * ```ts
   * client.subscribe('/prices', { searchParams: { symbol: 'ACME', limit: 10 } })
   * ```
   */
  searchParams?: URLSearchParams | Record<string, string | number | boolean> | string | undefined
  /**
   * Name of the stream in the records of `instrument`.
   *
   * @example
   * ```ts
   * client.subscribe('/prices', { label: 'ticker' })
   * ```
   */
  label?: string
  /**
   * Store that lets the stream continue after the page is reloaded: a run resumes the same answer, and a feed continues
   * after the last event delivered.
   *
   * @example
   * ```ts
   * import { persist } from 'rivulet/persist'
   * client.stream('/api/generate', { json: { prompt: 'Hello' }, persist: persist({ key: 'answer-42' }) })
   * ```
   */
  persist?: Persistence | undefined
}

/** Options for `subscribe`. */
export interface SubscribeOptions extends StreamOptions {
  /**
   * How the text `data` becomes `event.data`. If parsing throws, the event is skipped, and `onError` receives
   * `invalid-data`.
   *
   * @defaultValue `'json'`
   * @example
   * ```ts
   * client.subscribe('/log', { parse: 'text' })
   * client.subscribe('/log', { parse: (data, { type }) => (type === 'line' ? data : JSON.parse(data)) })
   * ```
   */
  parse?: ParseOption | undefined
  /**
   * Schemas by event type (Standard Schema), which validate payloads and determine their types.
   *
   * @example
   * ```ts
   * import * as v from 'valibot'
   * const price = v.object({ symbol: v.string(), value: v.number() })
   * client.subscribe('/prices', { schema: { price } }).on('price', ({ data }) => console.log(data.value))
   * ```
   */
  schema?: Schemas | undefined
  /**
   * Whether the request may be repeated even if its method is not GET.
   *
   * @defaultValue false
   * @example
   * ```ts
   * client.subscribe('/search', { json: { query: 'rain' }, repeatable: true })
   * ```
   */
  repeatable?: boolean | undefined
  /**
   * Number of recent events remembered, to drop those that a new connection repeats: by ID, and on third-party servers
   * also by type and data. 0 delivers every event.
   *
   * @defaultValue 1,024
   * @example
   * ```ts
   * client.subscribe('/prices', { dedupeWindow: 0 })
   * ```
   */
  dedupeWindow?: number | undefined
  /**
   * ID of the event after which the feed starts; or how the last event ID is sent, as in `ClientOptions`.
   *
   * @example
   * ```ts
   * client.subscribe('/prices', { lastEventId: localStorage.getItem('last') ?? '' })
   * client.subscribe('/prices', { lastEventId: false })
   * ```
   */
  lastEventId?: string | false | ((url: string, id: string) => string) | undefined
}

/** Options for `stream` and `resume`. */
export interface RunOptions<Delta = TextDelta> extends StreamOptions {
  /**
   * Protocol of the server.
   *
   * @defaultValue `native()`
   * @example
   * ```ts
   * import { openaiChat } from 'rivulet/openai'
   * client.stream('/v1/chat/completions', { protocol: openaiChat(), json: { stream: true } })
   * ```
   */
  protocol?: Protocol<Delta, unknown> | undefined
  /**
   * The message before the cursor of `resume`, as `run.message` had it, for `native({ blocks: true })`. Without it, and
   * with other protocols that make a message, the run is read again from its start.
   *
   * @example
   * ```ts
   * client.resume(cursor, { protocol: native({ blocks: true }), message })
   * ```
   */
  message?: Message | undefined
  /**
   * The text before the cursor of `resume`, as `run.text` or `error.partial` had it: the text of the resumed run, and the
   * `partial` of its error, then begin with it. Where a run is read again from its start, it is ignored.
   *
   * @defaultValue empty
   * @example
   * ```ts
   * if (isStreamError(error) && error.cursor) client.resume(error.cursor, { text: error.partial ?? '' })
   * ```
   */
  text?: string | undefined
  /**
   * Schemas by event type (Standard Schema) for events other than deltas. An invalid payload ends the run with
   * `invalid-data`.
   *
   * @example
   * ```ts
   * import * as v from 'valibot'
   * const tool_call = v.object({ name: v.string() })
   * client.stream('/api/generate', { schema: { tool_call } }).on('tool_call', ({ data }) => console.log(data.name))
   * ```
   */
  schema?: Schemas | undefined
  /**
   * Value of the header `Idempotency-Key`, by which the server recognizes a repeated request; `false` sends none.
   *
   * @defaultValue a fresh UUID
   * @example
   * ```ts
   * client.stream('/api/generate', { json: { prompt: 'Hello' }, idempotencyKey: 'message-42' })
   * ```
   */
  idempotencyKey?: string | false | undefined
  /**
   * What happens on the server when a loop is left early or `signal` aborts: the run continues, or is cancelled.
   *
   * @defaultValue `'continue'`
   * @example
   * ```ts
   * const run = client.stream('/api/generate', { detachBehavior: 'cancel' })
   * for await (const { content } of run) if (content.includes('stop')) break
   * ```
   */
  detachBehavior?: 'continue' | 'cancel' | undefined
}
