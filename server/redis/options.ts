/** The options of `redisLog`, their defaults and their checks. */

/** Options of `redisLog`. */
export interface RedisLogOptions {
  /**
   * Text before the names of all keys and channels. Logs with different prefixes do not see each other.
   * @defaultValue 'rivulet:'
   * @example
   * ```ts
   * redisLog(client, { prefix: 'shop:streams:' })
   * ```
   */
  readonly prefix?: string
  /**
   * Rejects a command to which Redis has not replied within this many milliseconds.
   * @defaultValue 5000
   * @example
   * ```ts
   * redisLog(client, { timeout: 2_000 })
   * ```
   */
  readonly timeout?: number
  /**
   * Forgets a feed to which nothing was appended, and which nobody has read, for this many milliseconds. Choose more than
   * the heartbeat interval, at which connected readers look at a feed. By default feeds are never forgotten.
   * @example
   * ```ts
   * redisLog(client, { idle: 24 * 60 * 60 * 1_000 })
   * ```
   */
  readonly idle?: number
  /**
   * The most runs that are kept, finished ones included. Further runs are refused until some have expired.
   * @defaultValue 100000
   * @example
   * ```ts
   * redisLog(client, { maxRuns: 1_000 })
   * ```
   */
  readonly maxRuns?: number
  /**
   * Called when the connection fails that brings word of new events. Readers then find them at their next heartbeat. By
   * default such errors are ignored.
   * @example
   * ```ts
   * redisLog(client, { onError: (error) => console.error(error.message) })
   * ```
   */
  readonly onError?: (error: Error) => void
  /**
   * Returns the time in milliseconds since the Unix epoch, for tests. By default Redis's own time, which is the same for
   * all processes.
   * @example
   * ```ts
   * redisLog(client, { now: () => clock.now() })
   * ```
   */
  readonly now?: () => number
}

/** The longest delay of a timer, 2^31 - 1 ms: a timer with a longer delay fires at once. */
const MAX_TIMER_MS = 0x7fffffff

function checkNumber(name: string, value: number, min: number, max: number): number {
  if (!(value >= min && value <= max)) {
    throw new RangeError(`redisLog: ${name} must be a number from ${min} to ${max}, not ${value}`)
  }
  return Math.ceil(value)
}

/** The options with their defaults. */
export interface CheckedOptions {
  readonly prefix: string
  readonly timeout: number
  readonly idle: number | undefined
  readonly maxRuns: number
  readonly onError: (error: Error) => void
  readonly now: (() => number) | undefined
}

/**
 * Checks the options and adds the defaults.
 * @throws TypeError or RangeError if an option has a value that cannot work
 */
export function checkOptions(options: RedisLogOptions): CheckedOptions {
  const { prefix = 'rivulet:', timeout = 5_000, idle, maxRuns = 100_000, onError = () => {}, now } = options
  // Braces mark the part of a key that Redis hashes, which is the name of the stream.
  if (typeof prefix !== 'string' || !/^[^{}]+$/.test(prefix)) {
    throw new TypeError('redisLog: prefix must be a text without braces, and not empty')
  }
  return {
    prefix,
    timeout: checkNumber('timeout', timeout, 1, MAX_TIMER_MS),
    idle: idle === undefined ? undefined : checkNumber('idle', idle, 1, Number.MAX_SAFE_INTEGER / 2),
    maxRuns: checkNumber('maxRuns', maxRuns, 1, Number.MAX_SAFE_INTEGER),
    onError,
    now,
  }
}
