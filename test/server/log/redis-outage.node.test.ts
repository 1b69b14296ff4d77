/** What processes see when Redis is emptied, restarted, replaced by a replica, out of memory, or does not reply. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Appended, EventLog } from '../../../server/log/event-log.ts'
import { redisLog } from '../../../server/redis.ts'
import { createRedisLog } from '../../../server/redis/create-log.ts'
import { checkOptions } from '../../../server/redis/options.ts'
import { createManualClock } from '../../support/manual-clock.ts'
import type { RedisServer, RedisServerOptions } from '../../support/redis-server.ts'
import { startRedis } from '../../support/redis-server.ts'
import type { TcpProxy } from '../../support/tcp-proxy.ts'
import { startTcpProxy } from '../../support/tcp-proxy.ts'
import {
  FEED,
  RUN,
  frame,
  frames,
  keepAll,
  produce,
  readAll,
  readPage,
  textsOf,
  watchInForce,
  watchStream,
} from './log-helpers.ts'
import type { TestClient } from './redis-fixture.ts'
import { connectClient } from './redis-fixture.ts'

/** What the current test has started; the last is closed first. */
const closers: (() => unknown)[] = []

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function startServer(options?: RedisServerOptions): Promise<RedisServer> {
  const server = await startRedis(options)
  closers.push(() => server.stop())
  return server
}

async function connect(port: number): Promise<TestClient> {
  const client = await connectClient(port)
  closers.push(() => client.destroy())
  return client
}

async function openLog(port: number): Promise<EventLog> {
  return openLogOf(await connect(port))
}

function openLogOf(client: TestClient): EventLog {
  // A machine that is busy with other tests must not let a command time out.
  const log = redisLog(client, { timeout: 60_000 })
  closers.push(() => log.close())
  return log
}

/** Resolves when a client has a connection again. Not `once` of Node, which rejects when the old one breaks. */
const nextConnection = (client: TestClient): Promise<void> =>
  new Promise((resolve) => {
    client.once('ready', resolve)
  })

const send = (log: EventLog, sequence: number, nonce = `n${sequence}`): Promise<Appended> =>
  log.append(FEED, [frame(sequence)], { nonce, retention: keepAll, sender: { id: 'a', sequence } })

describe('Redis that was emptied', () => {
  let server: RedisServer
  let log: EventLog

  beforeEach(async () => {
    server = await startServer()
    log = await openLog(server.port)
  })
  const flush = async (): Promise<unknown> => (await connect(server.port)).sendCommand(['FLUSHALL'])

  test('a run is gone for its readers, its producer and its key', async () => {
    const options = { key: 'k', fingerprint: 'f', lease: 600_000 }
    const token = await produce(log, RUN, options)
    await log.append(RUN, frames(1, 2), { nonce: 'abc', retention: keepAll, at: 1, token })
    await flush()
    expect(await log.read(RUN, 2, { bytes: 1_000 })).toBeUndefined()
    expect(await log.append(RUN, [frame(3)], { nonce: 'abc', retention: keepAll, at: 3, token })).toEqual({
      refused: 'gone',
      head: 0,
    })
    expect(await log.renew(RUN, token, 4_000)).toBe('lost')
    expect(await log.find(RUN)).toBeUndefined()
    const newToken = await produce(log, RUN, options)
    expect(newToken).toBeGreaterThan(token)
    expect(await log.append(RUN, [frame(3)], { nonce: 'abc', retention: keepAll, at: 3, token })).toMatchObject({
      refused: 'fenced',
    })
  })

  test('a feed starts again from position 1 with another epoch', async () => {
    await send(log, 1)
    const { epoch } = await readPage(log, FEED)
    await flush()
    const page = await readPage(log, FEED, 1)
    expect(page).toMatchObject({ first: 1, head: 0 })
    expect(page.epoch).not.toBe(epoch)
    expect(await send(log, 1)).toEqual({ position: 1, epoch: page.epoch })
  })
})

