/**
 * Tests against the mock server over real sockets: a fault in one stream does not affect the others, and streams
 * survive channel faults.
 */
import { expect, onTestFinished, test } from 'vitest'
import type { StreamError } from '../../src/base/errors.ts'
import { createClient } from '../../src/client/client.ts'
import { type MultiplexOptions, multiplex } from '../../src/multiplex.ts'
import type { ClientOptions } from '../../src/request/options.ts'
import { payloadsOf, recordEvents } from '../contract/record-events.ts'
import { type TestServer, openTestServer } from '../contract/test-server.ts'
import { waitUntil } from '../contract/wait-until.ts'
import type { TestServerOptions } from '../setup/test-server-host.ts'

interface MultiplexFixture {
  server: TestServer
  client: ReturnType<typeof createClient>
  errors: StreamError[]
  /** Errors for events on the channel that belong to no stream. */
  unmatchedErrors: StreamError[]
  /** Returns `METHOD path` for each request, whether on the channel or not. */
  requestLog(): Promise<string[]>
}

async function openFixture(
  serverOptions: TestServerOptions = {},
  options: MultiplexOptions = {},
  more: ClientOptions = {},
): Promise<MultiplexFixture> {
  const server = await openTestServer({ history: 10_000, ...serverOptions })
  const errors: StreamError[] = []
  const unmatchedErrors: StreamError[] = []
  const client = createClient({
    baseUrl: server.url,
    retry: { delay: 5, jitter: false },
    connect: multiplex('/api/channel', { onError: (error) => unmatchedErrors.push(error), ...options }),
    onError: (error) => errors.push(error),
    ...more,
  })
  onTestFinished(async () => {
    client.close()
    await server.close()
  })
  const requestLog = async () => (await server.state()).requests.map(({ method, path }) => `${method} ${path}`)
  return { server, client, errors, unmatchedErrors, requestLog }
}

const countChannels = async ({ server }: MultiplexFixture): Promise<number> =>
  (await server.state()).requests.filter(({ method, path }) => method === 'GET' && path === '/api/channel').length

const startRuns = (fixture: MultiplexFixture, count: number) =>
  Array.from({ length: count }, (_, index) =>
    fixture.client.stream('/api/generate', { json: { prompt: `p${index}` } }).final(),
  )

const CHANNEL_FAULTS = [
  { 'reset-after': 9 },
  { 'truncate-after': 12, 'cut-at': 'character' as const },
  { 'truncate-after': 7, 'cut-at': 'last-byte' as const },
  { 'end-after': 10 },
]
test.each(CHANNEL_FAULTS)(
  '[F1][F2][P5.6] streams receive each event once when the channel breaks repeatedly with %j',
  async (cut) => {
    const fixture = await openFixture({
      answers: { '*': '日本語 abc' },
      scenario: { path: '/api/channel', times: 5, ...cut },
    })
    const feeds = Array.from({ length: 3 }, () => recordEvents(fixture.client.subscribe('/api/stream')))
    await waitUntil(() => feeds.every((events) => events.length > 0))
    const answers = startRuns(fixture, 3)
    for (let count = 0; count < 40; count++) await fixture.server.send({ data: count })
    for (const answer of answers) expect(await answer).toMatchObject({ text: '日本語 abc', finishReason: 'stop' })
    await waitUntil(() => feeds.every((events) => payloadsOf(events).length >= 40))
    for (const events of feeds) expect(payloadsOf(events)).toEqual(Array.from({ length: 40 }, (_, index) => index))
    expect(fixture.errors).toEqual([])
    // Each fault breaks one channel, which all six streams share. The last of five faults may not have happened yet.
    const count = await countChannels(fixture)
    expect(count).toBeGreaterThan(3)
    expect(count).toBeLessThanOrEqual(6)
  },
)

test(
  'an unread stream of 100 MB does not block a small stream, and no event is lost',
  { timeout: 60_000 },
  async () => {
    const fixture = await openFixture({ scenario: { path: '/api/channel', encoding: 'identity' } })
    const [large, count] = ['x'.repeat(100_000), 1_000]
    const lastEventId = await fixture.server.send({ type: 'small', data: 0 })
    await fixture.server.sendMany({ type: 'large', data: large }, count)
    const feed = fixture.client.subscribe('/api/stream', {
      searchParams: { types: 'large' },
      lastEventId,
      queue: { bytes: 1 },
    })
    const loop = feed[Symbol.asyncIterator]()
    expect(await loop.next()).toMatchObject({ value: { type: 'connected' } })
    for (const answer of startRuns(fixture, 5)) expect(await answer).toMatchObject({ finishReason: 'stop' })
    const small = recordEvents(fixture.client.subscribe('/api/stream', { searchParams: { types: 'small' } }))
    await waitUntil(() => small.length)
    await fixture.server.send({ type: 'small', data: 1 })
    await waitUntil(() => payloadsOf(small, 'small').length)
    // The server has written only the window, one event in the client's queue, and one that waits for space in it.
    expect((await fixture.server.state()).writtenBytes).toBeLessThan(5_000_000)
    let read = 0
    while (read < count) {
      const { value, done } = await loop.next()
      if (done) break
      if (value?.type === 'large') read += (value.data as string).length / large.length
    }
    expect([read, fixture.errors]).toEqual([count, []])
    expect(await countChannels(fixture)).toBe(1)
  },
)

