/** eventsource-parser over `fetch`, behind a streaming TextDecoder as documented. */
import { createParser } from 'eventsource-parser'

export const checks = 'text'

export async function read(url, take) {
  const reader = (await fetch(url)).body.getReader()
  const decoder = new TextDecoder()
  const parser = createParser({ onEvent: ({ event, data, id }) => take(event, data, id) })
  for (let result = await reader.read(); !result.done; result = await reader.read()) {
    parser.feed(decoder.decode(result.value, { stream: true }))
  }
}
