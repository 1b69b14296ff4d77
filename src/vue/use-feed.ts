/** A feed in a Vue component. */
import { type MaybeRefOrGetter, computed, toValue } from 'vue'
import type { Client } from '../client/client.ts'
import { type FeedSnapshot, type FeedStoreOptions, type SharedFeed, createFeedStore } from '../store/feed-store.ts'
import { type SnapshotRefs, follow, refsOf } from './follow.ts'

/**
 * Shows a feed of `createFeed`, which all components share, and of its value only what `select` returns.
 *
 * @example
 * ```ts
 * import { createFeed } from 'rivulet/store'
 * import { useFeed } from 'rivulet/vue'
 * const ticks = createFeed(client, '/prices', { initial: 0, reduce: (count) => count + 1 })
 * const { value } = useFeed(ticks)
 * ```
 */
export function useFeed<Value, Selected = Value>(
  feed: SharedFeed<Value>,
  select?: (value: Value) => Selected,
): SnapshotRefs<FeedSnapshot<Selected>>
/**
 * Shows a feed that belongs to the component: it is open while the component is mounted, and follows its URL.
 *
 * @example
 * ```ts
 * import { useFeed } from 'rivulet/vue'
 * const { value, connection } = useFeed(client, '/prices', { initial: 0, reduce: (count) => count + 1 })
 * ```
 */
export function useFeed<Value>(
  client: Pick<Client, 'subscribe'>,
  url: MaybeRefOrGetter<string | URL | null | undefined>,
  options: FeedStoreOptions<Value>,
): SnapshotRefs<FeedSnapshot<Value>>
export function useFeed<Value, Selected>(
  source: SharedFeed<Value> | Pick<Client, 'subscribe'>,
  argument?: ((value: Value) => Selected) | MaybeRefOrGetter<string | URL | null | undefined>,
  options?: FeedStoreOptions<Value>,
): SnapshotRefs<FeedSnapshot<Value | Selected>> {
  if (!options) {
    const refs = refsOf(source as SharedFeed<Value>)
    const select = argument as ((value: Value) => Selected) | undefined
    return select ? { ...refs, value: computed(() => select(refs.value.value)) } : refs
  }
  const store = createFeedStore(source as Client, options)
  const url = argument as MaybeRefOrGetter<string | URL | null | undefined>
  follow(
    () => toValue(url)?.toString(),
    () => store.use(toValue(url)),
  )
  return refsOf(store)
}
