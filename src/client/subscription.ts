/** A feed: an endless stream of events, reconnected until it is closed. */
import { makeDisposable } from '../base/disposable.ts'
import { StreamError } from '../base/errors.ts'
import { createDeferred } from '../base/deferred.ts'
import type { AddAnyListener, AddListener, EventOf, StreamEvent } from '../base/events.ts'
import { callSafely } from '../base/report-error.ts'
import { createRequestBuilder, isSafeToRepeat } from '../request/request.ts'
import type { KindDefaults, ResolvedOptions } from '../request/resolve-options.ts'
import type { Persistence, SubscribeOptions } from '../request/stream-options.ts'
import type { StreamState } from '../source/source.ts'
import { createFeedDecoder } from './feed-decoder.ts'
import type { Kind } from './kind.ts'
import { createStream } from './stream.ts'

/**
 * The events that PROTOCOL.md, section 2, defines for every feed. Third-party servers may use these names otherwise.
 *
 * `on` and `once` know them. A loop has them if they are in its event map: `subscribe<Prices & FeedEvents>(url)`.
 */
export interface FeedEvents {
  /** The first event of each connection. */
  connected: {
    readonly protocol: 1
    /** Unguessable ID of this connection. */
    readonly clientId: string
    readonly message: string
    /** Heartbeat interval, in milliseconds. */
    readonly heartbeat?: number
  }
  /**
   * The server no longer has the position from which the feed continued, so that events are missing; or, with the reason
   * `initial`, it begins with a snapshot.
   */
  reset: {
    readonly reason: string
    /** State of the server as of this position, if it sends one. */
    readonly snapshot?: unknown
  }
}

/** An event map with the events of every feed, unless it has events of these names itself. */
type WithFeedEvents<Events extends object> = Events &
  (string extends keyof Events ? FeedEvents : Omit<FeedEvents, keyof Events>)

/**
 * A feed: an endless stream of events. It starts in the microtask after its creation and can be iterated once.
 *
 * @example
 * ```ts
 * const feed = client.subscribe('/prices')
 * for await (const { type, data } of feed) console.log(type, data)
 * ```
 */
export interface Subscription<Events extends object = Record<string, unknown>> extends AsyncIterable<EventOf<Events>> {
  /**
   * Adds a listener for one type of event and returns a function that removes it.
   *
   * @example
   * ```ts
   * const removeListener = feed.on('price', ({ data, id }) => console.log(data, id))
   * removeListener()
   * ```
   */
  on: AddListener<WithFeedEvents<Events>>
  /**
   * Adds a listener for only the next event of one type and returns a function that removes it.
   *
   * @example
   * ```ts
   * feed.once('connected', () => console.log('connected'))
   * ```
   */
  once: AddListener<WithFeedEvents<Events>>
  /**
   * Adds a listener for events of every type and returns a function that removes it.
   *
   * @example
   * ```ts
   * feed.onAny(({ type, data }) => console.log(type, data))
   * ```
   */
  onAny: AddAnyListener
  /**
   * Current state of the feed. `onStateChange` is called when its `status` changes.
   *
   * @example
   * ```ts
   * const { status, nextAttemptAt = 0 } = feed.state
   * if (status === 'waiting') console.log(`Reconnecting in ${nextAttemptAt - Date.now()} ms`)
   * ```
   */
  readonly state: StreamState
  /**
   * Last event ID delivered; empty if there is none. An event counts as delivered once the listeners have returned, or
   * the loop has requested the next event or was left.
   *
   * @example
   * ```ts
   * localStorage.setItem('last', feed.lastEventId)
   * client.subscribe('/prices', { lastEventId: localStorage.getItem('last') ?? '' })
   * ```
   */
  readonly lastEventId: string
  /**
   * Resolves when the feed has ended: with the error that ended it, or with `undefined` after `close()`, an abort, or a
   * 204 from the server. Never rejects.
   *
   * @example
   * ```ts
   * const error = await feed.closed
   * if (error) console.error(error.code, error.message)
   * ```
   */
  readonly closed: Promise<StreamError | undefined>
  /**
   * Iterates over the events in arrays, one for each read of the connection. It counts as the one iteration of the feed.
   * The events of an array count as delivered once the next array is requested.
   *
   * @throws TypeError if the feed was iterated before
   * @example
   * ```ts
   * for await (const events of feed.batches()) console.log(events.length)
   * ```
   */
  batches(): AsyncIterableIterator<EventOf<Events>[], undefined>
  /**
   * Calls `listener` after each read whose events were delivered, and after each change of `state.status`. Returns a
   * function that removes it.
   *
   * @example
   * ```ts
   * const removeListener = feed.subscribe(() => console.log(feed.state.status, feed.lastEventId))
   * ```
   */
  subscribe(listener: () => void): () => void
  /**
   * Connects again at once, for a "retry now" button: ends the wait for the next attempt, or drops the connection, and
   * continues after the last event received. Returns `false`, and does nothing, if the feed is closed, if the request
   * may not be repeated (`repeatable`), or before the time that the server asked for (`Retry-After`) has passed.
   *
   * @example
   * ```ts
   * if (!feed.reconnect()) console.log('Please wait')
   * ```
   */
  reconnect(): boolean
  /**
   * Closes the feed: no event, request or error follows. Idempotent.
   *
   * @example
   * ```ts
   * feed.once('done', () => feed.close())
   * ```
   */
  close(): void
  /**
   * Calls `close()` at the end of a block with `using`, on platforms that have `Symbol.dispose`.
   *
   * @example
   * ```ts
   * using feed = client.subscribe('/prices')
   * for await (const { data } of feed) console.log(data)
   * ```
   */
  [Symbol.dispose](): void
}

