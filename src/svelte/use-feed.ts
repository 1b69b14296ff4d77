/** A feed in a Svelte component. */
import type { Client } from '../client/client.ts'
import { type FeedSnapshot, type FeedStoreOptions, type SharedFeed, createFeedStore } from '../store/feed-store.ts'
import type { ReadableStore } from '../store/snapshot.ts'
import { type MaybeGetter, follow, gettersOf, valueOf } from './follow.ts'

/**
 * Shows a feed of `createFeed`, which all components share, and of its value only what `select` returns.
 *
 * @example
 * ```ts
 * import { createFeed } from 'rivulet/store'
 * import { useFeed } from 'rivulet/svelte'
 * const ticks = createFeed(client, '/prices', { initial: 0, reduce: (count) => count + 1 })
 * const shown = useFeed(ticks)
 * console.log(shown.value)
 * ```
 */
export function useFeed<Value, Selected = Value>(
  feed: SharedFeed<Value>,
  select?: (value: Value) => Selected,
): FeedSnapshot<Selected>
/**
 * Shows a feed that belongs to the component: it is open while the component is mounted, and follows its URL.
 *
 * @example
 * ```ts
 * import { useFeed } from 'rivulet/svelte'
 * const ticks = useFeed(client, '/prices', { initial: 0, reduce: (count) => count + 1 })
 * console.log(ticks.value, ticks.connection.status)
 * ```
 */
export function useFeed<Value>(
  client: Pick<Client, 'subscribe'>,
  url: MaybeGetter<string | URL | null | undefined>,
  options: FeedStoreOptions<Value>,
): FeedSnapshot<Value>
export function useFeed<Value, Selected>(
  source: SharedFeed<Value> | Pick<Client, 'subscribe'>,
  argument?: ((value: Value) => Selected) | MaybeGetter<string | URL | null | undefined>,
  options?: FeedStoreOptions<Value>,
): FeedSnapshot<Value | Selected> {
  if (!options) {
    const { subscribe, get } = source as SharedFeed<Value>
    const select = argument as ((value: Value) => Selected) | undefined
    const selected: ReadableStore<FeedSnapshot<Value | Selected>> = {
      subscribe,
      get: () => (select ? { ...get(), value: select(get().value) } : get()),
    }
    return gettersOf(selected)
  }
  const store = createFeedStore(source as Client, options)
  const url = argument as MaybeGetter<string | URL | null | undefined>
  follow(
    () => valueOf(url)?.toString(),
    () => store.use(valueOf(url)),
  )
  return gettersOf(store)
}
