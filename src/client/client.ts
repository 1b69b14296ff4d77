/** The client: shared options, and the set of streams it has opened. */
import { makeDisposable } from '../base/disposable.ts'
import type { Cursor } from '../base/errors.ts'
import { mergeDefined } from '../base/merge-defined.ts'
import type { ClientOptions } from '../request/options.ts'
import type { Persistence, RunOptions, SubscribeOptions } from '../request/stream-options.ts'
import { openFeed } from './open-feed.ts'
import { openResumed, openRun } from './open-run.ts'
import type { RestoreOptions, RestoreRun, ResumeRun, StreamRun, Subscribe } from './signatures.ts'

/** Opens feeds and runs with shared options. */
export interface Client {
  /**
   * Subscribes to a feed, an endless stream of events that is reconnected until it is closed. The types of its events
   * come from the type parameter, a map from event names to payloads, or from the schemas.
   *
   * @throws TypeError if the URL cannot be requested, the body cannot be sent, or an option is invalid
   * @example
   * ```ts
   * const feed = client.subscribe<{ price: { value: number } }>('/prices')
   * for await (const event of feed) {
   *   if (event.type === 'price') console.log(event.data.value)
   * }
   * ```
   */
  subscribe: Subscribe
  /**
   * Starts a run, a finite stream of deltas. The types of its deltas come from the `protocol`, those of all other events
   * from the type parameter or from the schemas.
   *
   * @throws TypeError if the URL cannot be requested, the body cannot be sent, or an option is invalid
   * @example
   * ```ts
   * const run = client.stream('/api/generate', { json: { prompt: 'Hello' } })
   * for await (const { content } of run) console.log(content)
   * const { text, finishReason } = await run.final()
   * ```
   */
  stream: StreamRun
  /**
   * Resumes a run from `cursor`: the new run receives only what follows the cursor.
   *
   * @throws TypeError if there is no cursor, its URL cannot be requested, its protocol is a different one, or an option is invalid
   * @example
   * ```ts
   * try {
   *   await client.stream('/api/generate').final()
   * } catch (error) {
   *   if (isStreamError(error) && error.cursor) await client.resume(error.cursor).final()
   * }
   * ```
   */
  resume: ResumeRun
  /**
   * Continues the run that an earlier page has persisted, and never starts one: the new run is read again from its start.
   * Resolves with `undefined` if nothing is stored, and, like `persist`, waits for the store for two seconds at most.
   *
   * @throws TypeError if the URL cannot be requested, its protocol is a different one, or an option is invalid
   * @example
   * ```ts
   * const run = await client.restore(persist({ key: `answer-${id}` }))
   * if (run) for await (const { content } of run) console.log(content)
   * ```
   */
  restore: RestoreRun
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
  const close = (): void => {
    for (const entry of openStreams) entry()
  }

  const client = {
    subscribe: (url: string | URL, ownOptions?: SubscribeOptions) =>
      track(
        (onClosed) => openFeed(url, options, ownOptions, onClosed),
        (feed) => feed.close(),
      ),
    stream: (url: string | URL, ownOptions?: RunOptions<unknown>) =>
      track(
        (onClosed) => openRun(url, options, ownOptions, undefined, onClosed),
        (run) => run.detach(),
      ),
    resume: (cursor: Cursor, ownOptions?: RunOptions<unknown>) =>
      track(
        (onClosed) => openResumed(cursor, options, ownOptions, onClosed),
        (run) => run.detach(),
      ),
    async restore(store: Persistence, ownOptions?: RestoreOptions<unknown>) {
      const stored = await store.load()
      // The page has none of the text before the stored position.
      const cursor = stored && mergeDefined<Cursor>({ ...stored, lastEventId: undefined, at: undefined })
      return cursor && client.resume(cursor, { ...ownOptions, persist: store })
    },
    close,
  }
  return makeDisposable(client as unknown as Client, close)
}
