/** Delays that callbacks return. */
import { expect, test } from 'vitest'
import { checkDelay } from '../../src/base/delay.ts'

test.each([0, 0.5, 99, 100, 86_400_000])(
  '%d ms is a valid delay, and at least 100 ms from the third attempt on',
  (delay) => {
    const delays = [1, 2, 3, 4].map((attempt) => checkDelay(delay, 'fallback', attempt))
    const atLeast100 = Math.max(100, delay)
    expect(delays).toEqual([delay, delay, atLeast100, atLeast100])
  },
)

test.each([NaN, -1, Infinity, -Infinity, '500', null, undefined, true, {}, 5n])(
  '%s is replaced by the fallback',
  (value) => {
    expect(checkDelay(value, 7, 1)).toBe(7)
    expect(checkDelay(value, undefined, 3)).toBeUndefined()
  },
)
