/** Two servers with one Redis: what begins on one continues on the other. */
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { createServer } from '../../server/service/create-server.ts'
import type { EndedRun } from '../../server/run/producer.ts'
import { dataOf, textOf } from '../mock-server/support/blocks.ts'
import { waitUntil } from '../mock-server/support/local-test-server.ts'
import { createManualServerClock } from '../mock-server/support/manual-server-clock.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { startRedis } from '../support/redis-server.ts'
import { createRedisFixture } from './log/redis-fixture.ts'
import { after, mount } from './support/faces.ts'
import { createModel } from './support/model.ts'

let redis: RedisServer

beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())

async function openTwo() {
  const fixture = await createRedisFixture(redis.port)
  const clock = createManualServerClock()
  const ended: EndedRun[] = []
  const model = createModel<{ prompt: string }>()
  const open = async () => {
    const server = createServer({ log: await fixture.open(), clock })
    const feed = server.feed<{ tick: number }>('ticks')
    const runs = server.runs<{ prompt: string }>({
      generate: model.generate,
      onEnd: (run) => void ended.push(run),
      abandon: 5_000,
    })
    return { server, feed, ...(await mount('node', { '/feed': feed.handler, '/runs': runs.handler })) }
  }
  const one = await open()
  const other = await open()
  onTestFinished(async () => {
    await Promise.all([one.server.close(), other.server.close()])
    await fixture.close()
  })
  const passRoundTrip = (): Promise<unknown> => fixture.send(['PING'])
  const advance = async (ms: number): Promise<void> => {
    await fixture.advance(ms)
    await clock.advance(ms)
  }
  const start = (key?: string) =>
    one.open('/runs', {
      method: 'POST',
      body: '{"prompt":"Hi"}',
      headers: key === undefined ? {} : { 'idempotency-key': key },
    })
  return { one, other, model, ended, advance, passRoundTrip, start }
}

test('[P2.3] an event reaches the readers of both servers, and a reader resumes on the other one', async () => {
  const { one, other } = await openTwo()
  const reader = await one.open('/feed')
  await reader.readEvents(1)
  const ids = [await other.feed.send('tick', 1), await one.feed.send('tick', 2)]
  expect((await reader.readEvents(3)).slice(1).map(({ id }) => id)).toEqual(ids)
  reader.close()
  await one.feed.send('tick', 3)
  const resumed = await other.open('/feed', after(ids[0]))
  expect((await resumed.readEvents(3)).slice(1).map(({ data }) => data)).toEqual(['2', '3'])
  resumed.close()
})

test('[P3.3] [P3.4] a run is read on the other server, while it is generated and afterwards', async () => {
  const { other, model, start } = await openTwo()
  const first = await start('k1')
  const [begin] = await first.readEvents(1)
  await waitUntil(() => model.runs.length === 1)
  model.runs[0]!.say('a', 'b')
  await first.readEvents(3)
  const second = await other.open(`/runs${dataOf(begin)['resume'] as string}`)
  await second.readUntil('b')
  model.runs[0]!.say('c')
  model.runs[0]!.end()
  expect(textOf((await first.readToEnd()).events)).toBe('abc')
  expect(textOf((await second.readToEnd()).events)).toBe('abc')
  const joined = await other.open('/runs', {
    method: 'POST',
    body: '{"prompt":"Hi"}',
    headers: { 'idempotency-key': 'k1' },
  })
  expect((await joined.readToEnd()).events.at(-1)).toEqual(first.events.at(-1))
  expect(model.runs).toHaveLength(1)
})

test('[P3.5] a DELETE on the other server aborts the generation', async () => {
  const { other, model, start, ended } = await openTwo()
  const reader = await start()
  const [begin] = await reader.readEvents(1)
  await waitUntil(() => model.runs.length === 1)
  const url = `/runs${dataOf(begin)['resume'] as string}`
  expect((await other.fetch(url, { method: 'DELETE' })).status).toBe(204)
  expect(dataOf((await reader.readToEnd()).events.at(-1))['finishReason']).toBe('cancelled')
  await waitUntil(() => ended.length === 1)
  expect(model.runs[0]!.context.signal.aborted).toBe(true)
})

test('[P3.5] a run is not abandoned while the other server has a reader', async () => {
  const { other, model, start, advance, passRoundTrip, ended } = await openTwo()
  const first = await start()
  const [begin] = await first.readEvents(1)
  const second = await other.open(`/runs${dataOf(begin)['resume'] as string}`)
  await second.readEvents(1)
  first.close()
  for (let second = 0; second < 20; second++) {
    await advance(1_000)
    await passRoundTrip()
  }
  expect(ended).toEqual([])
  model.runs[0]!.end()
  await second.readToEnd()
})
