/** Retry delays: backoff, jitter, limits and `Retry-After`. */
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

const delayOf = (
  options: RetryOptions,
  { error = cut, attempt = 1, minDelay = 0, random = 1 } = {},
): number | undefined => retryDelay(options, error, attempt, minDelay, () => random)

describe('backoff', () => {
  test('backoff doubles from 1 s to 30 s by default', () => {
    const delays = [1, 2, 3, 4, 5, 6, 7, 100].map((attempt) => delayOf({}, { attempt }))
    expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000])
  })

  test('backoff stays at its maximum after any number of attempts', () => {
    expect(delayOf({}, { attempt: 5_000 })).toBe(30_000)
    expect(delayOf({ jitter: false }, { attempt: 5_000 })).toBe(30_000)
  })

  test('`delay` is the first backoff and `maxDelay` the maximum', () => {
    const options = { delay: 300, maxDelay: 1_000 }
    expect([1, 2, 3, 4].map((attempt) => delayOf(options, { attempt }))).toEqual([300, 600, 1_000, 1_000])
  })

  test('a `delay` of 0 allows the second and the third attempt at once', () => {
    expect([1, 2].map((attempt) => delayOf({ delay: 0 }, { attempt }))).toEqual([0, 0])
    expect(delayOf({ delay: 0, jitter: false })).toBe(0)
  })
})

describe('from the third attempt in a row without progress', () => {
  test.each<[string, RetryOptions]>([
    ['a `delay` of 0', { delay: 0 }],
    ['a `maxDelay` of 0', { maxDelay: 0 }],
    ['a `delay` of 0 without jitter', { delay: 0, jitter: false }],
    ['a `jitter` function that returns 0', { jitter: () => 0 }],
  ])('the delay after it is at least 100 ms with %s', (_name, options) => {
    const delays = [1, 2, 3, 2_000].map((attempt) => delayOf(options, { attempt }))
    expect(delays).toEqual([0, 0, 100, 100])
  })

  test('the delay after it is at least 100 ms with full jitter', () => {
    expect([1, 2, 3].map((attempt) => delayOf({}, { attempt, random: 0 }))).toEqual([0, 0, 100])
  })

  test('a minimum delay that the server requests and that exceeds 100 ms is not changed', () => {
    expect(delayOf({ delay: 0 }, { attempt: 3, minDelay: 150 })).toBe(150)
  })
})

describe('jitter', () => {
  test.each([
    [0.1, 400],
    [0.25, 1_000],
    [0.999, 3_996],
  ])('the default is full jitter: a random value of %d gives %d ms', (random, delay) => {
    expect(delayOf({}, { attempt: 3, random })).toBe(delay)
  })

  test('full jitter reaches down to 0 ms', () => expect(delayOf({}, { random: 0 })).toBe(0))

  test('`jitter: false` uses the backoff unchanged', () => {
    expect(delayOf({ jitter: false }, { attempt: 3, random: 0 })).toBe(4_000)
  })

  test('`jitter` can be a function of the backoff', () => {
    expect(delayOf({ jitter: (delay) => delay / 2 + 1 }, { attempt: 3 })).toBe(2_001)
  })
})

describe('invalid jitter', () => {
  test('an error thrown by `jitter` is reported, and full jitter is used', () => {
    const thrown = new Error('from the user')
    const jitter = (): number => {
      throw thrown
    }
    expect(delayOf({ jitter }, { attempt: 3 })).toBe(4_000)
    expect(delayOf({ jitter }, { attempt: 3, random: 0.5 })).toBe(2_000)
    expect(unhandled.reported.splice(0)).toEqual([thrown, thrown])
  })

  test.each([
    NaN,
    -1,
    -Infinity,
    Infinity,
    undefined as never,
    null as never,
    '7' as never,
    Promise.resolve(7) as never,
  ])('full jitter replaces a `jitter` that returns %s', (value) => {
    expect(delayOf({ jitter: () => value }, { attempt: 3 })).toBe(4_000)
    expect(delayOf({ jitter: () => value }, { attempt: 3, random: 0.5, minDelay: 7 })).toBe(2_007)
  })

  test.each([NaN, -1, Infinity, undefined as never, 'often' as never])(
    'a `random` that returns %s is replaced by `Math.random`',
    (random) => {
      vi.spyOn(Math, 'random').mockReturnValue(0.25)
      expect(retryDelay({}, cut, 3, 0, () => random)).toBe(1_000)
    },
  )
})

