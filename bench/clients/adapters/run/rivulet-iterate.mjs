/** A rivulet run with the protocol of OpenAI, read by `for await`. */
import { createClient } from 'rivulet'
import { openaiChat } from 'rivulet/openai'
import { request } from '../../chat.mjs'

export const checks = 'chat'

export async function read(url, take) {
  const run = createClient().stream(url, { protocol: openaiChat(), json: request })
  for await (const { content } of run) take(content)
}
