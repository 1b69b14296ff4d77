/** A feed in a React component. */
import { useEffect, useRef, useState, useSyncExternalStore } from 'react'
import type { Client } from '../client/client.ts'
import { type FeedSnapshot, type FeedStoreOptions, type SharedFeed, createFeedStore } from '../store/feed-store.ts'

/**
 * Shows a feed of `createFeed`, which all components share. With `select`, the component is rendered only when the selected
 * part of the value changes.
 *
 * @example
 * ```ts
 * import { useFeed } from 'rivulet/react'
 * import { createFeed } from 'rivulet/store'
 * const ticks = createFeed(client, '/prices', { initial: 0, reduce: (count) => count + 1 })
 * const Ticks = () => useFeed(ticks).value
 * ```
 */
export function useFeed<Value, Selected = Value>(
  feed: SharedFeed<Value>,
  select?: (value: Value) => Selected,
): FeedSnapshot<Selected>
/**
 * Shows a feed that belongs to the component: it is open while the component is mounted. Options may not change, except
 * that `reduce` may be written inline.
 *
 * @example
 * ```ts
 * import { useFeed } from 'rivulet/react'
 * const Ticks = () => useFeed(client, '/prices', { initial: 0, reduce: (count) => count + 1 }).value
 * ```
 */
export function useFeed<Value>(
  client: Pick<Client, 'subscribe'>,
  url: string | URL | null | undefined,
  options: FeedStoreOptions<Value>,
): FeedSnapshot<Value>
export function useFeed<Value, Selected>(
  source: SharedFeed<Value> | Pick<Client, 'subscribe'>,
  argument?: ((value: Value) => Selected) | string | URL | null,
  options?: FeedStoreOptions<Value>,
): FeedSnapshot<Value | Selected> {
  const latest = useRef(options)
  const [store] = useState(
    () =>
      options &&
      createFeedStore(source as Client, {
        ...options,
        reduce: (value: Value, event) => latest.current!.reduce(value, event),
      }),
  )
  useEffect(() => {
    latest.current = options
  })
  const url = store && argument?.toString()
  useEffect(() => store?.use(url), [store, url])

  const select = store ? undefined : (argument as ((value: Value) => Selected) | undefined)
  const { subscribe, get } = store ?? (source as SharedFeed<Value>)
  const shown = useRef<FeedSnapshot<Value | Selected>>(undefined)
  const getSelected = (): FeedSnapshot<Value | Selected> => {
    const { value, connection, error } = get()
    const selected = select ? select(value) : value
    const last = shown.current
    const isSame = last && Object.is(last.value, selected) && last.connection === connection && last.error === error
    return isSame ? last : (shown.current = { value: selected, connection, error })
  }
  return useSyncExternalStore(subscribe, getSelected, getSelected)
}