describe('minimum delay requested by the server', () => {
  test('jitter is added to the minimum delay', () => {
    expect(delayOf({}, { minDelay: 5_000, random: 0 })).toBe(5_000)
    expect(delayOf({}, { minDelay: 5_000, random: 0.5 })).toBe(5_500)
  })

  test('without jitter, the longer of backoff and minimum delay is used', () => {
    expect(delayOf({ jitter: false }, { minDelay: 5_000 })).toBe(5_000)
    expect(delayOf({ jitter: false }, { minDelay: 500 })).toBe(1_000)
  })

  test('the minimum delay may exceed `maxDelay`', () => {
    expect(delayOf({ maxDelay: 1_000 }, { minDelay: 60_000, random: 0 })).toBe(60_000)
  })
})

describe('retry decision', () => {
  test('retryable errors are retried up to the limit', () => {
    expect(delayOf({ limit: 2 }, { attempt: 2 })).toBe(2_000)
    expect(delayOf({ limit: 2 }, { attempt: 3 })).toBeUndefined()
    expect(delayOf({ limit: 0 })).toBeUndefined()
    expect(delayOf({}, { error: final })).toBeUndefined()
  })

  test('shouldRetry overrides `retryable` both ways and is called with the error and the attempt', () => {
    const shouldRetry = vi.fn(({ error }: { error: StreamError }) => !error.retryable)
    expect(delayOf({ shouldRetry }, { attempt: 4 })).toBeUndefined()
    expect(delayOf({ shouldRetry }, { error: final })).toBe(1_000)
    expect(shouldRetry.mock.calls).toEqual([[{ error: cut, attempt: 4 }], [{ error: final, attempt: 1 }]])
  })

  test('shouldRetry cannot exceed the limit', () => {
    expect(delayOf({ limit: 1, shouldRetry: () => true }, { attempt: 2 })).toBeUndefined()
  })

  test.each([
    [cut, 1_000],
    [final, undefined],
  ])('an error thrown by shouldRetry is reported, and `retryable` decides', (error, delay) => {
    const thrown = new Error('from the user')
    const shouldRetry = (): boolean => {
      throw thrown
    }
    expect(delayOf({ shouldRetry }, { error })).toBe(delay)
    expect(unhandled.reported.splice(0)).toEqual([thrown])
  })

  test.each([undefined as never, 1 as never, Promise.resolve(false) as never, 'yes' as never])(
    'a shouldRetry that returns %s leaves the decision to `retryable`',
    (value) => {
      expect(delayOf({ shouldRetry: () => value })).toBe(1_000)
      expect(delayOf({ shouldRetry: () => value }, { error: final })).toBeUndefined()
    },
  )

  test('[F17] the default statuses to retry are 408, 425, 429, 500, 502, 503, 504 and 529', () => {
    expect(defaultRetryStatusCodes).toEqual([408, 425, 429, 500, 502, 503, 504, 529])
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
  ])('clampDelay(%d) is %d', (requested, delay) => expect(clampDelay(requested)).toBe(delay))
})

describe('[F17] Retry-After', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 0, 2, 3, 4, 5) }))
  afterEach(() => void vi.useRealTimers())

  test.each([
    ['no value', null, 0],
    ['an empty value', '', 0],
    ['seconds', '7', 7_000],
    ['zero seconds, clamped', '0', 100],
    ['an hour, clamped', '3600', 600_000],
    ['an overflowing number of seconds, clamped', '9'.repeat(400), 600_000],
    ['a future date', 'Fri, 02 Jan 2026 03:04:35 GMT', 30_000],
    ['a past date, clamped', 'Fri, 02 Jan 2026 03:00:00 GMT', 100],
    ['a distant date, clamped', 'Fri, 02 Jan 2099 03:00:00 GMT', 600_000],
    ['an invalid format', 'soon', 0],
  ])('Retry-After with %s is parsed', (_name, value, ms) => expect(parseRetryAfter(value)).toBe(ms))
})
