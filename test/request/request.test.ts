/** What is asked for: URL, method, headers and body of each attempt. */
import { describe, expect, test, vi } from 'vitest'
import type { SubscribeOptions, ClientOptions } from '../../src/request/options.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { createTestClient } from '../support/test-client.ts'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()

/** The first request of a feed. */
const ask = async (url: string | URL, own: SubscribeOptions = {}, client: ClientOptions = {}) => {
  const testClient = createTestClient(client)
  testClient.client.subscribe(url, own)
  await flushMicrotasks()
  return testClient.network.last
}

describe('URL', () => {
  test.each<[url: string | URL, baseUrl: string | URL | undefined, requested: string]>([
    ['/api/stream', 'https://api.test', 'https://api.test/api/stream'],
    ['stream', 'https://api.test/v1/', 'https://api.test/v1/stream'],
    ['/stream', 'https://api.test/v1/', 'https://api.test/stream'],
    ['?a=1', 'https://api.test/v1', 'https://api.test/v1?a=1'],
    ['https://other.test/x', 'https://api.test', 'https://other.test/x'],
    [new URL('https://other.test/x'), undefined, 'https://other.test/x'],
    ['/x', new URL('https://api.test/v1/'), 'https://api.test/x'],
    ['/api/stream?a=1', undefined, '/api/stream?a=1'],
    ['/x#part', 'https://api.test', 'https://api.test/x'],
    ['/日本', 'https://api.test', 'https://api.test/%E6%97%A5%E6%9C%AC'],
  ])('%s from %s is %s', async (url, baseUrl, requested) => {
    const options = baseUrl === undefined ? { baseUrl: undefined as never } : { baseUrl }
    expect((await ask(url, {}, options)).request.url).toBe(requested)
  })

  test.each(['about:blank', 'about:srcdoc', 'blob:https://app.test/0a1b', 'data:text/html,x'])(
    'an absolute one needs nothing of where it is asked from: %s',
    async (href) => {
      vi.stubGlobal('location', { href })
      expect((await ask('https://api.test/x?a=1', {}, { baseUrl: undefined as never })).request.url).toBe(
        'https://api.test/x?a=1',
      )
    },
  )

  test.each<[NonNullable<SubscribeOptions['searchParams']>, string]>([
    [{ room: 'a b', limit: 3, live: true }, '/x?room=a+b&limit=3&live=true'],
    [
      new URLSearchParams([
        ['a', '1'],
        ['a', '2'],
      ]),
      '/x?a=1&a=2',
    ],
    ['a=1&b=2', '/x?a=1&b=2'],
    ['?a=1', '/x?a=1'],
  ])('searchParams %o', async (searchParams, path) => {
    expect((await ask('/x', { searchParams })).request.url).toBe(`https://api.test${path}`)
  })

  test('searchParams are added to what the URL has', async () => {
    expect((await ask('/x?a=1', { searchParams: { b: 2 } })).request.url).toBe('https://api.test/x?a=1&b=2')
  })

  test.each([
    'https://user:pw@api.test/x',
    'https://user@api.test/x',
    'https://:pw@api.test/x',
    '//user:pw@api.test/x',
  ])('[P4.1] credentials in it are a mistake: %s', (url) =>
    expect(() => createTestClient().client.subscribe(url)).toThrow(TypeError),
  )

  test('[P4.1] nor in `baseUrl`', () => {
    expect(() => createTestClient({ baseUrl: 'https://user:pw@api.test' }).client.subscribe('/x')).toThrow(TypeError)
  })

  test.each(['https://', 'https://a b/'])('what is none is a mistake, told at once: %s', (url) => {
    expect(() => createTestClient().client.subscribe(url)).toThrow(TypeError)
    expect(() => createTestClient().client.stream(url)).toThrow(TypeError)
  })
})

