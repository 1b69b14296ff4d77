/** The client: shared options, and the set of streams it has opened. */
import { makeDisposable } from '../base/disposable.ts'
import type { Cursor } from '../base/errors.ts'
import type { InferEvents, Schemas } from '../base/events.ts'
import type { TextDelta } from '../protocols/native.ts'
import type { Protocol } from '../protocols/protocol.ts'
import type { ClientOptions } from '../request/options.ts'
import { resolveOptions } from '../request/resolve-options.ts'
import type { RunOptions, SubscribeOptions } from '../request/stream-options.ts'
import { createRun, runDefaults } from './create-run.ts'
import type { Run } from './run.ts'
import { type Subscription, createSubscription, feedDefaults } from './subscription.ts'

/** Opens feeds and runs with shared options. */
export interface Client {
  /**
   * Subscribes to a feed, an endless stream of events that is reconnected until it is closed. The schemas determine
   * the types of its events.
   *
   * @throws TypeError if the URL cannot be requested or the body cannot be sent
   * @example
   * ```ts
   * import * as v from 'valibot'
   * const price = v.object({ symbol: v.string(), value: v.number() })
   * const feed = client.subscribe('/prices', { schema: { price } })
   * feed.on('price', ({ data }) => console.log(data.symbol, data.value))
   * ```
   */
  subscribe<Map extends Schemas>(
    url: string | URL,
    options: SubscribeOptions & { schema: Map },
  ): Subscription<InferEvents<Map>>
  /**
   * Subscribes to a feed, an endless stream of events that is reconnected until it is closed. `Events` maps event
   * names to payloads.
   *
   * @throws TypeError if the URL cannot be requested or the body cannot be sent
   * @example
   * ```ts
   * const feed = client.subscribe<{ price: { value: number } }>('/prices')
   * for await (const event of feed) {
   *   if (event.type === 'price') console.log(event.data.value)
   * }
   * ```
   */
  subscribe<Events extends object = Record<string, unknown>>(
    url: string | URL,
    options?: SubscribeOptions,
  ): Subscription<Events>
  /**
   * Starts a run, a finite stream of deltas, with a third-party `protocol`.
   *
   * @throws TypeError if the URL cannot be requested or the body cannot be sent
   * @example
   * ```ts
   * import { openaiChat } from 'rivulet/openai'
   * const json = { model: 'gpt-5', stream: true, messages: [{ role: 'user', content: 'Hello' }] }
   * const run = client.stream('/v1/chat/completions', { protocol: openaiChat(), json })
   * for await (const { content } of run) console.log(content)
   * ```
   */
  stream<Delta>(url: string | URL, options: RunOptions<Delta> & { protocol: Protocol<Delta> }): Run<Delta>
  /**
   * Starts a run, a finite stream of deltas. The schemas determine the types of all other events.
   *
   * @throws TypeError if the URL cannot be requested or the body cannot be sent
   * @example
   * ```ts
   * import * as v from 'valibot'
   * const tool_call = v.object({ name: v.string() })
   * const run = client.stream('/api/generate', { json: { prompt: 'Hello' }, schema: { tool_call } })
   * run.on('tool_call', ({ data }) => console.log(data.name))
   * ```
   */
  stream<Map extends Schemas>(
    url: string | URL,
    options: RunOptions<TextDelta> & { schema: Map },
  ): Run<TextDelta, InferEvents<Map>>
  /**
   * Starts a run, a finite stream of deltas. `Events` maps the names of all other events to their payloads.
   *
   * @throws TypeError if the URL cannot be requested or the body cannot be sent
   * @example
   * ```ts
   * const run = client.stream('/api/generate', { json: { prompt: 'Hello' } })
   * for await (const { content } of run) console.log(content)
   * const { text, finishReason } = await run.final()
   * ```
   */
  stream<Events extends object = Record<string, unknown>>(
    url: string | URL,
    options?: RunOptions<TextDelta>,
  ): Run<TextDelta, Events>
  /**
   * Resumes a run from `cursor`: the new run receives only what follows the cursor.
   *
   * @throws TypeError if the cursor's URL cannot be requested or the body cannot be sent
   * @example
   * ```ts
   * try {
   *   await client.stream('/api/generate').final()
   * } catch (error) {
   *   if (isStreamError(error) && error.cursor) await client.resume(error.cursor).final()
   * }
   * ```
   */
  resume<Events extends object = Record<string, unknown>>(
    cursor: Cursor,
    options?: RunOptions<TextDelta>,
  ): Run<TextDelta, Events>
  /**
   * Closes all feeds and detaches from all runs that this client has opened. Idempotent.
   *
   * @example
   * ```ts
   * addEventListener('pagehide', () => client.close())
   * ```
   */
  close(): void
  /**
   * Calls `close()` at the end of a block with `using`, on platforms that have `Symbol.dispose`.
   *
   * @example
   * ```ts
   * using client = createClient()
   * await client.stream('/api/generate').final()
   * ```
   */
  [Symbol.dispose](): void
}

/**
 * Creates a client. This has no side effects, so it is safe during server-side rendering.
 *
 * @example
 * ```ts
 * const client = createClient({ baseUrl: 'https://api.example.com', auth: bearer('my-token') })
 * const feed = client.subscribe('/prices')
 * feed.on('price', ({ data }) => console.log(data))
 * ```
 */
export function createClient(options: ClientOptions = {}): Client {
  const openStreams = new Set<() => void>()

  /** Creates a stream and registers it until it is closed, so that `close()` can close it. */
  const track = <Stream>(make: (onClosed: () => void) => Stream, closeStream: (stream: Stream) => void): Stream => {
    const entry = (): void => closeStream(stream)
    const stream = make(() => openStreams.delete(entry))
    openStreams.add(entry)
    return stream
  }
  const run = (url: string | URL, ownOptions: RunOptions = {}, cursor?: Cursor): Run<unknown> =>
    track(
      (onClosed) => createRun(url, resolveOptions(runDefaults, options, ownOptions), cursor, onClosed),
      (stream) => stream.detach(),
    )
  const close = (): void => {
    for (const entry of openStreams) entry()
  }

  const client = {
    subscribe(url: string | URL, { lastEventId, ...ownOptions }: SubscribeOptions = {}) {
      const [initialId, lastEventIdMode] = typeof lastEventId === 'string' ? [lastEventId] : [undefined, lastEventId]
      const resolved = resolveOptions(feedDefaults, options, { ...ownOptions, lastEventId: lastEventIdMode })
      return track(
        (onClosed) => createSubscription(url, resolved, initialId, onClosed),
        (feed) => feed.close(),
      )
    },
    stream: (url: string | URL, ownOptions?: RunOptions) => run(url, ownOptions),
    resume: (cursor: Cursor, ownOptions?: RunOptions) => run(cursor.url, ownOptions, cursor),
    close,
  }
  return makeDisposable(client as unknown as Client, close)
}
