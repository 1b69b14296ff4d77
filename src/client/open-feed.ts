/** Opens feeds: for a client, and as the function `subscribe`. */
import type { ClientOptions } from '../request/options.ts'
import { resolveOptions } from '../request/resolve-options.ts'
import type { SubscribeOptions } from '../request/stream-options.ts'
import type { SharedOptions, Subscribe } from './signatures.ts'
import { type Subscription, createSubscription, feedDefaults } from './subscription.ts'

/**
 * Opens a feed. `onClosed` is called once it has ended and everything was delivered.
 * @throws TypeError if the URL cannot be requested, the body cannot be sent, or an option is invalid
 */
export function openFeed(
  url: string | URL,
  shared: ClientOptions,
  { lastEventId, ...own }: SubscribeOptions = {},
  onClosed?: () => void,
): Subscription {
  const [initialId, mode] = typeof lastEventId === 'string' ? [lastEventId] : [undefined, lastEventId]
  const options = resolveOptions(feedDefaults, shared, { ...own, lastEventId: mode })
  return createSubscription(url, options, initialId, onClosed)
}

/**
 * Subscribes to a feed, like `createClient(options).subscribe(url, options)`, but an application that uses only this
 * function does not load the code for runs. Close the feed with `feed.close()`.
 *
 * @throws TypeError if the URL cannot be requested, the body cannot be sent, or an option is invalid
 * @example
 * ```ts
 * import { subscribe } from 'rivulet'
 * const feed = subscribe<{ price: { value: number } }>('https://api.example.com/prices')
 * feed.on('price', ({ data }) => console.log(data.value))
 * ```
 */
export const subscribe: Subscribe<SharedOptions> = (url: string | URL, options?: SubscribeOptions & SharedOptions) =>
  openFeed(url, {}, options) as never