test('[P5.3] a 401 for one stream fails only that stream', async () => {
  const fixture = await openFixture({ scenario: { path: '/api/generate', status: 401 } })
  const events = recordEvents(fixture.client.subscribe('/api/stream'))
  await waitUntil(() => events.length)
  await expect(fixture.client.stream('/api/generate', { json: { prompt: 'p' } }).final()).rejects.toMatchObject({
    code: 'http',
    status: 401,
  })
  await fixture.server.send({ data: 1 })
  await waitUntil(() => payloadsOf(events).length)
  expect([fixture.errors.length, await countChannels(fixture), events.length]).toEqual([1, 1, 2])
})

test('[P5.2] streams resume on a new channel when the server does not know the current channel', async () => {
  const fixture = await openFixture({ answers: { '*': 'abc' } })
  const feeds = Array.from({ length: 5 }, () => recordEvents(fixture.client.subscribe('/api/stream')))
  await waitUntil(() => feeds.every((events) => events.length > 0))
  await fixture.server.send({ data: 'before' })
  await waitUntil(() => feeds.every((events) => payloadsOf(events).length === 1))
  await fixture.server.setScenario({ path: '/api/channel/ops', status: 404, once: true })
  const answer = startRuns(fixture, 1)
  await fixture.server.send({ data: 'meanwhile' })
  expect(await answer[0]).toMatchObject({ text: 'abc' })
  await waitUntil(() => feeds.every((events) => payloadsOf(events).length === 2))
  for (const events of feeds) expect(payloadsOf(events)).toEqual(['before', 'meanwhile'])
  expect([fixture.errors, await countChannels(fixture)]).toEqual([[], 2])
})

test.each(['refuse', 'lose-answer', 'hang'])(
  '[P5.2] when an operations request fails (%s), its streams are opened again, and other streams are not affected',
  async (fault) => {
    const fixture = await openFixture({ answers: { '*': 'abc' } }, { timeout: 200 })
    const events = recordEvents(fixture.client.subscribe('/api/stream'))
    await waitUntil(() => events.length)
    await fixture.server.setScenario({ path: '/api/channel/ops', [fault]: true, once: true })
    expect(await Promise.all(startRuns(fixture, 3))).toMatchObject([{ text: 'abc' }, { text: 'abc' }, { text: 'abc' }])
    await fixture.server.send({ data: 1 })
    await waitUntil(() => payloadsOf(events).length)
    expect(events.map(({ type }) => type)).toEqual(['connected', 'message'])
    const { runs } = await fixture.server.state()
    expect([runs.length, fixture.errors, await countChannels(fixture)]).toEqual([3, [], 1])
  },
)

test('events that belong to no stream are reported, and malformed events break only their own stream', async () => {
  const insert = 'id: nonsense\ndata: x\n\nid: 99=a\ndata: x\n\nid: 1!\nevent: close\ndata: {\n\n'
  const fixture = await openFixture({ scenario: { path: '/api/channel', insert, 'insert-after': 5, once: true } })
  const feeds = [
    recordEvents(fixture.client.subscribe('/api/stream')),
    recordEvents(fixture.client.subscribe('/api/stream')),
  ]
  await waitUntil(() => feeds[0]!.length === 2) // the second `connected`, after reconnecting
  await fixture.server.send({ data: 1 })
  await waitUntil(() => feeds.every((events) => payloadsOf(events).length === 1))
  expect(feeds.map((events) => events.map(({ type }) => type))).toEqual([
    ['connected', 'connected', 'message'],
    ['connected', 'message'],
  ])
  expect(fixture.unmatchedErrors).toMatchObject([{ code: 'invalid-data' }, { code: 'invalid-data' }])
  expect([fixture.errors, await countChannels(fixture)]).toEqual([[], 1])
})

test('[P3.5] cancelling a run on the channel cancels the run on the server', async () => {
  const fixture = await openFixture({ answers: { '*': 'abcdef' }, time: 'manual', delay: 100 })
  const run = fixture.client.stream('/api/generate', { json: { prompt: 'p' } })
  await waitUntil(() => run.cursor)
  await run.cancel()
  expect(await run.final()).toMatchObject({ finishReason: 'cancelled' })
  expect((await fixture.server.state()).runs).toMatchObject([{ state: 'finished' }])
  expect(new Set(await fixture.requestLog())).toEqual(
    new Set(['GET /api/channel', 'POST /api/channel/ops', 'POST /api/generate', expect.stringMatching(/^DELETE /)]),
  )
})

test('a request with a form body gets a connection of its own, outside the channel', async () => {
  const fixture = await openFixture()
  const events = recordEvents(fixture.client.subscribe('/api/stream'))
  await waitUntil(() => events.length)
  const body = new FormData()
  body.set('prompt', 'p')
  await fixture.client
    .stream('/api/generate', { body, retry: false })
    .final()
    .catch(() => {}) // the mock server accepts only JSON
  const seen = (await fixture.server.state()).requests.find(({ path }) => path === '/api/generate')
  expect(seen!.headers['content-type']).toMatch(/^multipart\/form-data/)
  await fixture.server.send({ data: 1 })
  await waitUntil(() => payloadsOf(events).length)
})
