/** Tests of section 1 of PROTOCOL.md (responses), through both faces of the server. */
import { brotliDecompressSync, constants, gunzipSync } from 'node:zlib'
import { describe, expect, test, vi } from 'vitest'
import { HttpError } from '../../../server/http/problem.ts'
import type { Identity } from '../../../server/http/identity.ts'
import type { ToNodeOptions } from '../../../server/node/to-node.ts'
import type { ServerOptions } from '../../../server/service/create-server.ts'
import { dataOf } from '../../mock-server/support/blocks.ts'
import { waitUntil } from '../../mock-server/support/local-test-server.ts'
import { openRawClient } from '../../mock-server/support/raw-client.ts'
import { type Face, createTestServer, faces, listen, mount } from '../support/faces.ts'

const PATH = '/feed'

async function openFeed(face: Face, options: ServerOptions<Identity> = {}, nodeOptions?: ToNodeOptions) {
  const { server, clock } = createTestServer(options)
  const feed = server.feed<{ tick: unknown }>('ticks')
  const mounted = await mount(face, { [PATH]: feed.handler }, nodeOptions)
  return { server, clock, feed, ...mounted }
}

describe.each(faces)('%s', (face) => {
  test('[P1.1] a feed responds with an event stream that proxies do not buffer', async () => {
    const { open } = await openFeed(face)
    const reader = await open(PATH)
    const { headers, status } = reader.response
    expect(status).toBe(200)
    expect(headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(headers.get('cache-control')).toBe('no-cache, no-transform')
    expect(headers.get('x-accel-buffering')).toBe('no')
    expect(headers.get('vary')).toBe('Origin, Accept-Encoding')
    await reader.readUntil(': open\n\n')
    expect(reader.text.startsWith(': open\n\n')).toBe(true)
    reader.close()
  })

  test('[P1.3] a heartbeat is sent after an interval of silence, not before', async () => {
    const { open, feed, clock } = await openFeed(face, { heartbeat: 1_000 })
    const reader = await open(PATH)
    const [connected] = await reader.readEvents(1)
    expect(dataOf(connected)['heartbeat']).toBe(1_000)
    await clock.advance(600)
    await feed.send('tick', 'speaks')
    await reader.readEvents(2)
    await clock.advance(999)
    await feed.send('tick', 'still')
    await reader.readEvents(3)
    expect(reader.text).not.toContain('heartbeat\n\n')
    await clock.advance(1_000)
    await reader.readUntil(': heartbeat\n\n')
    await clock.advance(1_000)
    await reader.readUntil(': heartbeat\n\n: heartbeat\n\n')
    reader.close()
  })

  test('[P1.3] the default interval is 30 seconds', async () => {
    const { open } = await openFeed(face)
    const reader = await open(PATH)
    expect(dataOf((await reader.readEvents(1))[0])['heartbeat']).toBe(30_000)
    reader.close()
  })

  test('[P1.3] disabled heartbeats are neither announced nor sent', async () => {
    const { open, feed, clock } = await openFeed(face, { heartbeat: 0 })
    const reader = await open(PATH)
    expect(dataOf((await reader.readEvents(1))[0])).not.toHaveProperty('heartbeat')
    await clock.advance(3_600_000)
    await feed.send('tick', 1)
    await reader.readEvents(2)
    expect(reader.text).not.toContain('heartbeat\n\n')
    reader.close()
  })

  test.each([
    ['a wrong method', 405, { method: 'POST' }, {}, { allow: 'GET, OPTIONS' }],
    ['an identity that is not known', 401, {}, { authenticate: () => undefined }, { 'www-authenticate': /^Bearer / }],
    [
      'an expired token',
      401,
      {},
      {
        authenticate: () => {
          const challenge = 'Bearer realm="shop", error="invalid_token"'
          throw new HttpError(401, 'The token has expired.', { 'www-authenticate': challenge })
        },
      },
      { 'www-authenticate': 'Bearer realm="shop", error="invalid_token"' },
    ],
    [
      'a refusal by the application',
      418,
      {},
      {
        authenticate: () => {
          throw new HttpError(418, 'Only short and stout clients are served.', { 'x-pot': 'tea' })
        },
      },
      { 'x-pot': 'tea' },
    ],
    [
      'an exception',
      500,
      {},
      {
        authenticate: () => {
          throw new Error('secret')
        },
      },
      {},
    ],
  ] as [string, number, RequestInit, ServerOptions<Identity>, Record<string, string | RegExp>][])(
    '[P1.4] [P4.1] %s leads to a %i with a problem document',
    async (_name, status, init, options, headers) => {
      const { fetch } = await openFeed(face, options)
      const response = await fetch(PATH, init)
      expect(response.status).toBe(status)
      expect(response.headers.get('content-type')).toBe('application/problem+json')
      for (const [name, value] of Object.entries(headers)) expect(response.headers.get(name)).toMatch(value)
      const text = await response.text()
      expect(text).not.toContain('secret')
      expect(JSON.parse(text)).toEqual({
        type: 'about:blank',
        title: expect.any(String),
        status,
        detail: expect.any(String),
      })
    },
  )

  test('[P1.4] a 503 of a closing server and a 429 carry Retry-After', async () => {
    const { fetch, open, server } = await openFeed(face, {
      authenticate: () => ({ subject: 'ann' }),
      limits: { streams: 1 },
    })
    const reader = await open(PATH)
    await reader.readEvents(1)
    const second = await fetch(PATH)
    expect([second.status, second.headers.get('retry-after')]).toEqual([429, '1'])
    reader.close()
    let third = await fetch(PATH)
    // The server learns of the disconnection later than the client.
    while (third.status === 429) third = await fetch(PATH)
    expect(third.status).toBe(200)
    await server.close()
    const late = await fetch(PATH)
    expect([late.status, late.headers.get('retry-after')]).toEqual([503, '1'])
  })

  test('[P1.5] CORS is off by default', async () => {
    const { fetch } = await openFeed(face)
    const { headers, body } = await fetch(PATH, { headers: { origin: 'https://page.example' } })
    expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
    await body!.cancel()
  })

  test('[P1.5] a listed origin may read responses to requests with credentials, also errors', async () => {
    const { fetch } = await openFeed(face, { cors: ['https://other.example', 'https://page.example'] })
    for (const init of [{}, { method: 'POST' }]) {
      const { headers, body } = await fetch(PATH, { ...init, headers: { origin: 'https://page.example' } })
      expect(headers.get('access-control-allow-origin')).toBe('https://page.example')
      expect(headers.get('access-control-allow-credentials')).toBe('true')
      expect(headers.get('access-control-expose-headers')).toBe('Retry-After, WWW-Authenticate')
      await body!.cancel()
    }
    const unlisted = await fetch(PATH, { method: 'POST', headers: { origin: 'https://third.example' } })
    expect(unlisted.headers.get('access-control-allow-origin')).toBeNull()
  })

  test('[P1.5] * allows every origin, but never with credentials', async () => {
    const { fetch } = await openFeed(face, { cors: '*' })
    const { headers, body } = await fetch(PATH, { headers: { origin: 'https://page.example' } })
    expect(headers.get('access-control-allow-origin')).toBe('*')
    expect(headers.get('access-control-allow-credentials')).toBeNull()
    await body!.cancel()
  })

  test('[P1.5] preflight responses allow the methods and headers of the protocol, and may be cached', async () => {
    const { fetch } = await openFeed(face, { cors: 'https://page.example', authenticate: () => undefined })
    const headers = { origin: 'https://page.example', 'access-control-request-method': 'POST' }
    const response = await fetch(PATH, { method: 'OPTIONS', headers })
    expect(response.status).toBe(204)
    expect(response.headers.get('access-control-allow-methods')).toBe('GET, POST, DELETE')
    expect(response.headers.get('access-control-allow-headers')).toBe(
      'Authorization, X-API-Key, Last-Event-ID, Idempotency-Key, Content-Type',
    )
    expect(Number(response.headers.get('access-control-max-age'))).toBeGreaterThan(0)
    expect(response.headers.get('access-control-allow-origin')).toBe('https://page.example')
  })

  test('nothing is logged and nothing is rejected when a reader leaves', async () => {
    const { open, feed } = await openFeed(face)
    const log = vi.spyOn(console, 'error')
    const rejected = vi.fn()
    process.on('unhandledRejection', rejected)
    const reader = await open(PATH)
    await reader.readEvents(1)
    reader.close()
    for (let turn = 0; turn < 20; turn++) {
      await feed.send('tick', turn)
      await new Promise((resolve) => setImmediate(resolve))
    }
    process.off('unhandledRejection', rejected)
    expect(log).not.toHaveBeenCalled()
    expect(rejected).not.toHaveBeenCalled()
  })

  test('[P4.1] a stream ends when the credentials of its reader expire', async () => {
    const expiresAt = Date.UTC(2026, 0, 1) + 5_000
    const { open, clock } = await openFeed(face, { authenticate: () => ({ subject: 'ann', expiresAt }) })
    const reader = await open(PATH)
    await reader.readEvents(1)
    await clock.advance(5_000)
    expect((await reader.readToEnd()).error).toBeUndefined()
  })
})

describe('fetch handlers', () => {
  test('a body whose request is aborted ends without an error', async () => {
    const { server } = createTestServer()
    const feed = server.feed('ticks')
    const controller = new AbortController()
    const response = await feed.handler(new Request('http://app.example/', { signal: controller.signal }))
    const reader = response.body!.getReader()
    await reader.read()
    const next = reader.read()
    controller.abort()
    expect(await next).toMatchObject({ done: true })
  })
})

describe('toNode', () => {
  test('[P1.1] HTTP/1.1 clients get `Connection: keep-alive`, HTTP/1.0 clients do not', async () => {
    const { server } = createTestServer()
    const url = await listen({ [PATH]: server.feed('ticks').handler })
    const client = openRawClient(url + PATH)
    await client.status()
    expect(client.head.toLowerCase()).toContain('connection: keep-alive')
    client.close()
    const old = await import('node:net').then(({ connect }) => connect(Number(new URL(url).port), '127.0.0.1'))
    old.write(`GET ${PATH} HTTP/1.0\r\n\r\n`)
    const head = await new Promise<string>((resolve) => old.once('data', (bytes: Buffer) => resolve(bytes.toString())))
    expect(head.toLowerCase()).not.toContain('connection: keep-alive')
    old.destroy()
  })

  test('[P1.4] a method that a `Request` cannot have gets a 400', async () => {
    const { url } = await openFeed('node')
    const client = openRawClient(url + PATH, { method: 'TRACE' })
    expect(await client.status()).toBe(400)
    client.close()
  })

  test.each(['gzip', 'br'])('[P1.6] with %s, an event never waits in the encoder', async (encoding) => {
    const { url, feed } = await openFeed('node', {}, { compress: true })
    const client = openRawClient(url + PATH, { headers: { 'accept-encoding': encoding } })
    await client.status()
    expect(client.head).toContain(`content-encoding: ${encoding}`)
    const decoded = (): string => {
      const flush =
        encoding === 'br' ? { finishFlush: constants.BROTLI_OPERATION_FLUSH } : { finishFlush: constants.Z_SYNC_FLUSH }
      const { bytes } = client
      return bytes.length === 0 ? '' : String((encoding === 'br' ? brotliDecompressSync : gunzipSync)(bytes, flush))
    }
    await waitUntil(() => decoded().includes('connected'))
    for (let number = 1; number <= 5; number++) {
      await feed.send('tick', number)
      await waitUntil(() => decoded().includes(`data: ${number}\n`))
    }
    client.close()
  })

  test('[P1.6] large and small events survive compression', async () => {
    const { open, feed } = await openFeed('node', {}, { compress: true })
    const data = Array.from({ length: 20_000 }, (_, index) => `${index}:${Math.sin(index)}`).join(' ')
    const readers = await Promise.all(
      ['gzip', 'br', 'identity'].map((encoding) => open(PATH, { headers: { 'accept-encoding': encoding } })),
    )
    await Promise.all(readers.map((reader) => reader.readEvents(1)))
    await feed.send('tick', data)
    await feed.send('tick', 'after')
    for (const reader of readers) {
      const events = await reader.readEvents(3)
      expect(JSON.parse(events[1]!.data!)).toBe(data)
      expect(JSON.parse(events[2]!.data!)).toBe('after')
      reader.close()
    }
  })

  test('[P1.6] a compressed stream ends with the end of its encoding', async () => {
    const { open, server } = await openFeed('node', {}, { compress: true })
    const reader = await open(PATH, { headers: { 'accept-encoding': 'gzip' } })
    await reader.readEvents(1)
    await server.close()
    expect((await reader.readToEnd()).error).toBeUndefined()
  })

  test('[P1.6] nothing is compressed by default', async () => {
    const { url } = await openFeed('node')
    const client = openRawClient(url + PATH, { headers: { 'accept-encoding': 'gzip, br' } })
    await client.waitForText('connected')
    client.close()
  })

  test('a client that reads nothing is cut after drainTimeout, while others get every event', async () => {
    const { server, clock } = createTestServer({ drainTimeout: 5_000 })
    const feed = server.feed('ticks', { retention: { bytes: 64 * 1024 * 1024 } })
    const url = (await listen({ [PATH]: feed.handler })) + PATH
    const stalled = openRawClient(url)
    await stalled.waitForText('connected')
    stalled.socket.pause()
    const other = (await fetch(url)).body!.getReader()
    // More than what the sockets of the operating system hold.
    const padding = 'x'.repeat(100_000)
    for (let count = 0; count < 200; count++) await feed.send('tick', padding)
    for (let received = 0; received < 200 * padding.length;) received += (await other.read()).value!.length
    await clock.advance(5_000)
    stalled.socket.resume()
    expect(await stalled.ended).toBeDefined()
    expect(stalled.isComplete).toBe(false)
    await other.cancel()
  })
})

describe('requests with cookies', () => {
  async function openRuns() {
    const { server } = createTestServer({ cors: 'https://page.example' })
    const { handler } = server.runs({ generate: async function* () {} })
    return async (method: string, headers: Record<string, string>): Promise<number> => {
      const init = { method, headers: { cookie: 'session=1', 'idempotency-key': 'k', ...headers } }
      const { status, body } = await handler(
        new Request('http://app.example/', method === 'POST' ? { ...init, body: '1' } : init),
      )
      await body?.cancel()
      return status
    }
  }

  test.each(['POST', 'DELETE'])('%s needs an origin that is allowed', async (method) => {
    const statusOf = await openRuns()
    const success = method === 'POST' ? 200 : 204
    expect(await statusOf(method, {})).toBe(403)
    expect(await statusOf(method, { origin: 'https://evil.example' })).toBe(403)
    expect(await statusOf(method, { origin: 'null' })).toBe(403)
    expect(await statusOf(method, { 'sec-fetch-site': 'cross-site' })).toBe(403)
    expect(await statusOf(method, { origin: 'https://page.example' })).toBe(success)
    expect(await statusOf(method, { origin: 'https://app.example' })).toBe(success)
    expect(await statusOf(method, { 'sec-fetch-site': 'same-origin' })).toBe(success)
  })

  test('GET, which may start a run, is refused only if it comes from elsewhere', async () => {
    const statusOf = await openRuns()
    expect(await statusOf('GET', {})).toBe(200)
    expect(await statusOf('GET', { origin: 'https://page.example' })).toBe(200)
    expect(await statusOf('GET', { origin: 'https://evil.example' })).toBe(403)
    expect(await statusOf('GET', { 'sec-fetch-site': 'cross-site' })).toBe(403)
  })
})