describe('Redis that was restarted', () => {
  test('everything that was appended is still there after a crash, and wakes arrive again', async () => {
    const server = await startServer({ storage: 'disk' })
    const [client, otherClient] = [await connect(server.port), await connect(server.port)]
    const [log, other] = [openLogOf(client), openLogOf(otherClient)]
    const token = await produce(log, RUN, { key: 'k', fingerprint: 'f', lease: 600_000 })
    await log.append(RUN, frames(1, 2), { nonce: 'abc', retention: keepAll, at: 1, token })
    await log.join(RUN, 'process 1', 600_000)
    const first = await send(log, 1)
    const page = await readPage(log, FEED)
    const watch = await watchInForce(other, FEED, () => send(log, 2))

    const reconnected = [nextConnection(client), nextConnection(otherClient)]
    await server.restart()
    await Promise.all(reconnected)

    expect(await readPage(log, FEED)).toMatchObject({ ...page, head: 2, nonce: 'n2', events: [page.events[0], {}] })
    expect(await send(log, 1)).toEqual(first)
    expect(await send(log, 3)).toMatchObject({ position: 3 })
    await watch.until(async () => ((await readPage(other, FEED)).head === 3 ? true : undefined))
    expect(await log.find(RUN)).toMatchObject({ owner: 'alice', readers: 1 })
    expect(await log.renew(RUN, token, 600_000)).toBe('held')
    expect(await log.append(RUN, frames(2, 3), { nonce: 'abc', retention: keepAll, at: 2, token })).toMatchObject({
      position: 3,
    })
    expect(await readAll(other, RUN)).toEqual(['1', '2', '3'])
    expect(await other.cancelKey('k', 1_000)).toBe(RUN)
  })

  test('readers are woken when the connection is there again, because messages were lost', async () => {
    const server = await startServer()
    const proxy = await startTcpProxy(server.port)
    closers.push(() => proxy.close())
    const [log, reader] = [await openLog(server.port), await openLog(proxy.port)]
    const watch = await watchInForce(reader, FEED, () => send(log, 1))
    // Without a connection to the reader, the message of this append is lost.
    proxy.isStalled = true
    await send(log, 2)
    const woken = watch.reasons.length
    proxy.isStalled = false
    proxy.pointTo(server.port)
    await watch.until(() => (watch.reasons.length > woken ? true : undefined))
    await watch.until(async () => ((await readPage(reader, FEED)).head === 2 ? true : undefined))
  })

  test('an append that was called while Redis was away is there once after it was repeated', async () => {
    const server = await startServer({ storage: 'disk' })
    const log = await openLog(server.port)
    await send(log, 1)
    await server.kill()
    // Depending on when the connection is back, Redis gets this append, refuses it, or never sees it.
    const settled = Promise.allSettled([send(log, 2)])
    await server.restart()
    await settled
    expect(await send(log, 2)).toMatchObject({ position: 2 })
    expect(await readAll(log, FEED)).toEqual(['1', '2'])
  })
})

describe('a failover to a replica that is five events behind', () => {
  let proxy: TcpProxy
  let log: EventLog
  let failOver: () => Promise<void>

  /** Starts a server with a replica, appends what `before` appends to both, and what follows to the server alone. */
  const start = async (before: () => Promise<unknown>): Promise<void> => {
    const [server, replica] = [await startServer(), await startServer()]
    proxy = await startTcpProxy(server.port)
    closers.push(() => proxy.close())
    const client = await connect(proxy.port)
    log = openLogOf(client)
    const [onServer, onReplica] = [await connect(server.port), await connect(replica.port)]
    await onReplica.sendCommand(['REPLICAOF', '127.0.0.1', String(server.port)])
    await before()
    // WAIT blocks until a replica has the writes of its own connection, and with them everything before.
    await onServer.sendCommand(['SET', 'mark', '1'])
    await onServer.sendCommand(['WAIT', '1', '0'])
    await onReplica.sendCommand(['REPLICAOF', 'NO', 'ONE'])
    failOver = async () => {
      const reconnected = nextConnection(client)
      await server.kill()
      proxy.pointTo(replica.port)
      await reconnected
    }
  }

  test('the lost positions of a feed are given out again under other IDs, and a reader that asks for one sees it', async () => {
    await start(async () => {
      for (let sequence = 1; sequence <= 5; sequence++) await send(log, sequence)
    })
    for (let sequence = 6; sequence <= 10; sequence++) await send(log, sequence)
    const lost = await readPage(log, FEED)
    expect(lost.head).toBe(10)
    await failOver()

    // A reader at position 10 learns that the log ends before it.
    const after = await readPage(log, FEED, 10)
    expect(after).toMatchObject({ epoch: lost.epoch, first: 1, head: 5, nonce: 'n5', events: [] })

    for (let sequence = 11; sequence <= 17; sequence++) await send(log, sequence, `m${sequence}`)
    // Positions 6 to 10 exist again. The ID of the reader has another nonce than the event at its position.
    expect(lost.events[9]).toEqual({ position: 10, nonce: 'n10', frame: frame(10) })
    const grown = await readPage(log, FEED, 10)
    expect(grown).toMatchObject({ epoch: lost.epoch, first: 1, head: 12, previousNonce: 'm15' })
    expect(textsOf(grown.events)).toEqual(['16', '17'])
    const idOf = ({ position, nonce }: { position: number; nonce: string }): string => `${position}-${nonce}`
    const all = await readPage(log, FEED)
    const lostIds = lost.events.slice(5).map(idOf)
    expect(all.events.map(idOf).filter((id) => lostIds.includes(id))).toEqual([])
    expect(textsOf(all.events)).toEqual(['1', '2', '3', '4', '5', '11', '12', '13', '14', '15', '16', '17'])
  })

  test('the producer of a run meets a gap, sends its tail again, and readers find the same IDs', async () => {
    let token = 0
    const append = (from: number, to: number): Promise<Appended> =>
      log.append(RUN, frames(from, to), { nonce: `n${from}`, retention: keepAll, at: from, token })
    await start(async () => {
      token = await produce(log, RUN, { lease: 600_000 })
      await append(1, 5)
    })
    await append(6, 10)
    const lost = await readPage(log, RUN)
    await failOver()

    expect(await append(11, 12)).toEqual({ refused: 'gap', head: 5 })
    expect(await append(6, 10)).toMatchObject({ position: 10 })
    expect(await append(11, 12)).toMatchObject({ position: 12 })
    const page = await readPage(log, RUN)
    expect(page.epoch).toBe(lost.epoch)
    expect(page.events.slice(0, 10)).toEqual(lost.events)
    expect(textsOf(page.events.slice(10))).toEqual(['11', '12'])
  })

  test('a waiting reader is woken after a failover', async () => {
    await start(() => send(log, 1))
    const watch = watchStream(log, FEED)
    await watch.until(async () => ((await readPage(log, FEED)).head === 1 ? true : undefined))
    await send(log, 2)
    await failOver()
    await watch.until(async () => ((await readPage(log, FEED)).head === 1 ? true : undefined))
    await send(log, 3)
    await watch.until(async () => ((await readPage(log, FEED)).nonce === 'n3' ? true : undefined))
  })
})

