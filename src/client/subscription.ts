/** A feed: an endless stream of events, reconnected until it is closed. */
import { makeDisposable } from '../base/disposable.ts'
import { StreamError } from '../base/errors.ts'
import type { EventOf, AddListener, AddAnyListener } from '../base/events.ts'
import { callSafely } from '../base/report-error.ts'
import type { Persistence } from '../request/options.ts'
import { createRequestBuilder, isSafeToRepeat } from '../request/request.ts'
import type { KindDefaults, ResolvedOptions } from '../request/resolve-options.ts'
import type { SubscribeOptions } from '../request/stream-options.ts'
import { createDedupeWindow } from '../source/dedupe.ts'
import type { RawEvent, StreamState } from '../source/source.ts'
import { createStream } from './stream.ts'
import { type PendingEvent, invalidDataError } from './validate.ts'

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
  on: AddListener<Events>
  /**
   * Adds a listener for only the next event of one type and returns a function that removes it.
   *
   * @example
   * ```ts
   * feed.once('connected', () => console.log('connected'))
   * ```
   */
  once: AddListener<Events>
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
  onClosed: () => void,
): Subscription<Events> {
  const { parse = 'json', onReset, persist, dedupeWindow = 1_024 } = options
  const duplicates = createDedupeWindow(dedupeWindow, lastEventId)
  const requestBuilder = createRequestBuilder(url, options)
  let savedId = lastEventId ?? ''
  let resolveClosed!: (error?: StreamError) => void
  const closed = new Promise<StreamError | undefined>((resolve) => (resolveClosed = resolve))

  const {
    source,
    dispatcher,
    expectHeartbeat,
    emitError,
    finish,
    close: closeStream,
  } = createStream<PendingEvent>(
    requestBuilder,
    options,
    { lastEventId, mustIterateFromStart: false, onClosed },
    {
      isRepeatable: (error) => requestBuilder.method === 'GET' || options.repeatable || isSafeToRepeat(error),
      restoreCursor:
        persist && lastEventId === undefined
          ? (cursor) => {
              // A cursor for a different URL does not apply to this feed.
              if (cursor.url === requestBuilder.url && cursor.lastEventId)
                duplicates.remember((savedId = source.lastEventId = cursor.lastEventId))
            }
          : undefined,
      ...(persist && { onDelivered: () => callSafely(saveCursor, persist) }),
      onOpen(_, reconnected) {
        duplicates.beginConnection()
        // Without IDs, events missed between the two connections cannot be detected.
        if (reconnected && !source.lastEventId) callSafely(onReset, { reason: 'no-id' })
      },
      onEvent(event, items, ownId) {
        const { type, id } = event
        // `connected` does not move the last event ID: if this connection starts at a different position and breaks
        // before it delivers `reset`, the next connection must still request the old position.
        const disposition = type === 'connected' ? 'handshake' : type === 'reset' ? type : undefined
        if (disposition) handleControlEvent(event)
        else if (ownId) {
          if (duplicates.isDuplicate(ownId)) return 'duplicate'
          duplicates.remember(ownId)
        }
        // The event is reused, not copied: the parser keeps no reference to it.
        const pendingEvent: PendingEvent = event
        try {
          if (parse !== 'text')
            pendingEvent.data = parse === 'json' ? JSON.parse(event.data) : parse(event.data, { type, id })
        } catch (cause) {
          emitError(invalidDataError(event, cause))
          return disposition
        }
        items.push(pendingEvent)
        return disposition
      },
      onInvalid(error) {
        emitError(error)
        return false
      },
      onConnectionEnd: () =>
        new StreamError('network', `Connection ended: ${requestBuilder.label}`, { retryable: true }),
      onEnd(error) {
        finish(error)
        resolveClosed(error)
      },
      onAbort(error) {
        closeStream({ error })
        resolveClosed()
      },
      isConsumed: () => false,
    },
  )
  /** Handles a `connected` or `reset` event. The payload is parsed as JSON whatever the `parse` option is. */
  const handleControlEvent = ({ type, data }: RawEvent): void => {
    let fields: { heartbeat?: number; reason?: string } = {}
    try {
      fields = Object(JSON.parse(data)) as typeof fields
    } catch {
      // A third-party event of the same name, or invalid JSON: `onEvent` reports data that cannot be parsed.
    }
    const { heartbeat = 0, reason = 'unknown' } = fields
    if (type === 'connected') {
      // It may arrive in the middle of a connection: a shared connection can be reconnected beneath this stream.
      duplicates.beginConnection()
      return expectHeartbeat(heartbeat)
    }
    duplicates.clear()
    callSafely(onReset, { reason })
  }
  const saveCursor = (store: Persistence): unknown => {
    const { lastEventId: id = savedId } = dispatcher
    if (id === savedId) return undefined
    savedId = id
    // An empty ID means that the server has cleared the last event ID.
    return id ? store.save({ v: 2, url: requestBuilder.url, lastEventId: id }) : store.clear()
  }
  const close = (): void => {
    closeStream()
    resolveClosed()
  }

  return makeDisposable<Omit<Subscription<Events>, typeof Symbol.dispose>>(
    {
      on: (type, listener, options) => dispatcher.on(type, listener, options),
      once: (type, listener, options) => dispatcher.on(type, listener, options, true),
      onAny: (listener, options) => dispatcher.on(undefined, listener, options),
      get state() {
        return source.state
      },
      get lastEventId() {
        return dispatcher.lastEventId ?? savedId
      },
      closed,
      close,
      [Symbol.asyncIterator]: () => dispatcher.iterate((event) => event as EventOf<Events>, close),
    },
    close,
  )
}
