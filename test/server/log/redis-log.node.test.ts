/** The Redis log keeps the contract of logs, on a real server. */
import { afterAll, beforeAll } from 'vitest'
import type { RedisServer } from '../../support/redis-server.ts'
import { startRedis } from '../../support/redis-server.ts'
import { describeLog } from './describe-log.ts'
import { createRedisFixture } from './redis-fixture.ts'

let server: RedisServer

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())

describeLog('redis log', () => createRedisFixture(server.port))
