/** Seeded pseudo-random numbers. */
import { expect, test } from 'vitest'
import { createRandom, hashText } from '../../../mock-server/base/random.ts'

const take = (seed: number, count: number): number[] => {
  const random = createRandom(seed)
  return Array.from({ length: count }, random)
}

test('the same seed gives the same numbers, and a different seed gives different numbers', () => {
  expect(take(1, 20)).toEqual(take(1, 20))
  expect(take(1, 20)).not.toEqual(take(2, 20))
})

test('numbers are spread evenly over [0, 1)', () => {
  const numbers = take(42, 10_000)
  expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true)
  const tenths = Array.from(
    { length: 10 },
    (_, tenth) => numbers.filter((number) => Math.floor(number * 10) === tenth).length,
  )
  for (const count of tenths) expect(Math.abs(count - 1_000)).toBeLessThan(150)
})

test('hashes are 32-bit integers, and different texts have different hashes', () => {
  const seeds = ['', 'a', 'b', 'ab', 'ba', '你好'].map(hashText)
  expect(new Set(seeds).size).toBe(6)
  for (const seed of seeds) expect(seed).toBe(seed >>> 0)
})
