/** Lower bound for clients that parse JSON: `fetch`, reading the body, a streaming `TextDecoder`, and `JSON.parse` on the same amount of prepared data. */
import { createRandom } from '../../random.mjs'
import { createPayload } from '../../stream.mjs'

export const checks = 'events'

/** Number of prepared texts: few enough that they stay in the CPU cache, as freshly decoded strings do. */
const TEXT_COUNT = 256

export async function read(url, take, total) {
  const random = createRandom(1)
  const texts = Array.from({ length: TEXT_COUNT }, (_, index) => JSON.stringify(createPayload(random, index)))
  const reader = (await fetch(url)).body.getReader()
  const decoder = new TextDecoder()
  let characters = 0
  let parsed = 0
  let index = 0
  const parseUpTo = (count) => {
    for (; parsed < count; parsed++) index += JSON.parse(texts[parsed % TEXT_COUNT]).index
  }
  for (let result = await reader.read(); !result.done; result = await reader.read()) {
    characters += decoder.decode(result.value, { stream: true }).length
    parseUpTo(Math.min(total, Math.floor(characters / 240)))
  }
  parseUpTo(total)
  return index ? parsed : 0
}
