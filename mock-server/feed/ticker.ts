/** Sample events: generated prices, sent at an interval. */
import type { Clock } from '../../server/base/clock.ts'
import { createRandom } from '../base/random.ts'
import type { Feed } from './feed.ts'

const prices = { ACME: 120, GLOBEX: 45, INITECH: 8, HOOLI: 300 }

/**
 * Sends a `price` event `{ symbol, value, count }` every `interval` milliseconds; returns a function that stops the
 * ticker. The prices depend only on the seed. `count` increases by one per event, so that readers can detect gaps and
 * duplicates.
 */
export function startTicker(feed: Feed, interval: number, seed: number, clock: Clock): () => void {
  const random = createRandom(seed)
  const values = Object.entries(prices)
  let stopTimer: (() => void) | undefined
  let count = 0
  const tick = (): void => {
    const entry = values[Math.floor(random() * values.length)]!
    entry[1] = Math.max(1, Math.round(entry[1] * (0.98 + random() * 0.04) * 100) / 100)
    const [symbol, value] = entry
    feed.send({ type: 'price', data: { symbol, value, count: ++count } })
    schedule()
  }
  const schedule = (): void => {
    stopTimer = clock.after(interval, tick, 'housekeeping')
  }
  schedule()
  return () => stopTimer?.()
}
