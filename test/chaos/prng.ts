/** A seeded random number generator: the same seed makes the same choices. */
import { createRandom } from '../../mock-server/base/random.ts'

export interface Prng {
  /** Returns true with this probability. */
  chance(share: number): boolean
  /** Returns an integer from `min` to `max`, inclusive. */
  integer(min: number, max: number): number
  /** Returns an integer, distributed uniformly on a logarithmic scale: 1 to 10 is about as likely as 10 to 100. */
  logUniformInteger(min: number, max: number): number
  pick<Value>(from: readonly Value[]): Value
  /** Returns one of the names, chosen by weight. */
  pickWeighted<Name extends string>(weights: Readonly<Record<Name, number>>): Name
}

export function createPrng(seed: number): Prng {
  const random = createRandom(Math.imul(seed, 0x9e3779b1))
  for (let warmUp = 0; warmUp < 4; warmUp++) random() // neighboring seeds start with similar values
  const integer = (min: number, max: number): number => min + Math.floor(random() * (max - min + 1))
  return {
    chance: (share) => random() < share,
    integer,
    logUniformInteger: (min, max) => Math.round((min + 1) * ((max + 1) / (min + 1)) ** random()) - 1,
    pick: (from) => from[integer(0, from.length - 1)]!,
    pickWeighted(weights) {
      const names = Object.keys(weights) as (keyof typeof weights)[]
      let remaining = random() * names.reduce((sum, name) => sum + weights[name], 0)
      return names.find((name) => (remaining -= weights[name]) < 0) ?? names.at(-1)!
    },
  }
}
