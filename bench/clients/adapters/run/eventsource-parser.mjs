/** eventsource-parser over `fetch`, with JSON.parse: what a page writes that uses no SDK. */
import { createParser } from 'eventsource-parser'
import { request } from '../../chat.mjs'

export const checks = 'chat'

export async function read(url, take) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(request),
  })
  const reader = response.body.getReader()
  const decoder = new TextDecoder()
  const parser = createParser({
    onEvent({ data }) {
      if (data === '[DONE]') return
      const content = JSON.parse(data).choices[0]?.delta.content
      if (content) take(content)
    },
  })
  for (let result = await reader.read(); !result.done; result = await reader.read()) {
    parser.feed(decoder.decode(result.value, { stream: true }))
  }
}
