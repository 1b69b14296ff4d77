/** Checks the options that are numbers or origins, when a stream is made. */
import type { RetryOptions } from '../source/retry.ts'

/** The options that are checked. */
interface CheckedOptions {
  retry: RetryOptions
  queue: { events: number; bytes: number }
  connectTimeout: number
  idleTimeout?: number | undefined
  stallTimeout?: number | undefined
  maxEventSize: number
  dedupeWindow?: number | undefined
  trustedOrigins: readonly string[]
}

const TIMEOUTS = ['connectTimeout', 'idleTimeout', 'stallTimeout'] as const

/** The unit of a duration, for messages. */
export const MILLISECONDS = ' of milliseconds'

/**
 * Checks the options `names` of `options`, of which each may be absent; `retry.delay` is the option `delay` of `retry`.
 * @throws TypeError that names the option, unless it is a number of at least 0
 */
export function checkNumbers(options: object, names: readonly string[], unit = ''): void {
  for (const name of names) {
    let value: unknown = options
    for (const key of name.split('.')) value = (value as Record<string, unknown>)[key]
    if (value !== undefined && !(typeof value === 'number' && value >= 0))
      throw new TypeError(`${name}: expected a number${unit}, at least 0`)
  }
}

/** Returns the origin in its canonical form. */
function parseOrigin(value: string): string {
  const { href, origin } = new URL(value)
  // A path would suggest that it limits what is trusted, and a wildcard would match no origin.
  if (href !== `${origin}/` || !/^http[^*]+$/.test(href)) throw new TypeError()
  return origin
}

/**
 * Checks options and replaces a timeout of 0, which turns it off, by `Infinity`, and origins by their canonical form.
 * @throws TypeError that names the option
 */
export function checkOptions(options: CheckedOptions): void {
  checkNumbers(options, [...TIMEOUTS, 'retry.delay', 'retry.maxDelay'], MILLISECONDS)
  checkNumbers(options, ['retry.limit', 'maxEventSize', 'dedupeWindow', 'queue.events', 'queue.bytes'])
  for (const name of TIMEOUTS) if (options[name] === 0) options[name] = Infinity
  try {
    // A string would be iterated, too.
    options.trustedOrigins = options.trustedOrigins.map(parseOrigin)
  } catch {
    // No `cause`: the platform's error quotes the URL, which may contain a password.
    throw new TypeError('trustedOrigins: expected an array of http or https origins')
  }
}
