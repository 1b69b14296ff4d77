/** Servers, clients and logs of one test, which are closed when it finishes. */
import { onTestFinished } from 'vitest'
import type { Appended, EventLog } from '../../../server/log/event-log.ts'
import { redisLog } from '../../../server/redis.ts'
import type { RedisServer, RedisServerOptions } from '../../support/redis-server.ts'
import { startRedis } from '../../support/redis-server.ts'
import type { TcpProxy } from '../../support/tcp-proxy.ts'
import { startTcpProxy } from '../../support/tcp-proxy.ts'
import { FEED, frame, keepAll } from './log-helpers.ts'
import type { TestClient } from './redis-fixture.ts'
import { connectClient } from './redis-fixture.ts'

export async function startServer(options?: RedisServerOptions): Promise<RedisServer> {
  const server = await startRedis(options)
  onTestFinished(() => server.stop())
  return server
}

export async function startProxy(port: number): Promise<TcpProxy> {
  const proxy = await startTcpProxy(port)
  onTestFinished(() => proxy.close())
  return proxy
}

export async function connect(port: number): Promise<TestClient> {
  const client = await connectClient(port)
  onTestFinished(() => client.destroy())
  return client
}

/** Opens a log on a client of its own. */
export const openLog = async (port: number): Promise<EventLog> => openLogOf(await connect(port))

export function openLogOf(client: TestClient): EventLog {
  // A machine that is busy with other tests must not let a command time out.
  const log = redisLog(client, { timeout: 60_000 })
  onTestFinished(() => log.close())
  return log
}

/** Resolves when a client has a connection again. Not `once` of Node, which rejects when the old one breaks. */
export const nextConnection = (client: TestClient): Promise<void> =>
  new Promise((resolve) => {
    client.once('ready', resolve)
  })

/** Appends one event to the feed, as the append with this number of one sender. */
export const send = (log: EventLog, sequence: number, nonce = `n${sequence}`): Promise<Appended> =>
  log.append(FEED, [frame(sequence)], { nonce, retention: keepAll, sender: { id: 'a', sequence } })