describe('method and body', () => {
  test('GET, without a body, by default', async () => {
    const { request } = await ask('/x')
    expect(request).toMatchObject({ method: 'GET' })
    expect(request.body).toBeUndefined()
  })

  test('json: POST, with its content type, as text that can be sent again', async () => {
    const { request, headers } = await ask('/x', { json: { prompt: '你好' } })
    expect(request).toMatchObject({ method: 'POST', body: '{"prompt":"你好"}' })
    expect(headers['content-type']).toBe('application/json')
  })

  test.each([null, 0, false, ''])('json may be %j', async (json) => {
    expect((await ask('/x', { json })).request).toMatchObject({ method: 'POST', body: JSON.stringify(json) })
  })

  test('method and content type can be said otherwise', async () => {
    const { request, headers } = await ask('/x', {
      json: {},
      method: 'put',
      headers: { 'Content-Type': 'application/x+json' },
    })
    expect(request.method).toBe('PUT')
    expect(headers['content-type']).toBe('application/x+json')
  })

  test('bodies that are text or bytes are passed as they are', async () => {
    const bytes = new TextEncoder().encode('abc')
    expect((await ask('/x', { body: 'abc' })).request).toMatchObject({ method: 'POST', body: 'abc' })
    expect((await ask('/x', { body: bytes })).request.body).toBe(bytes)
  })

  test('other bodies are left to fetch', async () => {
    const body = new FormData()
    const { request } = await ask('/x', { body })
    expect(request.body).toBeUndefined()
    expect(request.init?.body).toBe(body)
  })

  test('a body that can be read only once is a mistake, told at once', () => {
    expect(() => createTestClient().client.subscribe('/x', { body: new ReadableStream() as never })).toThrow(TypeError)
    expect(() => createTestClient().client.stream('/x', { body: new ReadableStream() as never })).toThrow(TypeError)
  })

  test.each(['GET', 'get', 'HEAD'])('nor can %s have one: told at once', (method) => {
    for (const own of [
      { method, json: {} },
      { method, body: 'q' },
    ]) {
      expect(() => createTestClient().client.subscribe('/x', own)).toThrow(TypeError)
      expect(() => createTestClient().client.stream('/x', own)).toThrow(TypeError)
    }
  })

  test('json that is none is a mistake, told at once', () => {
    expect(() => createTestClient().client.stream('/x', { json: { big: 1n } })).toThrow(TypeError)
  })
})

describe('the rest', () => {
  test("fetch's own options pass through", async () => {
    const { request } = await ask('/x', { credentials: 'include', priority: 'high' }, { scope: 'tab' })
    expect(request.init).toMatchObject({ credentials: 'include', priority: 'high' })
    expect(request.scope).toBe('tab')
  })

  test('`maxEventSize` is 16 MiB unless it is set, for the client or the stream', async () => {
    expect((await ask('/x')).request.maxEventSize).toBe(16 * 1024 * 1024)
    expect((await ask('/x', {}, { maxEventSize: 10 })).request.maxEventSize).toBe(10)
    expect((await ask('/x', { maxEventSize: 20 }, { maxEventSize: 10 })).request.maxEventSize).toBe(20)
  })

  test('`undefined` is as good as absent', async () => {
    const own = { maxEventSize: undefined, retry: undefined } as never
    expect((await ask('/x', own, { maxEventSize: 10 })).request.maxEventSize).toBe(10)
  })
})

describe('the last event ID', () => {
  /** The second request, after an event with an id. */
  const askAgain = async (own: SubscribeOptions, client: ClientOptions = {}) => {
    const testClient = createTestClient(client)
    testClient.client.subscribe('/x?a=1', own)
    const connection = await testClient.open()
    connection.send({ data: '1', id: 'é 1' })
    connection.end()
    await testClient.clock.advance(1_000)
    return testClient.network
  }

  test('is sent as header by default, on reconnecting', async () => {
    const { attempts } = await askAgain({})
    expect(attempts.map(({ request }) => request.lastEventId || undefined)).toEqual([undefined, 'é 1'])
    expect(attempts[1]!.request.url).toBe('https://api.test/x?a=1')
  })

  test('a feed can begin after one', async () => {
    expect((await ask('/x', { lastEventId: '41' })).request.lastEventId).toBe('41')
  })

  test('not at all, where the client or the stream says so', async () => {
    for (const network of [await askAgain({}, { lastEventId: false }), await askAgain({ lastEventId: false })]) {
      expect(network.last.request.lastEventId).toBeUndefined()
      expect(network.last.request.url).toBe('https://api.test/x?a=1')
    }
  })

  test("in a URL of the user's", async () => {
    const lastEventId = (url: string, id: string): string => `${url}&after=${encodeURIComponent(id)}`
    for (const network of [await askAgain({}, { lastEventId }), await askAgain({ lastEventId })]) {
      expect(network.attempts[0]!.request.url).toBe('https://api.test/x?a=1')
      expect(network.last.request.url).toBe('https://api.test/x?a=1&after=%C3%A9%201')
      expect(network.last.request.lastEventId).toBeUndefined()
    }
  })
})
