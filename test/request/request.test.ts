/** Requests: the URL, method, headers and body of each attempt. */
import { describe, expect, test, vi } from 'vitest'
import type { ClientOptions } from '../../src/request/options.ts'
import type { SubscribeOptions } from '../../src/request/stream-options.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { createTestClient } from '../support/test-client.ts'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()

/** Subscribes and returns the first attempt. */
const subscribe = async (url: string | URL, options: SubscribeOptions = {}, clientOptions: ClientOptions = {}) => {
  const testClient = createTestClient(clientOptions)
  testClient.client.subscribe(url, options)
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
  ])('%s is resolved against %s to %s', async (url, baseUrl, requested) => {
    const options = baseUrl === undefined ? { baseUrl: undefined as never } : { baseUrl }
    expect((await subscribe(url, {}, options)).request.url).toBe(requested)
  })

  test.each(['about:blank', 'about:srcdoc', 'blob:https://app.test/0a1b', 'data:text/html,x'])(
    'an absolute URL is requested unchanged, even if the location is %s',
    async (href) => {
      vi.stubGlobal('location', { href })
      expect((await subscribe('https://api.test/x?a=1', {}, { baseUrl: undefined as never })).request.url).toBe(
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
  ])('searchParams %o are serialized', async (searchParams, path) => {
    expect((await subscribe('/x', { searchParams })).request.url).toBe(`https://api.test${path}`)
  })

  test('searchParams are appended to the query of the URL', async () => {
    expect((await subscribe('/x?a=1', { searchParams: { b: 2 } })).request.url).toBe('https://api.test/x?a=1&b=2')
  })

  test.each([
    'https://user:pw@api.test/x',
    'https://user@api.test/x',
    'https://:pw@api.test/x',
    '//user:pw@api.test/x',
  ])('[P4.1] credentials in the URL throw a TypeError: %s', (url) =>
    expect(() => createTestClient().client.subscribe(url)).toThrow(TypeError),
  )

  test('[P4.1] credentials in `baseUrl` throw a TypeError', () => {
    expect(() => createTestClient({ baseUrl: 'https://user:pw@api.test' }).client.subscribe('/x')).toThrow(TypeError)
  })

  test.each(['https://', 'https://a b/'])('an invalid URL throws a TypeError immediately: %s', (url) => {
    expect(() => createTestClient().client.subscribe(url)).toThrow(TypeError)
    expect(() => createTestClient().client.stream(url)).toThrow(TypeError)
  })
})

describe('method and body', () => {
  test('the default is a GET request without a body', async () => {
    const { request } = await subscribe('/x')
    expect(request).toMatchObject({ method: 'GET' })
    expect(request.body).toBeUndefined()
  })

  test('json is sent as the text body of a POST with the JSON content type', async () => {
    const { request, headers } = await subscribe('/x', { json: { prompt: '你好' } })
    expect(request).toMatchObject({ method: 'POST', body: '{"prompt":"你好"}' })
    expect(headers['content-type']).toBe('application/json')
  })

  test.each([null, 0, false, ''])('json may be %j', async (json) => {
    expect((await subscribe('/x', { json })).request).toMatchObject({ method: 'POST', body: JSON.stringify(json) })
  })

  test('the method and the content type can be overridden', async () => {
    const { request, headers } = await subscribe('/x', {
      json: {},
      method: 'put',
      headers: { 'Content-Type': 'application/x+json' },
    })
    expect(request.method).toBe('PUT')
    expect(headers['content-type']).toBe('application/x+json')
  })

  test('text and byte bodies are passed unchanged', async () => {
    const bytes = new TextEncoder().encode('abc')
    expect((await subscribe('/x', { body: 'abc' })).request).toMatchObject({ method: 'POST', body: 'abc' })
    expect((await subscribe('/x', { body: bytes })).request.body).toBe(bytes)
  })

  test('bodies of other types are passed to fetch through init', async () => {
    const body = new FormData()
    const { request } = await subscribe('/x', { body })
    expect(request.body).toBeUndefined()
    expect(request.init?.body).toBe(body)
  })

  test('a body that can be read only once throws a TypeError immediately', () => {
    expect(() => createTestClient().client.subscribe('/x', { body: new ReadableStream() as never })).toThrow(TypeError)
    expect(() => createTestClient().client.stream('/x', { body: new ReadableStream() as never })).toThrow(TypeError)
  })

  test.each(['GET', 'get', 'HEAD'])('a body with method %s throws a TypeError immediately', (method) => {
    for (const options of [
      { method, json: {} },
      { method, body: 'q' },
    ]) {
      expect(() => createTestClient().client.subscribe('/x', options)).toThrow(TypeError)
      expect(() => createTestClient().client.stream('/x', options)).toThrow(TypeError)
    }
  })

  test('json that cannot be serialized throws a TypeError immediately', () => {
    expect(() => createTestClient().client.stream('/x', { json: { big: 1n } })).toThrow(TypeError)
  })
})

