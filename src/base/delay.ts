/** Delays that callbacks return. */

/** Attempts in a row without progress from which on delays have a minimum. */
const MANY_ATTEMPTS = 3
/** That minimum, in milliseconds: it prevents a busy loop. */
const MIN_DELAY_MS = 100

/**
 * Returns `value` if it is a valid delay, in milliseconds, and `fallback` otherwise. From the third attempt in a row
 * without progress on, a valid delay is at least 100 ms. `attempt` counts from 1.
 */
export function checkDelay<Fallback>(value: unknown, fallback: Fallback, attempt: number): number | Fallback {
  if (typeof value !== 'number' || !(value >= 0 && value < Infinity)) return fallback
  return Math.max(value, attempt < MANY_ATTEMPTS ? 0 : MIN_DELAY_MS)
}
