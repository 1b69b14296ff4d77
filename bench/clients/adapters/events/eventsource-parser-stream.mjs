/** EventSourceParserStream behind a TextDecoderStream. */
import { EventSourceParserStream } from 'eventsource-parser/stream'

export const checks = 'text'

export async function read(url, take) {
  const { body } = await fetch(url)
  const reader = body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream()).getReader()
  for (let result = await reader.read(); !result.done; result = await reader.read()) {
    const { event, data, id } = result.value
    take(event, data, id)
  }
}
