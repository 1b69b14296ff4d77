/** A feed: an endless stream of events, reconnected for ever. */
import { StreamError } from '../base/errors.ts'
import { callSafely } from '../base/report-error.ts'
import { makeDisposable } from '../base/disposable.ts'
import type { EventOf, AddListener, AddAnyListener } from '../base/events.ts'
import type { Persistence, SubscribeOptions } from '../request/options.ts'
import { createRequestBuilder, isSafeToRepeat } from '../request/request.ts'
import { createStream } from './stream.ts'
import type { KindDefaults, ResolvedOptions } from '../request/resolve-options.ts'
import { createDedupeWindow } from '../source/dedupe.ts'
import type { RawEvent, StreamState } from '../source/source.ts'
import { type PendingEvent, invalidDataError } from './validate.ts'

/** An endless stream of events. It starts in the microtask after it was made, and can be iterated once. */
export interface Subscription<Events extends object = Record<string, unknown>> extends AsyncIterable<EventOf<Events>> {
  /** Adds a listener for one type of event; returns what removes it. */
  on: AddListener<Events>
  /** Like `on`, for the next event of that type only. */
  once: AddListener<Events>
  /** Adds a listener for every event. */
  onAny: AddAnyListener
  /** Where the feed is; `onStateChange` hears of each change. */
  readonly state: StreamState
  /**
   * The last event ID delivered: its listeners have returned, or the loop has asked for more, or was left; empty: none.
   * To go on from there later: `subscribe(url, { lastEventId })`.
   */
  readonly lastEventId: string
  /**
   * Settles when the feed has ended, with the error that ended it: none where it was closed or aborted, or where the
   * server said that there is no more (204). Never rejects.
   */
  readonly closed: Promise<StreamError | undefined>
  /** Ends the feed: no event, request or error comes after it. Idempotent. */
  close(): void
  [Symbol.dispose](): void
}

export const feedDefaults: KindDefaults = { retry: Infinity, connectTimeout: 10_000 }

/** @throws TypeError on a URL or body that can't be requested */
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
              // Another feed's place would be a wrong one.
              if (cursor.url === requestBuilder.url && cursor.lastEventId)
                duplicates.remember((savedId = source.lastEventId = cursor.lastEventId))
            }
          : undefined,
      ...(persist && { onDelivered: () => callSafely(saveCursor, persist) }),
      onOpen(_, reconnected) {
        duplicates.beginConnection()
        // Without an id nobody can know what was missed in between.
        if (reconnected && !source.lastEventId) callSafely(onReset, { reason: 'no-id' })
      },
      onEvent(event, items, ownId) {
        const { type, id } = event
        // A connection that was made elsewhere than asked for, and breaks before it says so, must be asked for once more.
        const disposition = type === 'connected' ? 'handshake' : type === 'reset' ? type : undefined
        if (disposition) handleControlEvent(event)
        else if (ownId) {
          if (duplicates.isDuplicate(ownId)) return 'duplicate'
          duplicates.remember(ownId)
        }
        // The event is the parser's own, and nobody else's: it need not be copied.
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
      onConnectionEnd: () => new StreamError('network', `Ended: ${requestBuilder.label}`, { retryable: true }),
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
  /** What the server says for the client, however the user has payloads parsed. */
  const handleControlEvent = ({ type, data }: RawEvent): void => {
    let fields: { heartbeat?: number; reason?: string } = {}
    try {
      fields = Object(JSON.parse(data)) as typeof fields
    } catch {
      // A foreign server's, or broken: that is told where it is parsed for the user.
    }
    const { heartbeat = 0, reason = 'unknown' } = fields
    if (type === 'connected') {
      // Also in the middle: a connection that is shared has a new one beneath.
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
    // The server may have taken its ids back.
    return id ? store.save({ url: requestBuilder.url, lastEventId: id }) : store.clear()
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
