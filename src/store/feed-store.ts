/** A feed for a user interface: its events reduced to one value. */
import { systemClock } from '../base/clock.ts'
import type { StreamError } from '../base/errors.ts'
import type { StreamEvent } from '../base/events.ts'
import type { Client } from '../client/client.ts'
import type { Subscription } from '../client/subscription.ts'
import type { SubscribeOptions } from '../request/stream-options.ts'
import { type StreamState, initialState } from '../source/state.ts'
import { type ReadableStore, type StoreOptions, createSnapshotStore } from './snapshot.ts'
import { createUsers } from './users.ts'

/** What a user interface shows of a feed. */
export interface FeedSnapshot<Value> {
  readonly value: Value
  /** The state of the connection, for example to show that it is interrupted. */
  readonly connection: StreamState
  /** Why the feed has ended. */
  readonly error: StreamError | undefined
}

/** Options for a feed in a user interface, in addition to those of `client.subscribe`. */
export interface FeedStoreOptions<Value> extends StoreOptions, Omit<SubscribeOptions, 'clock'> {
  /** The value before the first event. */
  readonly initial: Value
  /** Returns the value after an event. It must not change the value in place. */
  reduce(value: Value, event: StreamEvent): Value
  /**
   * Milliseconds for which the feed stays open without a component that shows it.
   *
   * @defaultValue 0
   * @example
   * ```ts
   * const reduce = (count: number) => count + 1
   * createFeed(client, '/prices', { initial: 0, reduce, linger: 5_000 })
   * ```
   */
  linger?: number | undefined
}

/** A feed that is open as long as it is used. */
export interface FeedStore<Value> extends ReadableStore<FeedSnapshot<Value>> {
  /**
   * Declares which feed a component shows, and opens it; `null` closes it. Returns a function to call when the component
   * is unmounted, or before it declares another URL.
   */
  use(url: string | URL | null | undefined): () => void
}

/** A feed that is open as long as it has listeners. */
export interface SharedFeed<Value> extends ReadableStore<FeedSnapshot<Value>> {}

/**
 * Creates a store that opens the feed which its component declares, and opens nothing by itself. A feed that is opened
 * again continues after the last event.
 *
 * @example
 * ```ts
 * import { createFeedStore } from 'rivulet/store'
 * const store = createFeedStore(client, { initial: 0, reduce: (count) => count + 1 })
 * store.subscribe(() => console.log(store.get().value))
 * const release = store.use('/prices')
 * ```
 */
export function createFeedStore<Value>(
  client: Pick<Client, 'subscribe'>,
  { initial, reduce, pace, clock = systemClock, linger, ...options }: FeedStoreOptions<Value>,
): FeedStore<Value> {
  let feed: Subscription | undefined
  let url: string | undefined
  let value = initial
  let lastEventId: string | undefined
  let error: StreamError | undefined
  const store = createSnapshotStore<FeedSnapshot<Value>>(
    () => ({ value, connection: feed?.state ?? initialState, error }),
    { pace, clock },
  )
  const close = (): void => {
    lastEventId = feed?.lastEventId
    feed?.close()
    feed = undefined
  }
  const open = (): void => {
    // Without an ID, the server begins again.
    if (!lastEventId) value = initial
    error = undefined
    const opened = (feed = client.subscribe(url!, { ...options, ...(lastEventId && { lastEventId }) }))
    opened.onAny((event) => {
      value = reduce(value, event)
    })
    opened.subscribe(() => opened === feed && store.request())
    void opened.closed.then((failure) => {
      if (opened !== feed) return
      error = failure
      store.flush()
    })
  }
  const addUser = createUsers(close, () => feed?.state.status === 'idle', clock, linger)

  return {
    get: store.get,
    subscribe: store.subscribe,
    use(next) {
      const nextUrl = next?.toString()
      if (nextUrl !== url) {
        close()
        lastEventId = undefined
        value = initial
        url = nextUrl
      }
      if (url !== undefined && !feed) open()
      store.request()
      return addUser()
    },
  }
}

/**
 * Creates a feed for a module, which all components share: one connection, open as long as a component shows it.
 *
 * @example
 * ```ts
 * import { createFeed } from 'rivulet/store'
 * const ticks = createFeed(client, '/prices', { initial: 0, reduce: (count) => count + 1 })
 * const removeListener = ticks.subscribe(() => console.log(ticks.get().value))
 * ```
 */
export function createFeed<Value>(
  client: Pick<Client, 'subscribe'>,
  url: string | URL,
  options: FeedStoreOptions<Value>,
): SharedFeed<Value> {
  const store = createFeedStore(client, options)
  return {
    get: store.get,
    subscribe(listener) {
      const removeListener = store.subscribe(listener)
      const release = store.use(url)
      return () => {
        removeListener()
        release()
      }
    },
  }
}