describe('Redis that does not reply', () => {
  test('every command rejects after the timeout', async () => {
    const server = await startServer()
    const proxy = await startTcpProxy(server.port)
    closers.push(() => proxy.close())
    const clock = createManualClock()
    const log = createRedisLog(await connect(proxy.port), checkOptions({}), clock)
    closers.push(() => log.close())
    await send(log, 1)
    expect(clock.pendingDelays).toEqual([])

    proxy.isStalled = true
    const calls: Record<string, Promise<unknown>> = {
      append: send(log, 2),
      read: log.read(FEED, 0, { bytes: 1_000 }),
      claim: log.claim(RUN, { owner: 'alice', lease: 4_000, keep: 60_000 }),
      renew: log.renew(RUN, 1, 4_000),
      find: log.find(RUN),
      finish: log.finish(RUN, frame('end'), 'always'),
      stop: log.stop(RUN),
      cancelKey: log.cancelKey('k', 1_000),
      join: log.join(RUN, 'process 1', 1_000),
      leave: log.leave(RUN, 'process 1'),
      drop: log.drop(FEED),
    }
    const rejected = Object.entries(calls).map(([name, call]) =>
      expect(call).rejects.toThrow(`Redis did not reply within 5000 ms (timeout): ${name}`),
    )
    await clock.advance(5_000)
    await Promise.all(rejected)
    expect(clock.pendingDelays).toEqual([])
  })
})

describe('Redis that refuses', () => {
  test('appends and claims reject with the reason when Redis has no memory left, and everything else works', async () => {
    const server = await startServer()
    const [client, log] = [await connect(server.port), await openLog(server.port)]
    await send(log, 1)
    const token = await produce(log, RUN)
    await client.sendCommand(['CONFIG', 'SET', 'maxmemory', '1'])
    await expect(send(log, 2)).rejects.toThrow(/^Redis failed: append: OOM /)
    await expect(produce(log, 'run:2')).rejects.toThrow(/^Redis failed: claim: OOM /)
    expect(textsOf((await readPage(log, FEED)).events)).toEqual(['1'])
    // A run goes on: its lease and its readers are kept, and it can be ended.
    await log.join(RUN, 'process 1', 10_000)
    expect(await log.renew(RUN, token, 4_000)).toBe('held')
    expect(await log.find(RUN)).toMatchObject({ readers: 1 })
    expect(await log.finish(RUN, frame('end'), 'always')).toBe(true)
    await log.drop(FEED)
    await client.sendCommand(['CONFIG', 'SET', 'maxmemory', '0'])
    expect(await send(log, 2)).toMatchObject({ position: 1 })
  })

  test('a rejection names the command and the error of Redis, and nothing of what was sent', async () => {
    const server = await startServer()
    const [client, log] = [await connect(server.port), await openLog(server.port)]
    await client.sendCommand(['SET', `rivulet:{${FEED}}:meta`, 'not a hash'])
    const error = await log
      .append(FEED, [frame('secret')], { nonce: 'abc', retention: keepAll })
      .catch((error: unknown) => error)
    expect(String(error)).toMatch(/^Error: Redis failed: append: WRONGTYPE /)
    expect(String(error)).not.toContain('secret')
    expect(String((error as Error).cause)).not.toContain('secret')
  })

  test('a closed log rejects every command, and wakes nobody', async () => {
    const server = await startServer()
    const log = await openLog(server.port)
    const watch = watchStream(log, FEED)
    await log.close()
    await expect(send(log, 1)).rejects.toThrow('The Redis log is closed: append')
    log.tail(FEED, () => {})()
    watch.stop()
    expect(watch.reasons).toEqual([])
  })
})
