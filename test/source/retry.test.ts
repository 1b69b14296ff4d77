/** When to try again, as numbers. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { StreamError } from '../../src/base/errors.ts'
import {
  clampDelay,
  parseRetryAfter,
  type RetryOptions,
  defaultRetryStatusCodes,
  retryDelay,
} from '../../src/source/retry.ts'
import { trapUnhandled } from '../support/unhandled.ts'

const unhandled = trapUnhandled()
const cut = new StreamError('network', 'Cut', { retryable: true })
const final = new StreamError('http', 'Status 404', { retryable: false })

const delayOf = (options: RetryOptions, { error = cut, attempt = 1, floor = 0, random = 1 } = {}): number | undefined =>
  retryDelay(options, error, attempt, floor, () => random)

describe('backoff', () => {
  test('doubles from 1 s to 30 s by default', () => {
    const delays = [1, 2, 3, 4, 5, 6, 7, 100].map((attempt) => delayOf({}, { attempt }))
    expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000])
  })

  test('keeps its cap after any number of attempts', () => {
    expect(delayOf({}, { attempt: 5_000 })).toBe(30_000)
    expect(delayOf({ jitter: false }, { attempt: 5_000 })).toBe(30_000)
  })

  test('`delay` and `maxDelay` are the first and the longest', () => {
    const options = { delay: 300, maxDelay: 1_000 }
    expect([1, 2, 3, 4].map((attempt) => delayOf(options, { attempt }))).toEqual([300, 600, 1_000, 1_000])
  })

  test('a delay of 0 stays 0, also after thousands of attempts', () => {
    expect(delayOf({ delay: 0 })).toBe(0)
    expect(delayOf({ delay: 0 }, { attempt: 2_000 })).toBe(0)
  })
})

describe('jitter', () => {
  test.each([
    [0, 0],
    [0.25, 1_000],
    [0.999, 3_996],
  ])('is full by default: %d of the whole delay', (random, delay) => {
    expect(delayOf({}, { attempt: 3, random })).toBe(delay)
  })

  test('false: the delay itself', () => {
    expect(delayOf({ jitter: false }, { attempt: 3, random: 0 })).toBe(4_000)
  })

  test('a function of the delay', () => {
    expect(delayOf({ jitter: (delay) => delay / 2 + 1 }, { attempt: 3 })).toBe(2_001)
  })
})

describe('a jitter that is none: the delay itself', () => {
  test('one that throws, which is reported', () => {
    const thrown = new Error('of the user')
    const jitter = (): number => {
      throw thrown
    }
    expect(delayOf({ jitter }, { attempt: 3 })).toBe(4_000)
    expect(unhandled.reported.splice(0)).toEqual([thrown])
  })

  test.each([NaN, -1, -Infinity, undefined as never])('one that says %s', (value) => {
    expect(delayOf({ jitter: () => value }, { attempt: 3 })).toBe(4_000)
  })
})

describe('a delay that the server asks for is a floor', () => {
  test('jitter adds to it', () => {
    expect(delayOf({}, { floor: 5_000, random: 0 })).toBe(5_000)
    expect(delayOf({}, { floor: 5_000, random: 0.5 })).toBe(5_500)
  })

  test('without jitter it is the longer of the two', () => {
    expect(delayOf({ jitter: false }, { floor: 5_000 })).toBe(5_000)
    expect(delayOf({ jitter: false }, { floor: 500 })).toBe(1_000)
  })

  test('it may be longer than `maxDelay`', () => {
    expect(delayOf({ maxDelay: 1_000 }, { floor: 60_000, random: 0 })).toBe(60_000)
  })
})

describe('what is tried again', () => {
  test('what is retryable, up to the limit', () => {
    expect(delayOf({ limit: 2 }, { attempt: 2 })).toBe(2_000)
    expect(delayOf({ limit: 2 }, { attempt: 3 })).toBeUndefined()
    expect(delayOf({ limit: 0 })).toBeUndefined()
    expect(delayOf({}, { error: final })).toBeUndefined()
  })

  test('shouldRetry overrules both ways, and is told error and attempt', () => {
    const shouldRetry = vi.fn(({ error }: { error: StreamError }) => !error.retryable)
    expect(delayOf({ shouldRetry }, { attempt: 4 })).toBeUndefined()
    expect(delayOf({ shouldRetry }, { error: final })).toBe(1_000)
    expect(shouldRetry.mock.calls).toEqual([[{ error: cut, attempt: 4 }], [{ error: final, attempt: 1 }]])
  })

  test('shouldRetry cannot go past the limit', () => {
    expect(delayOf({ limit: 1, shouldRetry: () => true }, { attempt: 2 })).toBeUndefined()
  })

  test.each([
    [cut, 1_000],
    [final, undefined],
  ])('a shouldRetry that throws is reported, and decides nothing', (error, delay) => {
    const thrown = new Error('of the user')
    const shouldRetry = (): boolean => {
      throw thrown
    }
    expect(delayOf({ shouldRetry }, { error })).toBe(delay)
    expect(unhandled.reported.splice(0)).toEqual([thrown])
  })

  test('[F17] these statuses', () => {
    expect(defaultRetryStatusCodes).toEqual([408, 425, 429, 500, 502, 503, 504])
  })
})

describe('[F20] clampDelay', () => {
  test.each([
    [0, 100],
    [99, 100],
    [100, 100],
    [2_500, 2_500],
    [600_000, 600_000],
    [600_001, 600_000],
    [99_999_999_999, 600_000],
    [Infinity, 600_000],
  ])('%d → %d', (asked, delay) => expect(clampDelay(asked)).toBe(delay))
})

describe('[F17] Retry-After', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 0, 2, 3, 4, 5) }))
  afterEach(() => void vi.useRealTimers())

  test.each([
    ['none', null, 0],
    ['empty', '', 0],
    ['seconds', '7', 7_000],
    ['zero seconds, clamped', '0', 100],
    ['an hour, clamped', '3600', 600_000],
    ['more seconds than numbers hold, clamped', '9'.repeat(400), 600_000],
    ['a date ahead', 'Fri, 02 Jan 2026 03:04:35 GMT', 30_000],
    ['a date that has passed, clamped', 'Fri, 02 Jan 2026 03:00:00 GMT', 100],
    ['a date far ahead, clamped', 'Fri, 02 Jan 2099 03:00:00 GMT', 600_000],
    ['words', 'soon', 0],
  ])('%s', (_what, value, ms) => expect(parseRetryAfter(value)).toBe(ms))
})
