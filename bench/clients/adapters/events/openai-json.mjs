/** The stream of OpenAI's SDK, which parses JSON and reports no IDs. */
import { Stream } from 'openai/core/streaming'

export const checks = 'json without ids'

export async function read(url, take) {
  const controller = new AbortController()
  const response = await fetch(url, { signal: controller.signal })
  for await (const data of Stream.fromSSEResponse(response, controller)) take('', data)
}
