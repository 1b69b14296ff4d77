/** Redis logs of tests: clients of one server, with a prefix and a clock of their own. */
import type { EventEmitter } from 'node:events'
import { createClient } from '@redis/client'
import type { EventLog } from '../../../server/log/event-log.ts'
import type { RedisClient, RedisLogOptions } from '../../../server/redis.ts'
import { redisLog } from '../../../server/redis.ts'
import type { LogFixture } from './describe-log.ts'

export interface RedisFixture extends LogFixture {
  readonly prefix: string
  /** Sends one command with a client that no log uses. */
  readonly send: RedisClient['sendCommand']
  open(options?: RedisLogOptions): Promise<EventLog>
}

export type TestClient = RedisClient & EventEmitter & { destroy(): void }

/** Connects to the port. It connects again at once when it has lost the connection. */
export async function connectClient(port: number): Promise<TestClient> {
  const client = createClient({ socket: { host: '127.0.0.1', port, reconnectStrategy: 10 } })
  // Tests cut connections on purpose.
  client.on('error', () => {})
  await client.connect()
  return client
}

let fixtures = 0

/** Creates an empty storage on the server at `port`. */
export async function createRedisFixture(port: number): Promise<RedisFixture> {
  const prefix = `test ${++fixtures}:`
  const clients = [await connectClient(port)]
  let now = Date.UTC(2026, 0, 1)
  return {
    prefix,
    send: (args) => clients[0]!.sendCommand(args),
    async open(options) {
      const client = await connectClient(port)
      clients.push(client)
      // A machine that is busy with other tests must not let a command time out.
      return redisLog(client, { prefix, now: () => now, timeout: 60_000, ...options })
    },
    async advance(ms) {
      now += ms
    },
    async settle() {},
    async close() {
      for (const client of clients) client.destroy()
    },
  }
}
