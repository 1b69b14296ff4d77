/** A feed: an endless stream of events, reconnected for ever. */
import { StreamError } from './base/errors.ts'
import { guard } from './base/report.ts'
import { createDelivery } from './delivery.ts'
import { disposable } from './disposable.ts'
import type { EventOf, On, OnAny } from './events.ts'
import type { SubscribeOptions } from './options.ts'
import { createRequester, isRefusal } from './request.ts'
import { announce, createSession } from './session.ts'
import type { KindDefaults, Settings } from './settings.ts'
import type { StreamState } from './source/source.ts'
import { type PendingEvent, invalidData, validate } from './validate.ts'

/** An endless stream of events. It starts in the microtask after it was made, and can be iterated once. */
export interface Subscription<Events extends object = Record<string, unknown>> extends AsyncIterable<EventOf<Events>> {
  /** Adds a listener for one type of event; returns what removes it. */
  on: On<Events>
  /** Like `on`, for the next event of that type only. */
  once: On<Events>
  /** Adds a listener for every event. */
  onAny: OnAny
  readonly state: StreamState
  /** The last event ID received; empty: none. */
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

export const feedDefaults: KindDefaults = { limit: Infinity, connectTimeout: 10_000 }

/** @throws TypeError on a URL or body that can't be requested */
export function createSubscription<Events extends object>(
  url: string | URL,
  settings: Settings & Pick<SubscribeOptions, 'parse' | 'schema' | 'reconnect'>,
  lastEventId: string | undefined,
  onClosed: () => void,
): Subscription<Events> {
  const { parse = 'json', schema } = settings
  const requester = createRequester(url, settings)
  const delivery = createDelivery<PendingEvent>(settings.queue, false)
  let pending: PendingEvent[] = []
  let resolveClosed!: (error: StreamError | undefined) => void
  const closed = new Promise<StreamError | undefined>((resolve) => (resolveClosed = resolve))
  const settle = (error?: StreamError): void => {
    resolveClosed(error)
    onClosed()
  }
  const invalid = (error: StreamError): void => announce(error, settings, () => false)

  const source = createSession(requester, settings, {
    repeatable: (error) => requester.method === 'GET' || settings.reconnect || isRefusal(error),
    opened(_, reconnected) {
      // Without an id nobody can know what was missed in between.
      if (reconnected && !source.lastEventId) guard(settings.onReset, { reason: 'no-id' })
    },
    event(event) {
      const { type, id } = event
      let { data }: PendingEvent = event
      try {
        if (parse !== 'text') data = parse === 'json' ? JSON.parse(event.data) : parse(event.data, { type, id })
      } catch (cause) {
        return invalid(invalidData(event, cause))
      }
      const { heartbeat = 0, reason } = Object(data) as { heartbeat?: number; reason: string }
      if (type === 'connected' && heartbeat > 0 && settings.idleTimeout === undefined) source.setIdleTimeout(3 * heartbeat)
      if (type === 'reset') guard(settings.onReset, { reason })
      pending.push({ type, data, id })
    },
    flush(bytes) {
      const events = pending
      pending = []
      if (!schema) return delivery.accept(events, bytes)
      return validate(events, schema, invalid).then((valid) => delivery.accept(valid, bytes))
    },
    ended: () => new StreamError('network', `The connection ended: ${requester.name}`, { retryable: true }),
    settled(error) {
      delivery.end(error && { error })
      if (error) announce(error, settings, () => delivery.mode === 'looped')
      settle(error)
    },
    aborted(reason) {
      delivery.stop({ error: reason })
      settle()
    },
  }, lastEventId)
  const close = (): void => {
    source.close()
    delivery.stop()
    settle()
  }

  const subscription: Omit<Subscription<Events>, typeof Symbol.dispose> = {
    on: (type, listener, options) => delivery.on(type, listener, options),
    once: (type, listener, options) => delivery.on(type, listener, options, true),
    onAny: (listener, options) => delivery.on(undefined, listener, options),
    get state() {
      return source.state
    },
    get lastEventId() {
      return source.lastEventId
    },
    closed,
    close,
    [Symbol.asyncIterator]: () => delivery.iterate((event) => event as EventOf<Events>, close),
  }
  return disposable(subscription, close)
}
