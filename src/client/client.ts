/** A client: the options that streams share, and the streams that it has opened. */
import type { Cursor } from '../base/errors.ts'
import { makeDisposable } from '../base/disposable.ts'
import type { InferEvents, Schemas } from '../base/events.ts'
import type { ClientOptions, RunOptions, SubscribeOptions } from '../request/options.ts'
import type { TextDelta } from '../protocols/native.ts'
import type { Protocol } from '../protocols/protocol.ts'
import { type Run, createRun, runDefaults } from './run.ts'
import { resolveOptions } from '../request/resolve-options.ts'
import { type Subscription, createSubscription, feedDefaults } from './subscription.ts'

/** Opens streams. */
export interface Client {
  /**
   * Subscribes to a feed: an endless stream, reconnected for ever. The types of its events come from its schemas.
   * @throws TypeError on a URL or body that can't be requested
   */
  subscribe<Map extends Schemas>(
    url: string | URL,
    options: SubscribeOptions & { schema: Map },
  ): Subscription<InferEvents<Map>>
  /** Subscribes to a feed, whose events `Events` maps from name to payload. */
  subscribe<Events extends object = Record<string, unknown>>(
    url: string | URL,
    options?: SubscribeOptions,
  ): Subscription<Events>
  /**
   * Starts a run: a finite stream of deltas, in the words of a foreign `protocol`.
   * @throws TypeError on a URL or body that can't be requested
   */
  stream<Delta>(url: string | URL, options: RunOptions<Delta> & { protocol: Protocol<Delta> }): Run<Delta>
  /** Starts a run; the types of its events that are not deltas come from their schemas. */
  stream<Map extends Schemas>(
    url: string | URL,
    options: RunOptions<TextDelta> & { schema: Map },
  ): Run<TextDelta, InferEvents<Map>>
  /** Starts a run, whose events that are not deltas `Events` maps from name to payload. */
  stream<Events extends object = Record<string, unknown>>(
    url: string | URL,
    options?: RunOptions<TextDelta>,
  ): Run<TextDelta, Events>
  /** Goes on with a run from where `cursor` says: only what comes after it. */
  resume<Events extends object = Record<string, unknown>>(
    cursor: Cursor,
    options?: RunOptions<TextDelta>,
  ): Run<TextDelta, Events>
  /** Closes the feeds and detaches from the runs that it has opened. Idempotent. */
  close(): void
  [Symbol.dispose](): void
}

/** Makes a client. It touches nothing of the platform, so that it can be made on a server as well. */
export function createClient(options: ClientOptions = {}): Client {
  const openStreams = new Set<() => void>()

  /** Keeps what closes a stream, until the stream is closed. */
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
