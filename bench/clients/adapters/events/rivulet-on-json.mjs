/** A rivulet feed read by a listener, with JSON parsing. */
import { createClient } from 'rivulet'

export const checks = 'json'

export async function read(url, take, total) {
  const feed = createClient().subscribe(url)
  feed.on('delta', ({ type, data, id }) => {
    if (take(type, data, id) === total) feed.close()
  })
  await feed.closed
}
