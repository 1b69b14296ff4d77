/** What the Redis log leaves in Redis, when it expires, and what readers see when some of it is missing. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { EventLog } from '../../../server/log/event-log.ts'
import { redisLog } from '../../../server/redis.ts'
import type { RedisServer } from '../../support/redis-server.ts'
import { startRedis } from '../../support/redis-server.ts'
import { FEED, RUN, frame, frames, keepAll, produce, readAll, readPage, textsOf } from './log-helpers.ts'
import type { RedisFixture } from './redis-fixture.ts'
import { createRedisFixture } from './redis-fixture.ts'

let server: RedisServer
let fixture: RedisFixture
let log: EventLog

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())
beforeEach(async () => {
  fixture = await createRedisFixture(server.port)
  log = await fixture.open()
})
afterEach(async () => {
  await log.close()
  await fixture.close()
})

const keyOf = (stream: string, part: string): string => `${fixture.prefix}{${stream}}:${part}`
const send = (sequence: number, sender = 'a', to = log) =>
  to.append(FEED, [frame(sequence)], { nonce: 'abc', retention: keepAll, sender: { id: sender, sequence } })

/** Returns the names of all keys of the fixture, without its prefix. */
async function listKeys(): Promise<string[]> {
  const keys = (await fixture.send(['KEYS', `${fixture.prefix}*`])) as string[]
  return keys.map((key) => key.slice(fixture.prefix.length)).sort()
}

/** Returns the time to live of each key in milliseconds; -1 for keys that do not expire. */
async function timesToLive(): Promise<Record<string, number>> {
  const entries = (await listKeys()).map(async (key) => {
    return [key, Number(await fixture.send(['PTTL', fixture.prefix + key]))] as const
  })
  return Object.fromEntries(await Promise.all(entries))
}

describe('runs', () => {
  const options = { key: 'k', fingerprint: 'f', lease: 600_000, keep: 3_600_000 }
  /** A run of which every kind of key exists. */
  const start = async (close: boolean): Promise<void> => {
    const token = await produce(log, RUN, options)
    await log.join(RUN, 'process 1', 600_000)
    await log.append(RUN, frames(1, 2), { nonce: 'abc', retention: keepAll, at: 1, token, close })
    await log.leave(RUN, 'process 1')
    await log.join(RUN, 'process 2', 300_000)
  }
  const runKeys = ['key:k', `{${RUN}}:events`, `{${RUN}}:meta`, `{${RUN}}:readers`]

  test('all keys of a finished run expire together, after its end and after its readers', async () => {
    await start(true)
    const { runs, token, ...rest } = await timesToLive()
    expect([runs, token]).toEqual([-1, -1])
    expect(Object.keys(rest)).toEqual(runKeys)
    for (const ms of Object.values(rest)) {
      expect(ms).toBeLessThanOrEqual(3_600_000 + 300_000)
      expect(ms).toBeGreaterThan(3_600_000)
    }
  })

  test('all keys of a run whose producer died unnoticed expire after its lease', async () => {
    await start(false)
    const { runs: _runs, token: _token, ...rest } = await timesToLive()
    expect(Object.keys(rest)).toEqual(runKeys)
    for (const ms of Object.values(rest)) {
      expect(ms).toBeLessThanOrEqual(3_600_000 + 600_000)
      expect(ms).toBeGreaterThan(3_600_000 + 300_000)
    }
    await log.drop(RUN)
    // Without readers, only the claim and the first append set the expiry.
    const token = await produce(log, RUN, options)
    await log.append(RUN, frames(1, 2), { nonce: 'abc', retention: keepAll, at: 1, token })
    const { runs: _all, token: _newest, ...withoutReaders } = await timesToLive()
    expect(Object.keys(withoutReaders)).toEqual(['key:k', `{${RUN}}:events`, `{${RUN}}:meta`])
    for (const ms of Object.values(withoutReaders)) expect(ms).toBeGreaterThan(3_600_000)
    await fixture.advance(4_200_000)
    expect(await log.read(RUN, 0, { bytes: 1_000 })).toBeUndefined()
    expect(await listKeys()).toEqual(['token'])
  })

  test('a dropped run leaves only the newest token', async () => {
    await start(true)
    await log.drop(RUN)
    expect(await listKeys()).toEqual(['token'])
  })

  test('as many runs are kept as allowed, and expired ones make room', async () => {
    const small = await fixture.open({ maxRuns: 2 })
    await produce(small, 'run:1', { lease: 4_000, keep: 60_000 })
    await produce(small, 'run:2', { lease: 8_000, keep: 60_000 })
    const claim = { owner: 'alice', lease: 4_000, keep: 60_000 }
    expect(await small.claim('run:3', claim)).toEqual({ role: 'full' })
    expect(await small.claim('run:2', claim)).toEqual({ role: 'reader', stream: 'run:2' })
    await fixture.advance(64_000)
    expect(await small.claim('run:3', claim)).toMatchObject({ role: 'producer' })
    expect(await small.claim('run:4', claim)).toEqual({ role: 'full' })
    await small.drop('run:3')
    expect(await small.claim('run:4', claim)).toMatchObject({ role: 'producer' })
  })
})

