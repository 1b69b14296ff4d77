/** Delays that callbacks return. */

/** Number of the attempt, in a row without progress, from which on delays have a minimum. */
const MANY_ATTEMPTS = 3
/** Minimum of these delays, in milliseconds, which prevents a busy loop. */
const MIN_DELAY_MS = 100

/** Returns whether `value` is a valid delay, in milliseconds. */
export function isValidDelay(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value < Infinity
}

/** Returns `delay`, or 100 ms if that is longer and this is the third attempt in a row without progress, or a later one. */
export function spaceDelay(delay: number, attempt: number): number {
  return Math.max(delay, attempt < MANY_ATTEMPTS ? 0 : MIN_DELAY_MS)
}

/**
 * Returns `value` if it is a valid delay, in milliseconds, and `fallback` otherwise. From the third attempt in a row
 * without progress on, a valid delay is at least 100 ms. `attempt` counts from 1.
 */
export function checkDelay<Fallback>(value: unknown, fallback: Fallback, attempt: number): number | Fallback {
  return isValidDelay(value) ? spaceDelay(value, attempt) : fallback
}
