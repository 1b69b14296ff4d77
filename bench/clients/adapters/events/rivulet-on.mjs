/** A rivulet feed read by a listener, as text. */
import { createClient } from 'rivulet'

export const checks = 'text'

export async function read(url, take, total) {
  const feed = createClient().subscribe(url, { parse: 'text' })
  feed.on('delta', ({ type, data, id }) => {
    if (take(type, data, id) === total) feed.close()
  })
  await feed.closed
}
