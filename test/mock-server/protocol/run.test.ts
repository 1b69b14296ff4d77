/** Tests of section 3 of PROTOCOL.md (runs), over real sockets. */
import { describe, expect, test } from 'vitest'
import { type Block, dataOf, textOf } from '../support/blocks.ts'
import { waitUntil, openLocalTestServer, type LocalTestServer } from '../support/local-test-server.ts'
import { START_TIME_MS } from '../support/manual-server-clock.ts'
import { openRawClient } from '../support/raw-client.ts'
import { type StreamReader, openStreamReader } from '../support/stream-reader.ts'

const PROMPT = '你好'
const ANSWER = '你好，👩‍👩‍👧‍👦 und 🇩🇪! é\n<b>ok</b>'
const options = { answers: { [PROMPT]: ANSWER }, delay: 10 }

interface StartOptions {
  body?: Record<string, unknown>
  key?: string
  path?: string
  headers?: Record<string, string>
}

const post = (
  { url }: LocalTestServer,
  { body = { prompt: PROMPT }, key, path = '/api/generate', headers }: StartOptions = {},
): Promise<StreamReader> =>
  openStreamReader(url + path, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...(key ? { 'idempotency-key': key } : {}), ...headers },
  })

const resumeOf = ({ url }: LocalTestServer, start: Block | undefined): string =>
  new URL(dataOf(start)['resume'] as string, url).href

const resume = (url: string, lastEventId?: string): Promise<StreamReader> =>
  openStreamReader(url, lastEventId === undefined ? {} : { headers: { 'last-event-id': lastEventId } })

/** Reads to the end while advancing the clock. */
async function readAll({ clock }: LocalTestServer, reader: StreamReader): Promise<Block[]> {
  await reader.readEvents(1)
  await clock.advance(10_000)
  const { events, error } = await reader.readToEnd()
  expect(error).toBeUndefined()
  return events
}

describe('the events of a run', () => {
  test.each(['GET', 'POST'])('[P3.1] %s: a run consists of start, deltas without gaps, and end', async (method) => {
    const testServer = await openLocalTestServer(options)
    const reader =
      method === 'POST'
        ? await post(testServer)
        : await openStreamReader(`${testServer.url}/api/generate?prompt=${encodeURIComponent(PROMPT)}`)
    const events = await readAll(testServer, reader)
    const start = dataOf(events[0])
    expect(events[0]!.type).toBe('start')
    expect(start).toEqual({
      protocol: 1,
      streamId: expect.any(String),
      prompt: PROMPT,
      timestamp: START_TIME_MS,
      resume: expect.any(String),
      heartbeat: 30_000,
    })
    const deltas = events.slice(1, -1)
    expect(deltas.map(({ type }) => type)).toEqual(deltas.map(() => 'delta'))
    expect(deltas.map((delta) => dataOf(delta)['index'])).toEqual(deltas.map((_, index) => index))
    expect(textOf(events)).toBe(ANSWER)
    expect(events.at(-1)!.type).toBe('end')
    expect(dataOf(events.at(-1))).toEqual({
      finishReason: 'stop',
      timestamp: START_TIME_MS + (deltas.length + 1) * 10,
      usage: { inputTokens: expect.any(Number), outputTokens: deltas.length },
    })
  })

  test('[P3.1] each delta is one user-perceived character', async () => {
    const testServer = await openLocalTestServer(options)
    const events = await readAll(testServer, await post(testServer))
    const contents = events.slice(1, -1).map((delta) => dataOf(delta)['content'])
    expect(contents).toContain('👩‍👩‍👧‍👦')
    expect(contents).toContain('🇩🇪')
    expect(contents).toContain('é')
  })

  test('[P3.1] deltas are sent one at a time, each after the delay', async () => {
    const testServer = await openLocalTestServer(options)
    const reader = await post(testServer)
    expect(await reader.readEvents(1)).toHaveLength(1)
    for (let count = 1; count <= 3; count++) {
      await testServer.clock.advance(9)
      await testServer.clock.advance(1)
      expect(await reader.readEvents(1 + count)).toHaveLength(1 + count)
      expect(testServer.server.runs[0]!.head).toBe(1 + count)
    }
    reader.close()
  })

  test('[P3.1] a failing run ends with an error event, and nothing follows', async () => {
    const testServer = await openLocalTestServer({
      ...options,
      scenario: 'error-after:2,error-code:overloaded,error-retryable',
    })
    const events = await readAll(testServer, await post(testServer))
    expect(events.map(({ type }) => type)).toEqual(['start', 'delta', 'delta', 'error'])
    expect(dataOf(events.at(-1))).toEqual({ code: 'overloaded', message: expect.any(String), retryable: true })
  })

  test('[P3.1] a run may end with finishReason length', async () => {
    const testServer = await openLocalTestServer({ ...options, scenario: 'finish-reason:length' })
    const events = await readAll(testServer, await post(testServer))
    expect(dataOf(events.at(-1))['finishReason']).toBe('length')
  })

  test('[P3.1] events with other names may come between deltas', async () => {
    const scenario = {
      events: [
        { after: 0, type: 'reasoning', data: { content: 'hm' } },
        { after: 2, type: 'tool_call', data: { name: 'search' } },
      ],
    }
    const testServer = await openLocalTestServer({ ...options, scenario })
    const events = await readAll(testServer, await post(testServer))
    expect(events.map(({ type }) => type).slice(0, 5)).toEqual(['start', 'reasoning', 'delta', 'delta', 'tool_call'])
    expect(dataOf(events[4])).toEqual({ name: 'search' })
    expect(textOf(events)).toBe(ANSWER)
  })

  test('[P3.1] three concurrent runs do not affect one another', async () => {
    const testServer = await openLocalTestServer({ delay: 10 })
    const readings = await Promise.all(['one', 'two', 'three'].map((prompt) => post(testServer, { body: { prompt } })))
    const all = await Promise.all(readings.map((reader) => readAll(testServer, reader)))
    const ids = new Set(all.map((events) => dataOf(events[0])['streamId']))
    expect(ids.size).toBe(3)
    all.forEach((events, index) => expect(textOf(events)).toContain(['one', 'two', 'three'][index]))
  })

  test('[P3.2] a cut connection has no terminal event', async () => {
    const testServer = await openLocalTestServer({ ...options, delay: 0, scenario: 'truncate-after:3' })
    const { events, error } = await (await post(testServer)).readToEnd()
    expect(error).toBeInstanceOf(TypeError)
    expect(events.map(({ type }) => type)).toEqual(['start', 'delta', 'delta'])
  })
})

