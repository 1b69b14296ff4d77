/** Numbers from a seed. */
import { expect, test } from 'vitest'
import { createRandom, hashText } from '../../../mock-server/base/random.ts'

const take = (seed: number, count: number): number[] => {
  const random = createRandom(seed)
  return Array.from({ length: count }, random)
}

test('the same seed, the same numbers; another, others', () => {
  expect(take(1, 20)).toEqual(take(1, 20))
  expect(take(1, 20)).not.toEqual(take(2, 20))
})

test('in [0, 1), and spread over it', () => {
  const numbers = take(42, 10_000)
  expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true)
  const tenths = Array.from(
    { length: 10 },
    (_, tenth) => numbers.filter((number) => Math.floor(number * 10) === tenth).length,
  )
  for (const count of tenths) expect(Math.abs(count - 1_000)).toBeLessThan(150)
})

test('a seed of text is 32 bits, and differs with the text', () => {
  const seeds = ['', 'a', 'b', 'ab', 'ba', '你好'].map(hashText)
  expect(new Set(seeds).size).toBe(6)
  for (const seed of seeds) expect(seed).toBe(seed >>> 0)
})
