/** The injectable clock: monotonic time and timers that tests can control. */

/** A source of monotonic time and timers. */
export interface Clock {
  /** Returns monotonic milliseconds from an arbitrary origin. */
  now(): number
  /** Calls `callback` once after `ms` milliseconds. Returns a function that cancels the timer. */
  after(ms: number, callback: () => void): () => void
}

/** Longest delay of a platform timer, in milliseconds: a longer delay overflows 31 bits and fires at once. */
const MAX_TIMER_MS = 0x7fffffff

/** The platform's clock. It looks up the globals on each call, so that fake timers installed later take effect. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, Math.min(ms, MAX_TIMER_MS))
    return () => clearTimeout(timer)
  },
}