describe('resuming', () => {
  test('[P3.3] each event has a unique id that contains the streamId', async () => {
    const testServer = await openLocalTestServer(options)
    const events = await readAll(testServer, await post(testServer))
    const streamId = dataOf(events[0])['streamId'] as string
    const ids = events.map(({ id }) => id!)
    for (const id of ids) expect(id).toContain(streamId)
    expect(new Set(ids).size).toBe(ids.length)
  })

  test('[P3.3] resuming after any event returns the rest, and resuming after the last event gets a 204', async () => {
    const testServer = await openLocalTestServer({ ...options, delay: 0 })
    const { events } = await (await post(testServer)).readToEnd()
    const url = resumeOf(testServer, events[0])
    for (const [index, { id }] of events.entries()) {
      const again = await resume(url, id)
      if (index === events.length - 1) expect(again.response.status).toBe(204)
      else expect((await again.readToEnd()).events).toEqual(events.slice(index + 1))
    }
  })

  test('[P3.3] resuming without Last-Event-ID returns the whole run', async () => {
    const testServer = await openLocalTestServer({ ...options, delay: 0 })
    const { events } = await (await post(testServer)).readToEnd()
    expect((await (await resume(resumeOf(testServer, events[0]))).readToEnd()).events).toEqual(events)
  })

  test('[P3.3] resuming a run in progress returns missed deltas, then live ones', async () => {
    const testServer = await openLocalTestServer(options)
    const first = await post(testServer)
    await first.readEvents(1)
    await testServer.clock.advance(20)
    const [start, , last] = await first.readEvents(3)
    first.close()
    await testServer.clock.advance(20)
    const second = await resume(resumeOf(testServer, start), last!.id)
    const rest = await second.readEvents(2)
    expect(rest.map((delta) => dataOf(delta)['index'])).toEqual([2, 3])
    await testServer.clock.advance(10_000)
    expect(textOf([...first.events, ...(await second.readToEnd()).events])).toBe(ANSWER)
  })

  test('[P3.3] the resume URL is resolved against the response URL', async () => {
    const testServer = await openLocalTestServer({ ...options, delay: 0 })
    const reader = await post(testServer)
    const { events } = await reader.readToEnd()
    const url = new URL(dataOf(events[0])['resume'] as string, reader.response.url)
    expect((await (await resume(url.href)).readToEnd()).events).toEqual(events)
  })

  test('[P3.3] an unknown run leads to a 404, and an id that does not belong to the run to a 400', async () => {
    const testServer = await openLocalTestServer({ ...options, delay: 0 })
    const { events } = await (await post(testServer)).readToEnd()
    const url = resumeOf(testServer, events[0])
    expect((await fetch(`${testServer.url}/api/generate/${crypto.randomUUID()}`)).status).toBe(404)
    expect((await resume(url, 'something')).response.status).toBe(400)
    expect((await resume(url, `${dataOf(events[0])['streamId'] as string}:9999`)).response.status).toBe(400)
  })

  test('[P3.3] a GET of the start path with a Last-Event-ID resumes the run instead of starting another', async () => {
    const testServer = await openLocalTestServer({ ...options, delay: 0 })
    const { events } = await (await post(testServer)).readToEnd()
    const again = `${testServer.url}/api/generate?prompt=${encodeURIComponent(PROMPT)}`
    expect((await (await resume(again, events[1]!.id)).readToEnd()).events).toEqual(events.slice(2))
    expect((await resume(again, events.at(-1)!.id)).response.status).toBe(204)
    expect((await resume(again, `${crypto.randomUUID()}:3`)).response.status).toBe(404)
    expect((await resume(again, 'not an id')).response.status).toBe(404)
    expect(testServer.server.runs).toHaveLength(1)
  })
})

