/** Choices out of a seed: the same seed makes the same choices. */
import { createRandom } from '../../mock-server/base/random.ts'

export interface Prng {
  /** True in this share of cases. */
  chance(share: number): boolean
  /** A whole number, both ends included. */
  integer(min: number, max: number): number
  /** A whole number whose magnitude is even: as many below 10 as from 10 to 100. */
  logUniformInteger(min: number, max: number): number
  pick<Value>(from: readonly Value[]): Value
  /** One of the names, by their weights. */
  pickWeighted<Name extends string>(weights: Readonly<Record<Name, number>>): Name
}

export function createPrng(seed: number): Prng {
  const random = createRandom(Math.imul(seed, 0x9e3779b1))
  for (let warmUp = 0; warmUp < 4; warmUp++) random() // neighbouring seeds begin alike
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
