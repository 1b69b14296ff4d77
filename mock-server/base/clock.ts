/** Time as the mock server sees it: injected, so that tests own it. */

/** A source of time. */
export interface Clock {
  /** Monotonic milliseconds, from an arbitrary origin. */
  now(): number
  /** Milliseconds since 1970, for timestamps and for the expiry of tokens. */
  date(): number
  /**
   * Calls `callback` once, after `ms` milliseconds; returns what cancels it. Where nobody waits for it, as for
   * `housekeeping`, a process may end before.
   * @defaultValue purpose: 'awaited'
   */
  after(ms: number, callback: () => void, purpose?: 'awaited' | 'housekeeping'): () => void
}

/** Longest delay that timers hold: 2^31 - 1 ms; beyond it they fire at once. */
const MAX_TIMER_MS = 0x7fffffff

/** Real time. The globals are read at each call, so that fake timers work. */
export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => Date.now(),
  after(ms, callback, purpose = 'awaited') {
    const timer = setTimeout(callback, Math.min(ms, MAX_TIMER_MS))
    // Node alone has it: elsewhere a timer is a number.
    if (purpose === 'housekeeping') (timer as { unref?(): unknown }).unref?.()
    return () => clearTimeout(timer)
  },
}
