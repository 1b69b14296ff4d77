/** Time as the SDK sees it: monotonic, and injected, so that tests own it. */

/** A source of time. The default reads the globals at each call, so that fake timers work. */
export interface Clock {
  /** Monotonic milliseconds, from an arbitrary origin. */
  now(): number
  /** Calls `callback` once, after `ms` milliseconds; returns what cancels it. */
  after(ms: number, callback: () => void): () => void
}

/** Longest delay that timers hold: 2^31 - 1 ms; beyond it they fire at once. */
const MAX_TIMER_MS = 0x7fffffff

export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, Math.min(ms, MAX_TIMER_MS))
    return () => clearTimeout(timer)
  },
}
