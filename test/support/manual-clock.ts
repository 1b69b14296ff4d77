/** A clock that tests advance. It flushes microtasks before and after each timer. */
import type { Clock } from '../../src/base/clock.ts'
import { flushMicrotasks } from './flush-microtasks.ts'

export interface ManualClock extends Clock {
  /** Flushes microtasks, then advances by `ms`: fires due timers in order, and flushes microtasks after each timer. */
  advance(ms: number): Promise<void>
  /** Advances by `ms` without firing timers, as when a page is frozen. */
  skip(ms: number): void
  /** Remaining delays of all timers in milliseconds, shortest first. */
  readonly pendingDelays: number[]
}

interface Timer {
  at: number
  callback: () => void
}

export function createManualClock(start = 0): ManualClock {
  let now = start
  const timers = new Set<Timer>()
  const findNextTimer = (): Timer | undefined => [...timers].sort((one, other) => one.at - other.at)[0]

  return {
    now: () => now,
    after(ms, callback) {
      if (!(ms >= 0)) throw new RangeError(`Invalid timer delay: ${ms} ms`)
      const timer = { at: now + ms, callback }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    async advance(ms) {
      const target = now + ms
      await flushMicrotasks()
      for (let next = findNextTimer(); next && next.at <= target; next = findNextTimer()) {
        now = Math.max(now, next.at)
        timers.delete(next)
        next.callback()
        await flushMicrotasks()
      }
      now = target
    },
    skip(ms) {
      now += ms
    },
    get pendingDelays() {
      return [...timers].map(({ at }) => at - now).sort((one, other) => one - other)
    },
  }
}
