/** Rivulet feeds of one client, each read by `for await`, as text. */
import { createClient } from 'rivulet'

const client = createClient()

/** Opens a stream; returns a function that closes it. */
export function open(url, onEvent, onError) {
  const feed = client.subscribe(url, { parse: 'text' })
  const read = async () => {
    for await (const { type, data, id } of feed) onEvent(type, data, id)
  }
  void read().catch(onError)
  return () => feed.close()
}
