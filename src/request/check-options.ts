/** Checks the options that are numbers or origins, when a stream is made. */
import type { RetryOptions } from '../source/retry.ts'

/** The options that are checked. */
interface CheckedOptions {
  retry: RetryOptions
  queue: { events: number; bytes: number }
  connectTimeout: number
  idleTimeout?: number
  stallTimeout?: number
  maxEventSize: number
  dedupeWindow?: number
  trustedOrigins: readonly string[]
}

/** The unit of an option, for messages. */
const MILLISECONDS = ' of milliseconds'

/** @throws TypeError that names the option, unless `value` is absent or a number of at least 0 */
export function checkNumber(name: string, value: unknown, unit = ''): void {
  if (value !== undefined && !(typeof value === 'number' && value >= 0))
    throw new TypeError(`${name}: expected a number${unit}, at least 0`)
}

/** @throws TypeError that names the option, unless `value` is absent or a number of milliseconds, at least 0 */
export function checkMilliseconds(name: string, value: unknown): void {
  checkNumber(name, value, MILLISECONDS)
}

/** Returns the origin in its canonical form. */
function parseOrigin(value: string): string {
  const { href, origin, protocol, hostname } = new URL(value)
  // A path would suggest that it limits what is trusted, and a wildcard would match no origin.
  if (!/^https?:$/.test(protocol) || href !== `${origin}/` || hostname.includes('*')) throw new TypeError()
  return origin
}

/**
 * Checks options and replaces a timeout of 0, which turns it off, by `Infinity`, and origins by their canonical form.
 * @throws TypeError that names the option
 */
export function checkOptions(options: CheckedOptions): void {
  const { retry, queue } = options
  for (const name of ['connectTimeout', 'idleTimeout', 'stallTimeout'] as const) {
    checkMilliseconds(name, options[name])
    if (options[name] === 0) options[name] = Infinity
  }
  checkMilliseconds('retry.delay', retry.delay)
  checkMilliseconds('retry.maxDelay', retry.maxDelay)
  checkNumber('retry.limit', retry.limit)
  checkNumber('queue.events', queue.events)
  checkNumber('queue.bytes', queue.bytes)
  checkNumber('maxEventSize', options.maxEventSize)
  checkNumber('dedupeWindow', options.dedupeWindow)
  try {
    // A string would be iterated, too.
    options.trustedOrigins = options.trustedOrigins.map(parseOrigin)
  } catch {
    // No `cause`: the platform's error quotes the URL, which may contain a password.
    throw new TypeError('trustedOrigins: expected an array of http or https origins, like "https://example.com"')
  }
}
