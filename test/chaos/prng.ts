/** Choices out of a seed: the same seed makes the same choices. */
import { createRandom } from '../../mock-server/base/random.ts'

export interface Dice {
  /** True in this share of cases. */
  chance(share: number): boolean
  /** A whole number, both ends included. */
  whole(least: number, most: number): number
  /** A whole number whose magnitude is even: as many below 10 as from 10 to 100. */
  magnitude(least: number, most: number): number
  pick<Value>(from: readonly Value[]): Value
  /** One of the names, by their weights. */
  weighted<Name extends string>(weights: Readonly<Record<Name, number>>): Name
}

export function createDice(seed: number): Dice {
  const random = createRandom(Math.imul(seed, 0x9e3779b1))
  for (let warmUp = 0; warmUp < 4; warmUp++) random() // neighbouring seeds begin alike
  const whole = (least: number, most: number): number => least + Math.floor(random() * (most - least + 1))
  return {
    chance: (share) => random() < share,
    whole,
    magnitude: (least, most) => Math.round((least + 1) * ((most + 1) / (least + 1)) ** random()) - 1,
    pick: (from) => from[whole(0, from.length - 1)]!,
    weighted(weights) {
      const names = Object.keys(weights) as (keyof typeof weights)[]
      let left = random() * names.reduce((sum, name) => sum + weights[name], 0)
      return names.find((name) => (left -= weights[name]) < 0) ?? names.at(-1)!
    },
  }
}
