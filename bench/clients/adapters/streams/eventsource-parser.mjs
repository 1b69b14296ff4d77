/** eventsource-parser over `fetch`, behind a streaming TextDecoder. */
import { createParser } from 'eventsource-parser'

/** Opens a stream; returns a function that closes it. */
export function open(url, onEvent, onError) {
  const controller = new AbortController()
  const { signal } = controller
  const read = async () => {
    const reader = (await fetch(url, { signal })).body.getReader()
    const decoder = new TextDecoder()
    const parser = createParser({ onEvent: ({ event, data, id }) => onEvent(event, data, id) })
    for (let result = await reader.read(); !result.done; result = await reader.read()) {
      parser.feed(decoder.decode(result.value, { stream: true }))
    }
  }
  // Closing rejects the pending read.
  read().catch((error) => signal.aborted || onError(error))
  return () => controller.abort()
}
