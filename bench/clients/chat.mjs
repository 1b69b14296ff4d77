/** A streamed chat completion in OpenAI's format, and the request for it. */
import { createChecksum } from './checksum.mjs'
import { createRandom } from './random.mjs'

/** The body of the request. */
export const request = { model: 'gpt-5', stream: true, messages: [{ role: 'user', content: 'Hello' }] }

const tokens = [
  ' the',
  ' stream',
  ' of',
  ' tokens',
  'ing',
  '.',
  ',',
  '\n\n',
  '你好',
  '世界',
  ' café',
  ' "42"',
  '日本',
  ' a',
]

/** Creates a completion of `count` deltas as bytes, and the expected checksum. */
export function createCompletion(count) {
  const random = createRandom(20260102)
  const checksum = createChecksum({ ids: false })
  const head = {
    id: 'chatcmpl-CPWxkYt1zQ8uVb3dNfHs7aLrE2mJ0',
    object: 'chat.completion.chunk',
    created: 1_767_225_600,
    model: 'gpt-5-2025-08-07',
    service_tier: 'default',
    system_fingerprint: 'fp_44added55e',
  }
  const chunk = (delta, reason = null) =>
    `data: ${JSON.stringify({ ...head, choices: [{ index: 0, delta, logprobs: null, finish_reason: reason }] })}\n\n`
  const blocks = [chunk({ role: 'assistant', content: '', refusal: null })]
  for (let index = 0; index < count; index++) {
    const content = tokens[(random() * tokens.length) | 0]
    checksum.takeContent(content)
    blocks.push(chunk({ content }))
  }
  blocks.push(chunk({}, 'stop'), 'data: [DONE]\n\n')
  return { bytes: Buffer.from(blocks.join('')), expected: { chat: checksum.value() } }
}