describe('idempotency keys', () => {
  test.each(['GET', 'POST'])(
    '[P3.4] %s: a second request with the same key joins the run, from the start event',
    async (method) => {
      const testServer = await openLocalTestServer(options)
      const start = (): Promise<StreamReader> =>
        method === 'POST'
          ? post(testServer, { key: 'k1' })
          : openStreamReader(`${testServer.url}/api/generate?prompt=${encodeURIComponent(PROMPT)}`, {
              headers: { 'idempotency-key': 'k1' },
            })
      const first = await start()
      await first.readEvents(1)
      await testServer.clock.advance(30)
      await first.readEvents(4)
      const second = await start()
      expect(await second.readEvents(4)).toEqual(first.events)
      await testServer.clock.advance(10_000)
      const finished = (await second.readToEnd()).events
      expect((await first.readToEnd()).events).toEqual(finished)
      expect((await (await start()).readToEnd()).events).toEqual(finished)
      expect(testServer.server.runs).toHaveLength(1)
    },
  )

  test('[P3.4] the same key with a different body gets a 422', async () => {
    const testServer = await openLocalTestServer(options)
    const first = await post(testServer, { key: 'k1' })
    const other = await post(testServer, { key: 'k1', body: { prompt: 'other' } })
    expect(other.response.status).toBe(422)
    first.close()
  })

  test('[P3.4] a key is scoped to its method, path and identity', async () => {
    const testServer = await openLocalTestServer({ ...options, delay: 0, auth: { apiKeys: { a: 'alice', b: 'bob' } } })
    testServer.server.service.addRunEndpoint('/api/other')
    const start = async (init: StartOptions): Promise<unknown> =>
      dataOf((await (await post(testServer, { key: 'k1', ...init })).readToEnd()).events[0])['streamId']
    const get = openStreamReader(`${testServer.url}/api/generate?prompt=x`, {
      headers: { 'idempotency-key': 'k1', 'x-api-key': 'a' },
    })
    const ids = [
      await start({ headers: { 'x-api-key': 'a' } }),
      await start({ headers: { 'x-api-key': 'a' }, path: '/api/other' }),
      await start({ headers: { 'x-api-key': 'b' } }),
      dataOf((await (await get).readToEnd()).events[0])['streamId'],
    ]
    expect(new Set(ids).size).toBe(4)
    expect(await start({ headers: { 'x-api-key': 'a' } })).toBe(ids[0])
  })

  test('[P3.4] requests without a key, or with different keys, start separate runs', async () => {
    const testServer = await openLocalTestServer({ ...options, delay: 0 })
    for (const key of [undefined, undefined, 'k1', 'k2']) await (await post(testServer, key ? { key } : {})).readToEnd()
    expect(testServer.server.runs).toHaveLength(4)
  })

  test.each([
    ['an error status', { scenario: 'status:503,once' }, {}],
    ['a reset without processing', { scenario: 'refuse,once' }, {}],
    ['an invalid body', {}, { body: {} }],
  ])('[P3.4] %s does not consume the key', async (_name, setting, invalid) => {
    const testServer = await openLocalTestServer({ ...options, delay: 0, ...setting })
    const refused = await post(testServer, { key: 'k1', ...invalid }).then(
      ({ response }) => response.status,
      () => 'reset',
    )
    expect(refused).not.toBe(200)
    expect(testServer.server.runs).toEqual([])
    const { events } = await (await post(testServer, { key: 'k1' })).readToEnd()
    expect(textOf(events)).toBe(ANSWER)
  })

  test('[P3.4] if the response was lost, a request with the same key joins the existing run', async () => {
    const testServer = await openLocalTestServer({ ...options, scenario: 'lose-answer,once' })
    await expect(post(testServer, { key: 'k1' })).rejects.toThrow(TypeError)
    expect(testServer.server.runs).toHaveLength(1)
    const events = await readAll(testServer, await post(testServer, { key: 'k1' }))
    expect(textOf(events)).toBe(ANSWER)
    expect(testServer.server.runs).toHaveLength(1)
  })
})

