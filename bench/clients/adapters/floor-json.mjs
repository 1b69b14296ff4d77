/** Floor: `fetch`, reading, a streaming TextDecoder, and JSON.parse on as much data as came, which somebody else has found. */
import { createPayload } from '../stream.mjs'
import { createRandom } from '../random.mjs'

export const checks = 'events'

/** Few enough to stay in cache, as strings just decoded are; of two bytes a character, as those are. */
const TEXTS = 256

export async function read(url, take, total) {
  const random = createRandom(1)
  const texts = Array.from({ length: TEXTS }, (_, index) => JSON.stringify(createPayload(random, index)))
  const reader = (await fetch(url)).body.getReader()
  const decoder = new TextDecoder()
  let characters = 0
  let parsed = 0
  let index = 0
  const parseUpTo = (count) => {
    for (; parsed < count; parsed++) index += JSON.parse(texts[parsed % TEXTS]).index
  }
  for (let result = await reader.read(); !result.done; result = await reader.read()) {
    characters += decoder.decode(result.value, { stream: true }).length
    parseUpTo(Math.min(total, Math.floor(characters / 240)))
  }
  parseUpTo(total)
  return index ? parsed : 0
}