describe('feeds', () => {
  test('a feed does not expire by default', async () => {
    await send(1)
    expect(new Set(Object.values(await timesToLive()))).toEqual(new Set([-1]))
  })

  test('a feed that is neither appended to nor read is forgotten after `idle`', async () => {
    const idle = await fixture.open({ idle: 3_600_000 })
    await send(1, 'a', idle)
    for (const ms of Object.values(await timesToLive())) expect(ms).toBeGreaterThan(3_000_000)
    await fixture.advance(3_000_000)
    const { epoch } = await readPage(idle, FEED)
    await fixture.advance(3_000_000)
    await send(2, 'a', idle)
    await fixture.advance(3_599_999)
    expect(await readPage(idle, FEED)).toMatchObject({ epoch, head: 2 })
    await fixture.advance(3_600_000)
    expect(await readPage(idle, FEED)).toMatchObject({ head: 0 })
  })

  test('a feed remembers the last 256 appends of a sender, and a silent sender for ten minutes', async () => {
    for (let sequence = 1; sequence <= 300; sequence++) await send(sequence)
    await send(900)
    for (let sequence = 1000; sequence <= 1_010; sequence++) await send(sequence)
    await send(1, 'b')
    // One field for each append, and one for the newest number of each sender.
    expect(await fixture.send(['HLEN', keyOf(FEED, 'sent')])).toBe(12 + 1 + 2)
    await fixture.advance(600_000)
    await send(2, 'b')
    expect(await fixture.send(['HLEN', keyOf(FEED, 'sent')])).toBe(2 + 1)
    expect(await fixture.send(['ZRANGE', keyOf(FEED, 'senders'), '0', '-1'])).toEqual(['b'])
  })

  test('logs with different prefixes do not see each other', async () => {
    await send(1)
    const other = await fixture.open({ prefix: `${fixture.prefix}other:` })
    expect(await readPage(other, FEED)).toMatchObject({ head: 0 })
  })

  test('without `now`, the time of Redis decides the age of an event', async () => {
    const real = redisLog(
      { sendCommand: fixture.send, duplicate: () => expect.unreachable() },
      { prefix: fixture.prefix },
    )
    const readTime = async (): Promise<number> => {
      const [seconds, microseconds] = (await fixture.send(['TIME'])) as [string, string]
      return Math.floor(Number(seconds) * 1_000 + Number(microseconds) / 1_000)
    }
    const before = await readTime()
    await send(1, 'a', real)
    const after = await readTime()
    const [[, fields]] = (await fixture.send(['XRANGE', keyOf(FEED, 'events'), '-', '+'])) as [[string, string[]]]
    expect(Number(fields[3])).toBeGreaterThanOrEqual(before)
    expect(Number(fields[3])).toBeLessThanOrEqual(after)
  })
})

describe('missing keys', () => {
  test('a reader of a feed whose events were evicted learns that they are missing', async () => {
    await log.append(FEED, frames(1, 5), { nonce: 'abc', retention: keepAll })
    await fixture.send(['DEL', keyOf(FEED, 'events')])
    expect(await readPage(log, FEED, 2)).toMatchObject({ first: 6, head: 5, events: [] })
    await log.append(FEED, [frame(6)], { nonce: 'abc', retention: keepAll })
    expect(await readPage(log, FEED, 2)).toMatchObject({ first: 6, head: 6, events: [{ position: 6 }] })
  })

  test('a page ends before a hole, and the next one says that events are missing', async () => {
    await log.append(FEED, frames(1, 6), { nonce: 'abc', retention: keepAll })
    await fixture.send(['XDEL', keyOf(FEED, 'events'), '3-0', '4-0'])
    const page = await readPage(log, FEED)
    expect(textsOf(page.events)).toEqual(['1', '2'])
    const next = await readPage(log, FEED, 2)
    expect(next.first).toBe(5)
    expect(textsOf(next.events)).toEqual(['5', '6'])
  })

  test('a page says that the newest events are missing', async () => {
    await log.append(FEED, frames(1, 6), { nonce: 'abc', retention: keepAll })
    await fixture.send(['XDEL', keyOf(FEED, 'events'), '5-0', '6-0'])
    expect(await readPage(log, FEED, 4)).toMatchObject({ first: 7, head: 6, events: [] })
  })

  test('a feed whose record was evicted starts again, without its old events', async () => {
    await send(1)
    const { epoch } = await readPage(log, FEED)
    await fixture.send(['DEL', keyOf(FEED, 'meta')])
    await send(1)
    const page = await readPage(log, FEED)
    expect(page.epoch).not.toBe(epoch)
    expect(await readAll(log, FEED)).toEqual(['1'])
  })
})
