/** Test data: a run's answer of 500 deltas in many scripts, and a feed's payloads. */
import { splitCharacters } from '../../mock-server/run/deltas.ts'
import type { StreamItem } from './client.ts'
import { createPrng } from './prng.ts'
import { ITEM_COUNTS } from './schedule.ts'

const SAMPLE_CHARACTERS = [
  'a',
  'n',
  ' ',
  '你',
  '好',
  '世',
  '界',
  'ü',
  'é',
  '👋🏽',
  '👨‍👩‍👧‍👦',
  '🇯🇵',
  'ж',
  'の',
  '한',
  '"',
  '\\',
  '\n',
  '€',
]

export interface GeneratedAnswer {
  readonly text: string
  readonly deltas: readonly string[]
}

/** Creates the answer for a seed, with the deltas into which the server splits it. */
export function createAnswer(seed: number): GeneratedAnswer {
  const prng = createPrng(seed)
  // Neighboring samples may merge into one grapheme (two flags, say), so draw more than needed and drop the excess.
  const drawnText = Array.from({ length: ITEM_COUNTS.run + 100 }, () => prng.pick(SAMPLE_CHARACTERS)).join('')
  const deltas = splitCharacters(drawnText).slice(0, ITEM_COUNTS.run)
  return { text: deltas.join(''), deltas }
}

/** A delta of a run; with a `count`, it replaces so many consecutive ones. */
interface ReceivedDelta {
  readonly content: string
  readonly index: number
  readonly count?: number
}

/** Splits a delta that replaces several into these, so that each of them can be checked. */
export function splitDelta({ content, index, count = 1 }: ReceivedDelta, { deltas }: GeneratedAnswer): StreamItem[] {
  let rest = content
  return Array.from({ length: count }, (_, offset) => {
    const position = index + offset
    const piece = offset === count - 1 ? rest : rest.slice(0, deltas[position]?.length)
    rest = rest.slice(piece.length)
    return { position, content: piece }
  })
}

/** Creates the payload of the feed's event at `position`. */
export function createPayload(position: number): { n: number; text: string } {
  return {
    n: position,
    text: `${SAMPLE_CHARACTERS[position % SAMPLE_CHARACTERS.length]}${position % 7 === 0 ? '日本語 🎌 '.repeat(4) : ''}`,
  }
}
