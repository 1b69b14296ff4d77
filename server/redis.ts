/** `rivulet/server/redis`: the log for several processes. */
export { redisLog } from './redis/redis-log.ts'
export type { RedisClient, RedisSubscriber } from './redis/client.ts'
export type { RedisLogOptions } from './redis/options.ts'
