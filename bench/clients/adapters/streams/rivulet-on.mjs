/** Rivulet feeds of one client, each read by a listener, as text. */
import { createClient } from 'rivulet'

const client = createClient()

/** Opens a stream; returns a function that closes it. */
export function open(url, onEvent, onError) {
  const feed = client.subscribe(url, { parse: 'text' })
  feed.on('delta', ({ type, data, id }) => onEvent(type, data, id))
  void feed.closed.then((error) => error && onError(error))
  return () => feed.close()
}
