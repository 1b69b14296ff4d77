/** The default clock, based on the timers of the platform. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'

afterEach(() => void vi.useRealTimers())

describe('systemClock', () => {
  test('[F43] now() is monotonic: it ignores changes to the wall clock', () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 })
    const before = systemClock.now()
    vi.setSystemTime(0)
    expect(systemClock.now()).toBeGreaterThanOrEqual(before)
    vi.setSystemTime(9_000_000_000)
    expect(systemClock.now() - before).toBeLessThan(9_000_000)
  })

  test('after() calls its callback once when due, even if fake timers were installed after import', () => {
    vi.useFakeTimers()
    const callback = vi.fn()
    systemClock.after(1_000, callback)
    vi.advanceTimersByTime(999)
    expect(callback).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    expect(callback).toHaveBeenCalledTimes(1)
    vi.advanceTimersByTime(10_000)
    expect(callback).toHaveBeenCalledTimes(1)
  })

  test('a cancelled callback is not called, and cancelling is idempotent', () => {
    vi.useFakeTimers()
    const callback = vi.fn()
    const cancel = systemClock.after(10, callback)
    cancel()
    cancel()
    vi.advanceTimersByTime(100)
    expect(callback).not.toHaveBeenCalled()
    expect(vi.getTimerCount()).toBe(0)
  })

  test.each([2 ** 31, 99_999_999_999, Infinity])(
    '[F20] a callback after %d ms, more than a platform timer supports, is not called immediately',
    (ms) => {
      vi.useFakeTimers()
      const callback = vi.fn()
      const cancel = systemClock.after(ms, callback)
      vi.advanceTimersByTime(2 ** 31 - 2)
      expect(callback).not.toHaveBeenCalled()
      cancel()
    },
  )
})
