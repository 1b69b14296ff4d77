/** `examples/redis.ts`: two processes behind one port, one of which is killed while it serves. */
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { Client, Cursor } from '../../src/index.ts'
import { createClient } from '../../src/index.ts'
import { waitUntil } from '../mock-server/support/local-test-server.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { startRedis } from '../support/redis-server.ts'
import { checkCancel, checkFeed, checkInvalid, checkRun } from './check-example.ts'
import { startExample } from './start-example.ts'

let redis: RedisServer

beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())

/** A connection that `node:cluster` hands to a process that was just killed is never answered. */
const connectTimeout = 5_000

const start = () => startExample('redis', { REDIS_URL: `redis://127.0.0.1:${redis.port}` })

/** Starts a run with a first delta, and opens a second reader of it on the process that does not generate it. */
async function openOnBoth() {
  const example = await start()
  const client = createClient({ baseUrl: example.url, connectTimeout, retry: { delay: 1, maxDelay: 1, limit: 100 } })
  onTestFinished(() => client.close())
  const run = client.stream('/api/generate', { json: { prompt: 'two processes' } })
  await waitUntil(() => example.generations.length === 1)
  example.send({ type: 'say', prompt: 'two processes', text: 'One' })
  await waitUntil(() => run.text === 'One')
  const producer = example.generations[0]!.pid
  const { reader, pids } = await openElsewhere(client, run.cursor!, producer)
  return { example, client, run, reader, pids, producer }
}

/** Opens readers until one of them is served by another process. `pids` are the processes of its connections. */
async function openElsewhere(client: Client, cursor: Cursor, producer: number) {
  for (;;) {
    const pids: number[] = []
    const reader = client.resume(cursor, {
      onResponse: ({ headers }) => void pids.push(Number(headers.get('x-process'))),
    })
    await waitUntil(() => pids.length > 0)
    if (pids[0] !== producer) return { reader, pids }
    reader.detach()
  }
}

test('a feed is resumed without a loss', async () => checkFeed(await start()))

test('a run is resumed after each cut, joined by its key, and generated once', async () => checkRun(await start()))

test('a run is cancelled', async () => checkCancel(await start()))

test('a request without a prompt is refused', async () => checkInvalid(await start()))

test('all processes end when they are asked to, although clients are connected', async () => {
  const example = await start()
  const client = createClient({ baseUrl: example.url })
  const feed = client.subscribe('/api/prices')
  await new Promise((resolve) => void feed.on('connected', resolve))
  expect(await example.stop()).toBe(0)
  client.close()
})

test('when the process of a reader is killed, another one continues the answer', async () => {
  const { example, run, reader, pids } = await openOnBoth()
  const finals = [run.final(), reader.final()]
  example.send({ type: 'say', prompt: 'two processes', text: ', two' })
  await waitUntil(() => reader.text === ', two')
  process.kill(pids[0]!, 'SIGKILL')
  await waitUntil(() => pids.length > 1)
  expect(pids[1]).not.toBe(pids[0])
  example.send({ type: 'say', prompt: 'two processes', text: ', three' })
  example.send({ type: 'end', prompt: 'two processes' })
  expect((await Promise.all(finals)).map(({ text }) => text)).toEqual(['One, two, three', ', two, three'])
  expect(example.generations).toHaveLength(1)
})

test('when the process that generates is killed, readers everywhere get an error, and the answer can be started again', async () => {
  const { example, client, run, reader, producer } = await openOnBoth()
  const failures = [run, reader].map((each) => each.final().catch((error: unknown) => error))
  process.kill(producer, 'SIGKILL')
  for (const failure of await Promise.all(failures)) {
    expect(failure).toMatchObject({ code: 'server', serverCode: 'producer-lost', retryable: true })
  }
  const again = client.stream('/api/generate', { json: { prompt: 'again' } })
  await waitUntil(() => example.generations.length === 2)
  example.send({ type: 'say', prompt: 'again', text: 'Complete' })
  example.send({ type: 'end', prompt: 'again' })
  expect((await again.final()).text).toBe('Complete')
})
