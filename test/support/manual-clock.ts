/** Time that stands still until a test moves it. */
import type { Clock } from '../../src/base/clock.ts'
import { flushMicrotasks } from './flush-microtasks.ts'

export interface ManualClock extends Clock {
  /** Moves time on by `ms`, firing what falls due in between in its order, each after the work before it is done. */
  advance(ms: number): Promise<void>
  /** Moves time on by `ms`, and no timer fires: what is due is late. */
  skip(ms: number): void
  /** Milliseconds from now at which timers are due, soonest first. */
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
      if (!(ms >= 0)) throw new RangeError(`A timer of ${ms} ms`)
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
