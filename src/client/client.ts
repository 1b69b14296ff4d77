/** A client: the options that streams share, and the streams that it has opened. */
import type { Cursor } from '../base/errors.ts'
import { disposable } from '../base/disposable.ts'
import type { EventsOf, Schemas } from '../base/events.ts'
import type { ClientOptions, RunOptions, SubscribeOptions } from '../request/options.ts'
import type { TextDelta } from '../protocols/native.ts'
import type { Protocol } from '../protocols/protocol.ts'
import { type Run, createRun, runDefaults } from './run.ts'
import { mergeSettings } from '../request/resolve-options.ts'
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
  ): Subscription<EventsOf<Map>>
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
  ): Run<TextDelta, EventsOf<Map>>
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
  const open = new Set<() => void>()

  /** Keeps what closes a stream, until the stream is closed. */
  const keep = <Stream>(make: (onClosed: () => void) => Stream, end: (stream: Stream) => void): Stream => {
    const entry = (): void => end(stream)
    const stream = make(() => open.delete(entry))
    open.add(entry)
    return stream
  }
  const run = (url: string | URL, own: RunOptions = {}, cursor?: Cursor): Run<unknown> =>
    keep(
      (onClosed) => createRun(url, mergeSettings(runDefaults, options, own), cursor, onClosed),
      (stream) => stream.detach(),
    )
  const close = (): void => {
    for (const entry of open) entry()
  }

  const client = {
    subscribe(url: string | URL, { lastEventId, ...own }: SubscribeOptions = {}) {
      const [from, mode] = typeof lastEventId === 'string' ? [lastEventId] : [undefined, lastEventId]
      const settings = mergeSettings(feedDefaults, options, { ...own, lastEventId: mode })
      return keep(
        (onClosed) => createSubscription(url, settings, from, onClosed),
        (feed) => feed.close(),
      )
    },
    stream: (url: string | URL, own?: RunOptions) => run(url, own),
    resume: (cursor: Cursor, own?: RunOptions) => run(cursor.url, own, cursor),
    close,
  }
  return disposable(client as unknown as Client, close)
}