describe('other options', () => {
  test('fetch options are passed through', async () => {
    const { request } = await subscribe('/x', { credentials: 'include', priority: 'high' }, { scope: 'tab' })
    expect(request.init).toMatchObject({ credentials: 'include', priority: 'high' })
    expect(request.scope).toBe('tab')
  })

  test('`maxEventSize` is 16 MiB by default and can be set for a client or a stream', async () => {
    expect((await subscribe('/x')).request.maxEventSize).toBe(16 * 1024 * 1024)
    expect((await subscribe('/x', {}, { maxEventSize: 10 })).request.maxEventSize).toBe(10)
    expect((await subscribe('/x', { maxEventSize: 20 }, { maxEventSize: 10 })).request.maxEventSize).toBe(20)
  })

  test('an undefined option is treated as absent', async () => {
    const options = { maxEventSize: undefined, retry: undefined } as never
    expect((await subscribe('/x', options, { maxEventSize: 10 })).request.maxEventSize).toBe(10)
  })
})

describe('the last event ID', () => {
  /** Subscribes, reconnects after an event with an ID, and returns the network. */
  const reconnect = async (options: SubscribeOptions, clientOptions: ClientOptions = {}) => {
    const testClient = createTestClient(clientOptions)
    testClient.client.subscribe('/x?a=1', options)
    const connection = await testClient.open()
    connection.send({ data: '1', id: 'é 1' })
    connection.end()
    await testClient.clock.advance(1_000)
    return testClient.network
  }

  test('a reconnect sends the last event ID as a header by default', async () => {
    const { attempts } = await reconnect({})
    expect(attempts.map(({ request }) => request.lastEventId || undefined)).toEqual([undefined, 'é 1'])
    expect(attempts[1]!.request.url).toBe('https://api.test/x?a=1')
  })

  test('the lastEventId option is sent with the first request', async () => {
    expect((await subscribe('/x', { lastEventId: '41' })).request.lastEventId).toBe('41')
  })

  test('lastEventId: false sends no last event ID', async () => {
    for (const network of [await reconnect({}, { lastEventId: false }), await reconnect({ lastEventId: false })]) {
      expect(network.last.request.lastEventId).toBeUndefined()
      expect(network.last.request.url).toBe('https://api.test/x?a=1')
    }
  })

  test('a lastEventId function determines the URL of a reconnect', async () => {
    const lastEventId = (url: string, id: string): string => `${url}&after=${encodeURIComponent(id)}`
    for (const network of [await reconnect({}, { lastEventId }), await reconnect({ lastEventId })]) {
      expect(network.attempts[0]!.request.url).toBe('https://api.test/x?a=1')
      expect(network.last.request.url).toBe('https://api.test/x?a=1&after=%C3%A9%201')
      expect(network.last.request.lastEventId).toBeUndefined()
    }
  })
})
