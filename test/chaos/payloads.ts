/** What the servers send: an answer of 500 deltas in many scripts, and a feed's payloads. */
import { characters } from '../../mock-server/run/deltas.ts'
import { createDice } from './prng.ts'
import { sizes } from './schedule.ts'

const signs = ['a', 'n', ' ', '你', '好', '世', '界', 'ü', 'é', '👋🏽', '👨‍👩‍👧‍👦', '🇯🇵', 'ж', 'の', '한', '"', '\\', '\n', '€']

export interface Answer {
  readonly text: string
  readonly deltas: readonly string[]
}

/** The answer of a seed. Its deltas are as the server cuts them. */
export function makeAnswer(seed: number): Answer {
  const dice = createDice(seed)
  let deltas: string[] = []
  // Two flags in a row, say, are cut elsewhere than where they were joined: what is too much is left off.
  const drawn = Array.from({ length: sizes.run + 100 }, () => dice.pick(signs)).join('')
  deltas = characters(drawn).slice(0, sizes.run)
  return { text: deltas.join(''), deltas }
}

/** The payload of a feed's event. */
export function makePayload(position: number): { n: number; text: string } {
  return { n: position, text: `${signs[position % signs.length]}${position % 7 === 0 ? '日本語 🎌 '.repeat(4) : ''}` }
}
