/** A rivulet feed read in batches, one array of events per read, as text. */
import { createClient } from 'rivulet'

export const checks = 'text'

/** Returns why this build cannot be measured, or `undefined` if it can. The feed is closed before it sends a request. */
export function findObstacle() {
  const feed = createClient().subscribe('/events')
  const { batches } = feed
  feed.close()
  return batches ? undefined : 'feed.batches is undefined'
}

export async function read(url, take, total) {
  for await (const batch of createClient().subscribe(url, { parse: 'text' }).batches()) {
    let count = 0
    for (const { type, data, id } of batch) count = take(type, data, id)
    if (count === total) break
  }
}
