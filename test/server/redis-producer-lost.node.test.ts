/** A process that dies while it generates a run, seen from another process with the same Redis. */
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { createServer } from '../../server/service/create-server.ts'
import { dataOf, textOf } from '../mock-server/support/blocks.ts'
import { waitUntil } from '../mock-server/support/local-test-server.ts'
import { createManualServerClock } from '../mock-server/support/manual-server-clock.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { startRedis } from '../support/redis-server.ts'
import { createRedisFixture } from './log/redis-fixture.ts'
import { mount } from './support/faces.ts'
import { createModel } from './support/model.ts'

let redis: RedisServer

beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())

/** Opens two processes with the same Redis. Each has a clock of its own: that of a dead one stands still, so that it renews nothing. */
async function openTwo(heartbeat: number) {
  const fixture = await createRedisFixture(redis.port)
  const closers: (() => Promise<void>)[] = []
  onTestFinished(async () => {
    for (const close of closers) await close()
    await fixture.close()
  })
  const openProcess = async () => {
    const clock = createManualServerClock()
    const model = createModel<{ prompt: string }>()
    const server = createServer({ log: await fixture.open(), clock, heartbeat })
    closers.push(() => server.close())
    const { handler } = server.runs<{ prompt: string }>({ generate: model.generate })
    return { clock, model, ...(await mount('node', { '/runs': handler })) }
  }
  const [dead, alive] = [await openProcess(), await openProcess()]
  const start = (process: typeof dead) =>
    process.open('/runs', { method: 'POST', body: '{"prompt":"Hi"}', headers: { 'idempotency-key': 'k1' } })
  return { fixture, dead, alive, start }
}

test('[P3.4] a run whose process has died ends with producer-lost, and its key starts another run', async () => {
  const { fixture, dead, alive, start } = await openTwo(1_000)
  const first = await start(dead)
  const [begin] = await first.readEvents(1)
  await waitUntil(() => dead.model.runs.length === 1)
  dead.model.runs[0]!.say('a', 'b')
  const reader = await alive.open(`/runs${dataOf(begin)['resume'] as string}`)
  await reader.readUntil('b')

  await fixture.advance(4_000)
  // The living process looks at the run with its heartbeat.
  await alive.clock.advance(1_000)
  const { events } = await reader.readToEnd()
  expect(textOf(events)).toBe('ab')
  expect(events.at(-1)!.type).toBe('error')
  expect(dataOf(events.at(-1))).toMatchObject({ code: 'producer-lost', retryable: true })

  const again = await start(alive)
  const [secondBegin] = await again.readEvents(1)
  expect(dataOf(secondBegin)['streamId']).not.toBe(dataOf(begin)['streamId'])
  await waitUntil(() => alive.model.runs.length === 1)
  alive.model.runs[0]!.say('whole')
  alive.model.runs[0]!.end()
  expect(textOf((await again.readToEnd()).events)).toBe('whole')
  first.close()
})

test.each([0, 1_000, 2_000, 3_000, 3_900])(
  '[P3.9] when a process dies %i ms after its run began, a reader elsewhere gets producer-lost within 5 s, without heartbeats',
  async (lifetime) => {
    const { fixture, dead, alive, start } = await openTwo(0)
    const first = await start(dead)
    const [begin] = await first.readEvents(1)
    await waitUntil(() => dead.model.runs.length === 1)
    const reader = await alive.open(`/runs${dataOf(begin)['resume'] as string}`)
    await reader.readEvents(1)
    for (let lived = 0; lived < lifetime; lived += 100) {
      await fixture.advance(100)
      await Promise.all([dead.clock.advance(100), alive.clock.advance(100)])
      // What the clocks have started ends before they advance again.
      await fixture.send(['PING'])
    }
    dead.model.runs[0]!.say('last words')
    await reader.readUntil('last words')
    for (let elapsed = 0; elapsed < 5_000; elapsed += 100) {
      await fixture.advance(100)
      await alive.clock.advance(100)
    }
    const { events } = await reader.readToEnd()
    expect(dataOf(events.at(-1))).toMatchObject({ code: 'producer-lost', retryable: true })
    first.close()
  },
)
