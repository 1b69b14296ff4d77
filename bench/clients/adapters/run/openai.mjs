/** The stream of OpenAI's SDK. */
import { Stream } from 'openai/core/streaming'
import { request } from '../../chat.mjs'

export const checks = 'chat'

export async function read(url, take) {
  const controller = new AbortController()
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(request),
    signal: controller.signal,
  })
  for await (const { choices } of Stream.fromSSEResponse(response, controller)) {
    const content = choices[0]?.delta.content
    if (content) take(content)
  }
}
