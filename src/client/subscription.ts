/** A feed: an endless stream of events, reconnected for ever. */
import { StreamError } from '../base/errors.ts'
import { guard } from '../base/report-error.ts'
import { disposable } from '../base/disposable.ts'
import type { EventOf, On, OnAny } from '../base/events.ts'
import type { Persistence, SubscribeOptions } from '../request/options.ts'
import { createRequester, isRefusal } from '../request/request.ts'
import { createSession } from './stream.ts'
import type { KindDefaults, Settings } from '../request/resolve-options.ts'
import { createDuplicateWindow } from '../source/dedupe.ts'
import type { RawEvent, StreamState } from '../source/source.ts'
import { type PendingEvent, invalidData } from './validate.ts'

/** An endless stream of events. It starts in the microtask after it was made, and can be iterated once. */
export interface Subscription<Events extends object = Record<string, unknown>> extends AsyncIterable<EventOf<Events>> {
  /** Adds a listener for one type of event; returns what removes it. */
  on: On<Events>
  /** Like `on`, for the next event of that type only. */
  once: On<Events>
  /** Adds a listener for every event. */
  onAny: OnAny
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
  settings: Settings & Pick<SubscribeOptions, 'parse' | 'schema' | 'reconnect' | 'dedupeWindow'>,
  lastEventId: string | undefined,
  onClosed: () => void,
): Subscription<Events> {
  const { parse = 'json', onReset, persist, dedupeWindow = 1_024 } = settings
  const duplicates = createDuplicateWindow(dedupeWindow, lastEventId)
  const requester = createRequester(url, settings)
  let begin = lastEventId ?? ''
  let settle!: (error?: StreamError) => void
  const closed = new Promise<StreamError | undefined>((resolve) => (settle = resolve))

  const { source, delivery, expectHeartbeat, complain, end, leave } = createSession<PendingEvent>(
    requester,
    settings,
    { lastEventId, whole: false, onClosed },
    {
      repeatable: (error) => requester.method === 'GET' || settings.reconnect || isRefusal(error),
      restore:
        persist && lastEventId === undefined
          ? (kept) => {
              // Another feed's place would be a wrong one.
              if (kept.url === requester.url && kept.lastEventId)
                duplicates.has((begin = source.lastEventId = kept.lastEventId))
            }
          : undefined,
      ...(persist && { advanced: () => guard(keep, persist) }),
      opened(_, reconnected) {
        duplicates.opened()
        // Without an id nobody can know what was missed in between.
        if (reconnected && !source.lastEventId) guard(onReset, { reason: 'no-id' })
      },
      event(event, items, ownId) {
        const { type, id } = event
        // A connection that was made elsewhere than asked for, and breaks before it says so, must be asked for once more.
        const known = type === 'connected' ? 'greeting' : type === 'reset' ? type : undefined
        if (known) greet(event)
        else if (ownId && duplicates.has(ownId)) return 'duplicate'
        // The event is the parser's own, and nobody else's: it need not be copied.
        const parsed: PendingEvent = event
        try {
          if (parse !== 'text')
            parsed.data = parse === 'json' ? JSON.parse(event.data) : parse(event.data, { type, id })
        } catch (cause) {
          complain(invalidData(event, cause))
          return known
        }
        items.push(parsed)
        return known
      },
      invalid(error) {
        complain(error)
        return false
      },
      ended: () => new StreamError('network', `Ended: ${requester.name}`, { retryable: true }),
      settled(error) {
        end(error)
        settle(error)
      },
      aborted(error) {
        leave({ error })
        settle()
      },
      isConsumed: () => false,
    },
  )
  /** What the server says for the client, however the user has payloads parsed. */
  const greet = ({ type, data }: RawEvent): void => {
    let fields: { heartbeat?: number; reason?: string } = {}
    try {
      fields = Object(JSON.parse(data)) as typeof fields
    } catch {
      // A foreign server's, or broken: that is told where it is parsed for the user.
    }
    const { heartbeat = 0, reason = 'unknown' } = fields
    if (type === 'connected') {
      // Also in the middle: a connection that is shared has a new one beneath.
      duplicates.opened()
      return expectHeartbeat(heartbeat)
    }
    duplicates.clear()
    guard(onReset, { reason })
  }
  const keep = (place: Persistence): unknown => {
    const { lastEventId: id = begin } = delivery
    if (id === begin) return undefined
    begin = id
    // The server may have taken its ids back.
    return id ? place.save({ url: requester.url, lastEventId: id }) : place.clear()
  }
  const close = (): void => {
    leave()
    settle()
  }

  return disposable<Omit<Subscription<Events>, typeof Symbol.dispose>>(
    {
      on: (type, listener, options) => delivery.on(type, listener, options),
      once: (type, listener, options) => delivery.on(type, listener, options, true),
      onAny: (listener, options) => delivery.on(undefined, listener, options),
      get state() {
        return source.state
      },
      get lastEventId() {
        return delivery.lastEventId ?? begin
      },
      closed,
      close,
      [Symbol.asyncIterator]: () => delivery.iterate((event) => event as EventOf<Events>, close),
    },
    close,
  )
}
