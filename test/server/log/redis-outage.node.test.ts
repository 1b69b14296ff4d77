/** What processes see when Redis is emptied, restarted, out of memory, or does not reply. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { createRedisLog } from '../../../server/redis/create-log.ts'
import { checkOptions } from '../../../server/redis/options.ts'
import { createManualClock } from '../../support/manual-clock.ts'
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
import { connect, nextConnection, openLog, openLogOf, send, startProxy, startServer } from './redis-servers.ts'

describe('Redis that was emptied', () => {
  const open = async () => {
    const { port } = await startServer()
    return { log: await openLog(port), flush: async () => (await connect(port)).sendCommand(['FLUSHALL']) }
  }

  test('a run is gone for its readers, its producer and its key', async () => {
    const { log, flush } = await open()
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
    const { log, flush } = await open()
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
    const proxy = await startProxy(server.port)
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

describe('Redis that does not reply', () => {
  test('every command rejects after the timeout', async () => {
    const server = await startServer()
    const proxy = await startProxy(server.port)
    const clock = createManualClock()
    const log = createRedisLog(await connect(proxy.port), checkOptions({}), clock)
    onTestFinished(() => log.close())
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
