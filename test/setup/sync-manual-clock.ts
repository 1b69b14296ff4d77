/** A clock that tests advance synchronously, for clients and mock servers in any runtime. */

export interface SyncManualClock {
  now(): number
  /** The date, in milliseconds since 1970. */
  date(): number
  after(ms: number, callback: () => void): () => void
  /** Advances by `ms` and fires due timers synchronously, in order. */
  advance(ms: number): void
  /** Remaining delays of all timers in milliseconds, shortest first. */
  readonly pendingDelays: number[]
}

/** A date in 2027, in milliseconds since 1970: plausible, but different from the current date. */
const START_DATE_MS = 1_800_000_000_000

interface Timer {
  at: number
  callback: () => void
}

export function createSyncManualClock(): SyncManualClock {
  let now = 0
  const timers = new Set<Timer>()
  const findNextTimer = (): Timer | undefined => [...timers].sort((one, other) => one.at - other.at)[0]

  return {
    now: () => now,
    date: () => START_DATE_MS + now,
    after(ms, callback) {
      if (!(ms >= 0)) throw new RangeError(`Invalid timer delay: ${ms} ms`)
      const timer = { at: now + ms, callback }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    advance(ms) {
      const target = now + ms
      for (let next = findNextTimer(); next && next.at <= target; next = findNextTimer()) {
        now = next.at
        timers.delete(next)
        next.callback()
      }
      now = target
    },
    get pendingDelays() {
      return [...timers].map(({ at }) => at - now).sort((one, other) => one - other)
    },
  }
}