describe('detaching and cancelling', () => {
  test('[P3.5] a run continues after the reader disconnects', async () => {
    const testServer = await openLocalTestServer(options)
    const reader = await post(testServer)
    const [start] = await reader.readEvents(1)
    reader.close()
    await waitUntil(() => testServer.server.runs[0]!.readers === 0)
    await testServer.clock.advance(1_000)
    expect(testServer.server.runs[0]!.state).toBe('finished')
    const { events } = await (await resume(resumeOf(testServer, start))).readToEnd()
    expect(textOf(events)).toBe(ANSWER)
  })

  test('[P3.5] a finished run is kept for the retention period after it ends', async () => {
    const testServer = await openLocalTestServer({ ...options, delay: 0, retention: 5_000 })
    const { events } = await (await post(testServer, { key: 'k1' })).readToEnd()
    const url = resumeOf(testServer, events[0])
    await waitUntil(() => testServer.server.runs[0]!.readers === 0)
    await testServer.clock.advance(4_999)
    expect(testServer.server.runs).toHaveLength(1)
    await testServer.clock.advance(1)
    expect(testServer.server.runs).toHaveLength(0)
    expect((await fetch(url)).status).toBe(404)
    await (await post(testServer, { key: 'k1' })).readToEnd()
    expect(testServer.server.runs).toHaveLength(1)
  })

  test('[P3.5] a finished run is kept for the retention period after the last reader leaves', async () => {
    const testServer = await openLocalTestServer({ ...options, delay: 0, retention: 5_000 })
    const { events } = await (await post(testServer)).readToEnd()
    await waitUntil(() => testServer.server.runs[0]!.readers === 0)
    await testServer.clock.advance(4_000)
    await (await resume(resumeOf(testServer, events[0]))).readToEnd()
    await waitUntil(() => testServer.server.runs[0]!.readers === 0)
    await testServer.clock.advance(4_999)
    expect(testServer.server.runs).toHaveLength(1)
    await testServer.clock.advance(1)
    expect(testServer.server.runs).toHaveLength(0)
  })

  test('[P3.5] an unfinished run without a reader is stopped, while a run with a reader continues', async () => {
    const testServer = await openLocalTestServer({ answers: ['x'.repeat(1_000)], delay: 1_000, abandon: 3_000 })
    const left = await post(testServer)
    const read = await post(testServer)
    const [start] = await left.readEvents(1)
    left.close()
    await waitUntil(() => testServer.server.runs[0]!.readers === 0)
    await testServer.clock.advance(2_999)
    expect(testServer.server.runs[0]!.state).toBe('running')
    await testServer.clock.advance(1)
    expect(testServer.server.runs.map(({ state }) => state)).toEqual(['finished', 'running'])
    const { events } = await (await resume(resumeOf(testServer, start))).readToEnd()
    expect(dataOf(events.at(-1))['finishReason']).toBe('cancelled')
    read.close()
  })

  test('[P3.5] DELETE ends the run for every reader, and a further DELETE gets a 204', async () => {
    const testServer = await openLocalTestServer(options)
    const one = await post(testServer, { key: 'k1' })
    const [start] = await one.readEvents(1)
    const url = resumeOf(testServer, start)
    const other = await resume(url)
    await other.readEvents(1)
    await testServer.clock.advance(20)
    expect((await fetch(url, { method: 'DELETE' })).status).toBe(204)
    for (const reader of [one, other]) {
      const { events } = await reader.readToEnd()
      expect(events.map(({ type }) => type)).toEqual(['start', 'delta', 'delta', 'end'])
      expect(dataOf(events.at(-1))['finishReason']).toBe('cancelled')
    }
    await testServer.clock.advance(1_000)
    expect(testServer.server.runs[0]!.head).toBe(4)
    expect((await fetch(url, { method: 'DELETE' })).status).toBe(204)
  })

  test('[P3.5] DELETE of a finished run does not change the terminal event', async () => {
    const testServer = await openLocalTestServer({ ...options, delay: 0 })
    const { events } = await (await post(testServer)).readToEnd()
    const url = resumeOf(testServer, events[0])
    expect((await fetch(url, { method: 'DELETE' })).status).toBe(204)
    expect((await (await resume(url)).readToEnd()).events).toEqual(events)
  })

  test('[P3.5] DELETE of an unknown run gets a 404', async () => {
    const { url } = await openLocalTestServer()
    expect((await fetch(`${url}/api/generate/${crypto.randomUUID()}`, { method: 'DELETE' })).status).toBe(404)
  })

  const cancelKey = ({ url }: LocalTestServer, key: string): Promise<Response> =>
    fetch(`${url}/api/generate`, { method: 'DELETE', headers: { 'idempotency-key': key } })

  test('[P3.5] DELETE with the idempotency key cancels a run whose `start` event has not arrived', async () => {
    const testServer = await openLocalTestServer({ ...options, scenario: 'lose-answer,once' })
    await expect(post(testServer, { key: 'k1' })).rejects.toThrow(TypeError)
    expect((await cancelKey(testServer, 'k1')).status).toBe(204)
    const { events } = await (await post(testServer, { key: 'k1' })).readToEnd()
    expect(events.map(({ type }) => type)).toEqual(['start', 'end'])
    expect(dataOf(events[1])['finishReason']).toBe('cancelled')
  })

  test('[P3.5] DELETE with the idempotency key cancels a run even if the DELETE overtakes the POST', async () => {
    const testServer = await openLocalTestServer(options)
    expect((await cancelKey(testServer, 'k1')).status).toBe(204)
    const { events } = await (await post(testServer, { key: 'k1' })).readToEnd()
    expect(events.map(({ type }) => type)).toEqual(['start', 'end'])
    expect(dataOf(events[1])['finishReason']).toBe('cancelled')
    const other = await post(testServer, { key: 'k2' })
    expect(textOf(await readAll(testServer, other))).toBe(ANSWER)
  })

  test('[P3.5] a cancelled key is forgotten after the retention period', async () => {
    const testServer = await openLocalTestServer({ ...options, retention: 5_000 })
    await cancelKey(testServer, 'k1')
    await testServer.clock.advance(5_000)
    expect(textOf(await readAll(testServer, await post(testServer, { key: 'k1' })))).toBe(ANSWER)
  })

  test('[P3.5] runs survive a restart that keeps the log, but not one that loses it', async () => {
    const testServer = await openLocalTestServer(options)
    const reader = await post(testServer)
    const [start] = await reader.readEvents(1)
    const url = resumeOf(testServer, start)
    await testServer.server.restart()
    expect((await reader.readToEnd()).error).toBeInstanceOf(TypeError)
    expect(textOf(await readAll(testServer, await resume(url)))).toBe(ANSWER)
    await testServer.server.restart({ log: 'lose' })
    // Use a new connection: fetch would try the connection that the restart has closed.
    const client = openRawClient(url)
    expect(await client.status()).toBe(404)
    client.close()
  })
})

describe('limits', () => {
  test('a run beyond maxRuns replaces the oldest finished run, or gets a 503 if all are running', async () => {
    const testServer = await openLocalTestServer({ ...options, maxRuns: 2 })
    const first = await post(testServer)
    const second = await post(testServer)
    const third = await post(testServer)
    expect(third.response.status).toBe(503)
    expect(third.response.headers.get('retry-after')).toBe('1')
    await readAll(testServer, first)
    await second.readToEnd()
    await waitUntil(() => testServer.server.runs.every(({ readers }) => readers === 0))
    const [oldest] = testServer.server.runs
    await readAll(testServer, await post(testServer))
    expect(testServer.server.runs).toHaveLength(2)
    expect(testServer.server.runs).not.toContain(oldest)
  })
})
