/** The clock of the server, injected so that tests can control time. */

/** A source of time. */
export interface Clock {
  /** Monotonic time in milliseconds, from an arbitrary origin. */
  now(): number
  /** Milliseconds since the Unix epoch, for timestamps and the expiry of credentials. */
  date(): number
  /**
   * Calls `callback` once after `ms` milliseconds; returns a function that cancels it. A `housekeeping` timer does not
   * keep the process alive.
   * @defaultValue purpose: 'awaited'
   */
  after(ms: number, callback: () => void, purpose?: 'awaited' | 'housekeeping'): () => void
}

/** The longest timer delay, 2^31 - 1 ms: a timer with a longer delay fires at once. */
const MAX_TIMER_MS = 0x7fffffff

/** Real time. Reads the globals on each call, so that fake timers work. */
export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => Date.now(),
  after(ms, callback, purpose = 'awaited') {
    const timer = setTimeout(callback, Math.min(ms, MAX_TIMER_MS))
    // Only Node's timers have `unref`; elsewhere a timer is a number.
    if (purpose === 'housekeeping') (timer as { unref?(): unknown }).unref?.()
    return () => clearTimeout(timer)
  },
}
