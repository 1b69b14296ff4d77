/** The stream that clients read: seeded events of about 300 bytes, and the expected checksums. */
import { createChecksum } from './checksum.mjs'
import { createRandom } from './random.mjs'

const words = [
  'the',
  'stream',
  'of',
  'tokens',
  'arrives',
  '你好',
  '世界',
  '，',
  '日本語',
  'の',
  'café',
  '한국어',
  'in',
  'order',
  'never',
  'twice',
  '流',
]

/** Creates one payload, about 240 bytes of JSON. */
export function createPayload(random, index) {
  let content = ''
  while (content.length < 110) content += `${words[(random() * words.length) | 0]} `
  return { user: `user-${(random() * 1000) | 0}`, room: 'general', read: false, tags: ['a', 'b'], content, index }
}

/** Creates `count` events as bytes, and the expected result of each kind of client. */
export function createStream(count) {
  const random = createRandom(20260101)
  const withIds = createChecksum()
  const parsed = createChecksum()
  const withoutIds = createChecksum({ ids: false })
  const blocks = []
  for (let n = 0; n < count; n++) {
    const payload = createPayload(random, n)
    const data = JSON.stringify(payload)
    const id = `4f9c2a71-${n}`
    withIds.take('delta', data, id)
    parsed.takeParsed('delta', payload, id)
    withoutIds.takeParsed('delta', payload)
    blocks.push(`id: ${id}\nevent: delta\ndata: ${data}\n\n`)
  }
  const text = blocks.join('')
  const bytes = Buffer.from(text)
  return {
    bytes,
    /** The expected results, keyed by the `checks` of the adapters. */
    expected: {
      text: withIds.value(),
      json: parsed.value(),
      'json without ids': withoutIds.value(),
      bytes: String(bytes.length),
      characters: String(text.length),
      events: String(count),
    },
  }
}
