/** Decides when to retry: exponential backoff with full jitter, added to the delay that the server requests. */
import { isValidDelay, spaceDelay } from '../base/delay.ts'
import type { StreamError } from '../base/errors.ts'
import { callSafely } from '../base/report-error.ts'
import { retryableError } from '../base/request-error.ts'

/** Options of reconnection. */
export interface RetryOptions {
  /**
   * Maximum number of consecutive retries without progress. Beyond it the stream fails with code `retries-exhausted`.
   *
   * @defaultValue none for feeds, 5 for runs
   * @example
   * ```ts
   * client.subscribe('/api/stream', { retry: { limit: 3 } })
   * ```
   */
  limit?: number | undefined
  /**
   * Backoff after the first failure, in milliseconds. It doubles with each further failure. From the third attempt in a
   * row without progress, the delay is at least 100 ms, whatever the options are.
   *
   * @defaultValue 1,000
   * @example
   * ```ts
   * client.subscribe('/api/stream', { retry: { delay: 250 } })
   * ```
   */
  delay?: number | undefined
  /**
   * Maximum backoff, in milliseconds. A delay that the server requests can exceed it.
   *
   * @defaultValue 30,000
   * @example
   * ```ts
   * client.subscribe('/api/stream', { retry: { maxDelay: 300_000 } })
   * ```
   */
  maxDelay?: number | undefined
  /**
   * `true`: a random delay between 0 and the backoff (full jitter); `false`: the backoff itself; or a function of the
   * backoff, in milliseconds. Full jitter replaces what is not a valid delay.
   *
   * @defaultValue true
   * @example
   * ```ts
   * client.subscribe('/api/stream', { retry: { jitter: (delay) => delay / 2 + Math.random() * (delay / 2) } })
   * ```
   */
  jitter?: boolean | ((delay: number) => number) | undefined
  /**
   * Response statuses that are retried.
   *
   * @defaultValue 408, 425, 429, 500, 502, 503, 504, 529
   * @example
   * ```ts
   * client.subscribe('/api/stream', { retry: { statusCodes: [429, 503] } })
   * ```
   */
  statusCodes?: readonly number[] | undefined
  /**
   * Returns whether an error is retried, instead of `error.retryable`, which still decides if the function returns
   * something other than a boolean. `attempt` counts from 1. A request that could
   * act or cost twice is not repeated even so.
   *
   * @example
   * ```ts
   * client.subscribe('/api/stream', {
   *   retry: { shouldRetry: ({ error }) => error.retryable || error.status === 404 },
   * })
   * ```
   */
  shouldRetry?: ((context: { error: StreamError; attempt: number }) => boolean) | undefined
}

export const defaultRetryStatusCodes: readonly number[] = [408, 425, 429, 500, 502, 503, 504, 529]

/** Limits a delay that a server requests to between 100 ms and 10 min. */
export function clampDelay(ms: number): number {
  return Math.min(Math.max(ms, 100), 600_000)
}

/** `Retry-After` in milliseconds, from seconds or an HTTP date (RFC 9110, section 10.2.3); 0 if there is none. */
export function parseRetryAfter(value: string | null | undefined): number {
  const ms = /^\d+$/.test(value ?? '') ? Number(value) * 1_000 : Date.parse(value ?? '') - Date.now()
  return ms === ms ? clampDelay(ms) : 0
}

/** Returns the error with which a stream ends whose attempt number `attempt` has failed with `error`, and is the last. */
export function finalError(
  { limit = Infinity }: RetryOptions,
  error: StreamError,
  attempt: number,
  label: string,
): StreamError {
  // An `auth` error says more than the number of attempts.
  if (!error.retryable || attempt < 2 || attempt <= limit || error.code === 'auth') return error
  return retryableError('retries-exhausted', `Gave up after ${attempt} attempts (retry.limit)`, label, error)
}

/** Returns the milliseconds to wait after attempt number `attempt` has failed, at least `minDelay`; `undefined` ends the retries. */
export function retryDelay(
  { limit = Infinity, delay = 1_000, maxDelay = 30_000, jitter = true, shouldRetry }: RetryOptions,
  error: StreamError,
  attempt: number,
  minDelay: number,
  random: () => number,
): number | undefined {
  let willRetry: unknown
  if (shouldRetry) callSafely((context) => (willRetry = shouldRetry(context)), { error, attempt })
  // A promise, which an async function returns, would count as `true`.
  if (typeof willRetry !== 'boolean') willRetry = error.retryable
  if (attempt > limit || !willRetry) return undefined
  // The exponent is bounded: 0 times infinity is not a number.
  const backoff = Math.min(maxDelay, delay * 2 ** Math.min(attempt - 1, 30))
  let wait: unknown
  if (typeof jitter === 'function') callSafely((ms) => (wait = jitter(ms)), backoff)
  // Full jitter, with `Math.random` if `random` has not returned a number from 0 to 1.
  if (!isValidDelay(wait)) wait = random() * backoff
  if (!isValidDelay(wait)) wait = Math.random() * backoff
  return spaceDelay(jitter ? minDelay + (wait as number) : Math.max(minDelay, backoff), attempt)
}
