/** eventsource-parser behind a streaming TextDecoder, as documented: the reference. */
import { createParser } from 'eventsource-parser'

export function read(chunks, take) {
  const decoder = new TextDecoder()
  const parser = createParser({ onEvent: (event) => take(event.event, event.data, event.id) })
  for (let i = 0; i < chunks.length; i++) parser.feed(decoder.decode(chunks[i], { stream: true }))
}