/** Number of empty responses in a row after which `onError` is called. */
const MAX_EMPTY_RESPONSES = 3

/** Defaults for feeds: no retry limit, and the timeout in milliseconds. */
export const feedDefaults: KindDefaults = { retry: Infinity, connectTimeout: 10_000 }

/**
 * Creates a feed that starts after `lastEventId`.
 * @throws TypeError if the URL cannot be requested or the body cannot be sent
 */
export function createSubscription<Events extends object>(
  url: string | URL,
  options: ResolvedOptions & Pick<SubscribeOptions, 'parse' | 'schema' | 'repeatable' | 'dedupeWindow'>,
  lastEventId: string | undefined,
  onClosed: (() => void) | undefined,
): Subscription<Events> {
  const { persist } = options
  const request = createRequestBuilder(url, options)
  const closed = createDeferred<StreamError | undefined>()
  let savedId = lastEventId ?? ''
  let emptyCount = 0 // responses in a row that had no body

  const decoder = createFeedDecoder(
    options,
    {
      label: request.label,
      onInvalid: (error) => stream.emitError(error),
      onHeartbeat: (ms) => stream.expectHeartbeat(ms),
      get observe() {
        return stream.observe
      },
    },
    lastEventId,
  )
  const kind: Kind = {
    get lastEventId() {
      return decoder.lastEventId
    },
    restore:
      persist && lastEventId === undefined
        ? (cursor) => {
            // A cursor for a different URL does not apply to this feed.
            if (cursor.url !== request.url || !cursor.lastEventId) return
            decoder.restore((savedId = cursor.lastEventId))
            stream.observe?.({ type: 'cursor', action: 'restored' })
          }
        : undefined,
    overrides: () => ({}),
    isRepeatable: (error) => request.method === 'GET' || !!options.repeatable || isSafeToRepeat(error),
    decode: (batch) => decoder.decode(batch),
    onInvalid(error) {
      stream.emitError(error)
      return false
    },
    onReceived: () => undefined,
    endOfConnection(isEmpty) {
      emptyCount = isEmpty ? emptyCount + 1 : 0
      const error = new StreamError('network', `Connection ended: ${request.label}`, { retryable: true })
      // A server that has nothing to say keeps the connection open, so this is not a feed.
      if (emptyCount === MAX_EMPTY_RESPONSES) stream.emitError(error)
      return error
    },
    onSourceEnded(error) {
      closed.resolve(error)
      return { error, isFinal: !error }
    },
    onAbort(error) {
      stream.close({ error })
      closed.resolve(undefined)
    },
    isAwaited: () => false,
  }
  const saveCursor = (store: Persistence): unknown => {
    const { lastEventId: id = savedId } = stream.dispatcher
    if (id === savedId) return undefined
    savedId = id
    stream.observe?.({ type: 'cursor', action: id ? 'saved' : 'cleared' })
    // An empty ID means that the server has cleared the last event ID.
    return id ? store.save({ v: 2, url: request.url, lastEventId: id }) : store.clear()
  }
  const stream = createStream({
    options,
    request,
    kind,
    mustIterateFromStart: false,
    onDelivered: persist && (() => callSafely(saveCursor, persist)),
    onClosed,
  })
  const { dispatcher, source } = stream
  stream.observe?.({ type: 'made', kind: 'feed', resumes: !!lastEventId, label: options.label })
  const close = (): void => {
    stream.close()
    closed.resolve(undefined)
  }
  // The types of the events are what the caller says about the server.
  const loop = { take: (event: StreamEvent) => event as never, onReturn: close }

  return makeDisposable<Omit<Subscription<Events>, typeof Symbol.dispose>>(
    {
      on: (type, listener, listenerOptions) => dispatcher.on(type, listener, listenerOptions),
      once: (type, listener, listenerOptions) => dispatcher.on(type, listener, listenerOptions, true),
      onAny: (listener, listenerOptions) => dispatcher.on(undefined, listener, listenerOptions),
      get state() {
        return source.state
      },
      get lastEventId() {
        return dispatcher.lastEventId ?? savedId
      },
      closed: closed.promise,
      batches: () => dispatcher.iterateBatches(loop),
      subscribe: stream.subscribe,
      reconnect: stream.reconnect,
      close,
      [Symbol.asyncIterator]: () => dispatcher.iterate(loop),
    },
    close,
  )
}
