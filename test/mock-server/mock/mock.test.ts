/** The in-process mock: a `fetch` without a socket. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type Mock, type MockOptions, createMock } from '../../../mock-server/mock/mock.ts'
import { flushMicrotasks } from '../../support/flush-microtasks.ts'
import { dataOf, textOf } from '../support/blocks.ts'
import { waitUntil } from '../support/local-test-server.ts'
import { createManualServerClock } from '../support/manual-server-clock.ts'
import { type StreamReader, openStreamReader } from '../support/stream-reader.ts'

const mocks: Mock[] = []
afterEach(() => {
  for (const mock of mocks.splice(0)) mock.close()
})
const create = (options?: MockOptions): Mock => {
  const mock = createMock(options)
  mocks.push(mock)
  return mock
}
const open = (mock: Mock, url: string, init?: RequestInit): Promise<StreamReader> =>
  openStreamReader(url, init, mock.fetch)
const types = (events: readonly { type: string }[]): string[] => events.map(({ type }) => type)

describe('runs', () => {
  test('run() serves a custom text at a custom path, without delay', async () => {
    const mock = create()
    mock.run('/api/chat', { text: '你好 🧑‍🚀' })
    const reader = await open(mock, 'https://api.example.com/api/chat', { method: 'POST', body: '{"prompt":"hi"}' })
    expect(reader.response.url).toBe('https://api.example.com/api/chat')
    expect(reader.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    const { events } = await reader.readToEnd()
    expect(types(events)).toEqual(['start', ...Array.from({ length: 4 }, () => 'delta'), 'end'])
    expect(textOf(events)).toBe('你好 🧑‍🚀')
    expect(dataOf(events[0])['resume']).toMatch(/^\/api\/chat\/[0-9a-f-]{36}$/)
  })

  test('the text of a run may depend on the prompt', async () => {
    const mock = create()
    mock.run('/echo', { text: (prompt) => prompt.toUpperCase() })
    expect(textOf((await (await open(mock, '/echo?prompt=hi')).readToEnd()).events)).toBe('HI')
  })

  test('/api/generate exists by default', async () => {
    const mock = create({ answers: ['ready'] })
    expect(textOf((await (await open(mock, '/api/generate?prompt=x')).readToEnd()).events)).toBe('ready')
  })

  test('a fault passed to run() affects only that path, and the run can be resumed', async () => {
    const mock = create()
    mock.run('/api/chat', { text: '0123456789', fault: 'reset-after:4' })
    mock.run('/api/other', { text: 'fine' })
    const first = await (await open(mock, '/api/chat?prompt=x')).readToEnd()
    expect(first.error).toBeInstanceOf(TypeError)
    expect(first.events).toHaveLength(4)
    const events = [...first.events]
    const resume = dataOf(events[0])['resume'] as string
    while (events.at(-1)!.type !== 'end') {
      events.push(
        ...(await (await open(mock, resume, { headers: { 'last-event-id': events.at(-1)!.id! } })).readToEnd()).events,
      )
    }
    expect(textOf(events)).toBe('0123456789')
    expect(textOf((await (await open(mock, '/api/other?prompt=x')).readToEnd()).events)).toBe('fine')
  })

  test('an invalid fault is rejected immediately', () => {
    expect(() => create().run('/x', { fault: 'explode' })).toThrow(TypeError)
    expect(() => create({ scenario: 'explode' })).toThrow(TypeError)
  })

  test('DELETE cancels a run', async () => {
    const clock = createManualServerClock()
    const mock = create({ clock, delay: 10 })
    const reader = await open(mock, '/api/generate?prompt=x')
    const [start] = await reader.readEvents(1)
    expect((await mock.fetch(dataOf(start)['resume'] as string, { method: 'DELETE' })).status).toBe(204)
    const { events } = await reader.readToEnd()
    expect(dataOf(events.at(-1))['finishReason']).toBe('cancelled')
    expect(mock.runs[0]!.state).toBe('finished')
  })
})

describe('feeds', () => {
  test('a feed at a custom path sends events and replays those missed after drop()', async () => {
    const mock = create()
    const feed = mock.feed('/prices')
    const reader = await open(mock, '/prices')
    await reader.readEvents(1)
    feed.send({ type: 'price', data: { value: 1 } })
    const [, price] = await reader.readEvents(2)
    expect(price).toMatchObject({ type: 'price', data: '{"value":1}' })
    expect(feed.clients).toHaveLength(1)
    feed.drop()
    expect((await reader.readToEnd()).error).toBeInstanceOf(TypeError)
    expect(feed.clients).toHaveLength(0)
    feed.send({ type: 'price', data: { value: 2 } })
    const again = await open(mock, '/prices', { headers: { 'last-event-id': price!.id! } })
    expect((await again.readEvents(2))[1]!.data).toBe('{"value":2}')
    again.close()
  })

  test('feeds are independent of one another', async () => {
    const mock = create()
    const one = await open(mock, '/one').catch(() => undefined)
    expect(one!.response.status).toBe(404)
    mock.feed('/one').send({ data: 1 })
    mock.feed('/two')
    const two = await open(mock, '/two')
    await two.readEvents(1)
    mock.feed('/two').send({ data: 2 })
    expect((await two.readEvents(2))[1]!.data).toBe('2')
    two.close()
  })

  test('clearHistory makes event ids unknown, and close makes the feed respond with 204', async () => {
    const mock = create()
    const id = mock.feed().send({ data: 1 })
    mock.feed().clearHistory()
    const reader = await open(mock, '/api/stream', { headers: { 'last-event-id': id } })
    expect((await reader.readEvents(2))[1]).toMatchObject({ type: 'reset', data: '{"reason":"unknown"}' })
    mock.feed().close()
    expect((await reader.readToEnd()).error).toBeUndefined()
    expect((await mock.fetch('/api/stream')).status).toBe(204)
  })
})

describe('requests', () => {
  test('requests are recorded with method, headers and body', async () => {
    const mock = create()
    await mock.fetch('/api/generate', { method: 'POST', body: '{"prompt":"hi"}', headers: { 'idempotency-key': 'k' } })
    await mock.fetch('/nowhere')
    await mock.fetch(new URL('http://other.test/api/generate?prompt=x'))
    await mock.fetch(new Request('http://other.test/api/generate?prompt=y'))
    expect(mock.requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'POST http://localhost/api/generate',
      'GET http://localhost/nowhere',
      'GET http://other.test/api/generate?prompt=x',
      'GET http://other.test/api/generate?prompt=y',
    ])
    expect(mock.requests[0]!.headers.get('idempotency-key')).toBe('k')
    expect(await mock.requests[0]!.json()).toEqual({ prompt: 'hi' })
  })
})

describe('faults without a socket', () => {
  test.each([
    ['reset-after:2', 2],
    ['truncate-after:2,cut-at:boundary', 2],
    ['truncate-after:2,short-length', 2],
    ['truncate-after:2,encoding:gzip', 2],
    ['reset-after:0,cut-at:boundary', 0],
  ])('[F1] [F2] [F9] %s: the body fails after the events before the cut', async (fault, count) => {
    const { events, error } = await (await open(create(), `/api/generate?prompt=x&fault=${fault}`)).readToEnd()
    expect(error).toBeInstanceOf(TypeError)
    expect(events).toHaveLength(count)
  })

  test('[F1] the part of an event before a cut is readable', async () => {
    const reader = await open(
      create({ answers: ['你'] }),
      '/api/generate?prompt=x&fault=reset-after:1,cut-at:last-byte',
    )
    await reader.readToEnd()
    expect(reader.text).toMatch(/data: \{"content":"你","index":0\}\n$/)
  })

  test('[F3] end-after ends the body cleanly', async () => {
    const { events, error } = await (await open(create(), '/api/generate?prompt=x&fault=end-after:2')).readToEnd()
    expect(error).toBeUndefined()
    expect(events).toHaveLength(2)
  })

  test.each(['refuse', 'lose-answer'])('[F18] %s makes fetch reject', async (fault) => {
    const mock = create()
    await expect(mock.fetch(`/api/generate?prompt=x&fault=${fault}`)).rejects.toThrow(TypeError)
    expect(mock.runs).toHaveLength(fault === 'refuse' ? 0 : 1)
  })

  test('[F6] hang keeps fetch pending until the request is aborted', async () => {
    const mock = create()
    const controller = new AbortController()
    let settled = false
    const pending = mock.fetch('/api/stream?fault=hang', { signal: controller.signal }).finally(() => (settled = true))
    await new Promise((resolve) => setImmediate(resolve))
    expect(settled).toBe(false)
    controller.abort(new Error('aborted by the test'))
    await expect(pending).rejects.toThrow('aborted by the test')
  })

  test('[F4] stall-after keeps a read pending until the request is aborted', async () => {
    const mock = create()
    const controller = new AbortController()
    const { body } = await mock.fetch('/api/stream?fault=stall-after:1', { signal: controller.signal })
    const reader = body!.getReader()
    await reader.read()
    const read = reader.read()
    mock.feed().send({ data: 1 })
    let settled = false
    read.catch(() => undefined).finally(() => (settled = true))
    await new Promise((resolve) => setImmediate(resolve))
    expect(settled).toBe(false)
    controller.abort(new Error('aborted by the test'))
    await expect(read).rejects.toThrow('aborted by the test')
    await waitUntil(() => mock.feed().clients.length === 0)
  })

  test('[F12] [F15] [F17] status and retry-after set the response', async () => {
    const mock = create()
    expect((await mock.fetch('/api/stream?fault=status:204')).status).toBe(204)
    const unavailable = await mock.fetch('/api/stream?fault=status:503,retry-after:5')
    expect([unavailable.status, unavailable.headers.get('retry-after')]).toEqual([503, '5'])
  })

  test('[F28] a flood is sent at the pace of the reader', async () => {
    const { body } = await create().fetch('/api/stream?fault=flood:line')
    const reader = body!.getReader()
    for (let size = 0; size < 1024 * 1024;) size += (await reader.read()).value!.length
    await reader.cancel()
  })
})

describe('fetch semantics', () => {
  test('[F13] redirects are followed, and the response has the final URL', async () => {
    const mock = create()
    const response = await mock.fetch('/api/generate?prompt=x&fault=status:302,location:/api/stream')
    expect(response.status).toBe(200)
    expect(response.redirected).toBe(true)
    expect(response.url).toBe('http://localhost/api/stream')
    await response.body!.cancel()
    expect(mock.requests.map(({ url }) => new URL(url).pathname)).toEqual(['/api/generate', '/api/stream'])
  })

  test.each([
    [303, 'GET', ''],
    [302, 'GET', ''],
    [301, 'GET', ''],
    [307, 'POST', '{"prompt":"x"}'],
    [308, 'POST', '{"prompt":"x"}'],
  ])('[F13] %i redirects a POST as a %s', async (status, method, body) => {
    const mock = create()
    await mock.fetch(`/api/generate?fault=status:${status},location:/elsewhere`, {
      method: 'POST',
      body: '{"prompt":"x"}',
    })
    expect(mock.requests[1]!.method).toBe(method)
    expect(await mock.requests[1]!.text()).toBe(body)
  })

  test('the body of a request is read and redirected where requests have no property `body`, as in Firefox', async () => {
    vi.spyOn(Request.prototype, 'body', 'get').mockReturnValue(undefined as unknown as null)
    const mock = create()
    mock.run('/old', { fault: { status: 307, location: '/new' } })
    mock.run('/new', { text: (prompt) => prompt.toUpperCase() })
    const reader = await open(mock, '/old', { method: 'POST', body: '{"prompt":"hi"}' })
    expect(textOf((await reader.readToEnd()).events)).toBe('HI')
  })

  test('[F13] fetch rejects on a redirect loop, and supports the redirect modes error and manual', async () => {
    const mock = create({ scenario: { status: 307, location: '/api/stream' } })
    await expect(mock.fetch('/api/stream')).rejects.toThrow(TypeError)
    expect(mock.requests).toHaveLength(21)
    await expect(mock.fetch('/api/stream', { redirect: 'error' })).rejects.toThrow(TypeError)
    expect((await mock.fetch('/api/stream', { redirect: 'manual' })).status).toBe(307)
  })

  test('an abort before the request or while the body is read rejects with the abort reason', async () => {
    const mock = create()
    const reason = new Error('aborted by the test')
    await expect(mock.fetch('/api/stream', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const controller = new AbortController()
    const { body } = await mock.fetch('/api/stream', { signal: controller.signal })
    const reader = body!.getReader()
    await reader.read()
    const pending = reader.read()
    controller.abort(reason)
    await expect(pending).rejects.toBe(reason)
    await expect(reader.read()).rejects.toBe(reason)
    await waitUntil(() => mock.feed().clients.length === 0)
  })

  test('cancelling the body closes the stream', async () => {
    const mock = create()
    const { body } = await mock.fetch('/api/stream')
    const reader = body!.getReader()
    await reader.read()
    expect(mock.feed().clients).toHaveLength(1)
    await reader.cancel()
    expect(mock.feed().clients).toHaveLength(0)
  })

  test('[F46] the mock does not read ahead of the reader', async () => {
    const mock = create({ history: 1 })
    const { body } = await mock.fetch('/api/stream')
    const reader = body!.getReader()
    await reader.read()
    mock.feed().send({ data: 1 })
    await flushMicrotasks()
    expect(mock.feed().clients).toHaveLength(1)
    mock.feed().send({ data: 2 })
    // The reader has fallen behind a history of one event, so its stream is cut, as it would be over a real socket.
    await expect(reader.read()).rejects.toThrow(TypeError)
    expect(mock.feed().clients).toHaveLength(0)
  })
})

describe('time', () => {
  test('fake timers drive deltas, heartbeats and retention', async () => {
    vi.useFakeTimers()
    try {
      const mock = create({ delay: 100, heartbeat: 1_000, answers: ['abc'] })
      const run = await open(mock, '/api/generate?prompt=x')
      const feed = await open(mock, '/api/stream')
      await run.readEvents(1)
      await feed.readEvents(1)
      const heartbeat = feed.readUntil(': heartbeat\n\n')
      await vi.advanceTimersByTimeAsync(200)
      expect(mock.runs[0]!.text).toBe('ab')
      await vi.advanceTimersByTimeAsync(800)
      await heartbeat
      expect(textOf((await run.readToEnd()).events)).toBe('abc')
      await vi.advanceTimersByTimeAsync(60_000)
      expect(mock.runs).toEqual([])
      feed.close()
    } finally {
      vi.useRealTimers()
    }
  })
})

test('close ends every stream and leaves no timer', async () => {
  const clock = createManualServerClock()
  const mock = createMock({ clock, delay: 10 })
  const feed = await open(mock, '/api/stream')
  const run = await open(mock, '/api/generate?prompt=x')
  await Promise.all([feed.readEvents(1), run.readEvents(1)])
  mock.close()
  expect((await feed.readToEnd()).error).toBeUndefined()
  expect((await run.readToEnd()).error).toBeUndefined()
  expect(clock.pendingDelays).toEqual([])
})

test('the mock imports nothing from Node', async () => {
  const { readFile } = await import('node:fs/promises')
  const { dirname, join } = await import('node:path')
  const seen = new Set<string>()
  const follow = async (file: string): Promise<void> => {
    if (seen.has(file)) return
    seen.add(file)
    const source = await readFile(file, 'utf8')
    for (const [, specifier] of source.matchAll(/(?:from|import) '([^']+)'/g)) {
      expect(specifier, file).toMatch(/^\./)
      await follow(join(dirname(file), specifier!))
    }
  }
  await follow('mock-server/mock.ts')
  expect(seen.size).toBeGreaterThan(20)
})
