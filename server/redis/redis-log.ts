/** `redisLog`: the log for several processes. */
import { systemClock } from '../base/clock.ts'
import type { EventLog } from '../log/event-log.ts'
import type { RedisClient } from './client.ts'
import { createRedisLog } from './create-log.ts'
import type { RedisLogOptions } from './options.ts'
import { checkOptions } from './options.ts'

/**
 * Stores streams in Redis 7 or later, so that several processes serve the same feeds and runs. Redis Cluster is not
 * supported.
 *
 * The log sends its commands over `client`, and opens one more connection with `client.duplicate()` to learn of new
 * events. It does not close `client`.
 * @throws TypeError or RangeError if an option has a value that cannot work
 * @example
 * ```ts
 * import { createClient } from '@redis/client'
 *
 * const client = createClient({ url: process.env.REDIS_URL })
 * client.on('error', (error) => console.error(error))
 * await client.connect()
 * const server = createServer({ log: redisLog(client) })
 * ```
 */
export const redisLog = (client: RedisClient, options: RedisLogOptions = {}): EventLog =>
  createRedisLog(client, checkOptions(options), systemClock)
