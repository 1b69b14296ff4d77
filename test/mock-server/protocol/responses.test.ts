/** PROTOCOL.md, section 1, on a socket. */
import { brotliDecompressSync, constants, gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { dataOf } from '../support/blocks.ts'
import { openRawClient } from '../support/raw-client.ts'
import { openStreamReader } from '../support/stream-reader.ts'
import { waitUntil, openLocalTestServer } from '../support/local-test-server.ts'

const streams = ['/api/stream', '/api/generate?prompt=hi']

describe('heads', () => {
  test.each(streams)('[P1.1] %s answers as an event stream that nobody buffers', async (path) => {
    const { url } = await openLocalTestServer()
    const client = openRawClient(url + path)
    expect(await client.status()).toBe(200)
    for (const line of [
      'content-type: text/event-stream; charset=utf-8',
      'cache-control: no-cache, no-transform',
      'x-accel-buffering: no',
      'connection: keep-alive',
      'vary: Origin, Accept-Encoding',
    ]) {
      expect(client.head.split('\r\n')).toContain(line)
    }
    client.close()
  })

  test.each(streams)('[P1.1] %s flushes the head and a comment, though nothing else comes', async (path) => {
    const { url } = await openLocalTestServer({ scenario: 'quiet-after:0' })
    const client = openRawClient(url + path)
    await client.waitForText(': open\n\n')
    expect(client.text).toBe(': open\n\n')
    client.close()
  })

  test('[P1.1] an HTTP/1.0 client is not told to keep the connection', async () => {
    const { url, server } = await openLocalTestServer()
    const client = openRawClient(`${url}/api/stream`)
    client.close()
    await waitUntil(() => server.clients.length === 0)
    const old = await import('node:net').then(({ connect }) => connect(server.port, '127.0.0.1'))
    old.write('GET /api/stream HTTP/1.0\r\n\r\n')
    const head = await new Promise<string>((resolve) => old.once('data', (bytes: Buffer) => resolve(bytes.toString())))
    expect(head.toLowerCase()).not.toContain('connection: keep-alive')
    old.destroy()
  })
})

describe('heartbeats', () => {
  test.each(streams)('[P1.3] %s announces the interval in its first event', async (path) => {
    const { url } = await openLocalTestServer({ heartbeat: 12_345 })
    const reader = await openStreamReader(url + path)
    expect(dataOf((await reader.readEvents(1))[0])['heartbeat']).toBe(12_345)
    reader.close()
  })

  test('[P1.3] the default is 30 seconds', async () => {
    const { url } = await openLocalTestServer()
    const reader = await openStreamReader(`${url}/api/stream`)
    expect(dataOf((await reader.readEvents(1))[0])['heartbeat']).toBe(30_000)
    reader.close()
  })

  test('[P1.3] a comment comes whenever nothing was sent for the interval, and not before', async () => {
    const { url, server, clock } = await openLocalTestServer({ heartbeat: 1_000 })
    const reader = await openStreamReader(`${url}/api/stream`)
    await reader.readEvents(1)
    await clock.advance(600)
    server.broadcast({ data: 'speaks' })
    await reader.readEvents(2)
    await clock.advance(999)
    server.broadcast({ data: 'still' })
    await reader.readEvents(3)
    expect(reader.text).not.toContain('heartbeat\n\n')
    await clock.advance(1_000)
    await reader.readUntil(': heartbeat\n\n')
    await clock.advance(1_000)
    await reader.readUntil(': heartbeat\n\n: heartbeat\n\n')
    reader.close()
  })

  test('[P1.3] without heartbeats none is announced and none is sent', async () => {
    const { url, server, clock } = await openLocalTestServer({ heartbeat: 0 })
    const reader = await openStreamReader(`${url}/api/stream`)
    expect(dataOf((await reader.readEvents(1))[0])).not.toHaveProperty('heartbeat')
    await clock.advance(3_600_000)
    server.broadcast({ data: 1 })
    await reader.readEvents(2)
    expect(reader.blocks.filter(({ comment }) => comment === 'heartbeat')).toEqual([])
    reader.close()
  })
})

describe('refusals', () => {
  const cases: [string, number, string, RequestInit, Record<string, string>][] = [
    ['what is not there', 404, '/nowhere', {}, {}],
    ['a wrong method', 405, '/api/stream', { method: 'POST' }, { allow: 'GET, OPTIONS' }],
    ['another wrong method', 405, '/api/generate', { method: 'PUT' }, { allow: 'GET, POST, DELETE, OPTIONS' }],
    ['HEAD', 405, '/api/stream', { method: 'PATCH' }, { allow: 'GET, OPTIONS' }],
    ['a body that is not JSON', 400, '/api/generate', { method: 'POST', body: 'prompt=1' }, {}],
    ['a body that is no object', 400, '/api/generate', { method: 'POST', body: '[]' }, {}],
    ['a body without a prompt', 400, '/api/generate', { method: 'POST', body: '{}' }, {}],
    ['a query without a prompt', 400, '/api/generate', {}, {}],
    ['a body that is not UTF-8', 400, '/api/generate', { method: 'POST', body: new Uint8Array([0xff, 0xfe]) }, {}],
    ['a broadcast without data', 400, '/api/broadcast', { method: 'POST', body: '{"type":"x"}' }, {}],
    [
      'a broadcast with a type that is no text',
      400,
      '/api/broadcast',
      { method: 'POST', body: '{"type":1,"data":1}' },
      {},
    ],
    ['a DELETE without a key', 400, '/api/generate', { method: 'DELETE' }, {}],
    ['a fault that there is not', 400, '/api/stream?fault=explode', {}, {}],
    ['too many requests', 429, '/api/stream?fault=status:429', {}, { 'retry-after': '1' }],
    ['unavailable', 503, '/api/stream?fault=status:503,retry-after:7', {}, { 'retry-after': '7' }],
    [
      'nobody',
      401,
      '/api/stream?fault=status:401',
      {},
      { 'www-authenticate': expect.stringContaining('error="invalid_token"') },
    ],
  ]
  test.each(cases)('[P1.4] %s: %i, a problem document', async (_what, status, path, init, headers) => {
    const { url } = await openLocalTestServer()
    const response = await fetch(url + path, init)
    expect(response.status).toBe(status)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    for (const [name, value] of Object.entries(headers)) expect(response.headers.get(name)).toEqual(value)
    const problem = (await response.json()) as Record<string, unknown>
    expect(problem).toEqual({ type: 'about:blank', title: expect.any(String), status, detail: expect.any(String) })
    expect((problem['detail'] as string).length).toBeGreaterThan(5)
  })

  test('[P1.4] a body beyond the limit is 413, announced or not, and the connection serves on', async () => {
    const { url, server } = await openLocalTestServer({ bodyLimit: 1_000 })
    const body = JSON.stringify({ prompt: 'x'.repeat(1_000) })
    const announced = await fetch(`${url}/api/generate`, { method: 'POST', body })
    expect(announced.status).toBe(413)
    await announced.json()
    const stream = new Blob([body]).stream()
    const streamed = await fetch(`${url}/api/generate`, { method: 'POST', body: stream, duplex: 'half' } as RequestInit)
    expect(streamed.status).toBe(413)
    await streamed.json()
    expect(server.runs).toEqual([])
    expect((await fetch(`${url}/_mock`)).status).toBe(200)
  })

  test('[P1.4] what can be no request at all is 400', async () => {
    const { url } = await openLocalTestServer()
    const client = openRawClient(url, { method: 'TRACE' })
    expect(await client.status()).toBe(400)
    client.close()
  })

  test('[P1.4] a feed that is finished answers 204', async () => {
    const { url, server } = await openLocalTestServer()
    const reader = await openStreamReader(`${url}/api/stream`)
    await reader.readEvents(1)
    server.service.feed().close()
    expect((await reader.readToEnd()).error).toBeUndefined()
    expect((await fetch(`${url}/api/stream`)).status).toBe(204)
  })
})

describe('other origins', () => {
  const origin = 'https://app.example'
  const ask = (url: string, init: RequestInit = {}): Promise<Response> =>
    fetch(url, { ...init, headers: { origin, ...(init.headers as object) } })

  test('[P1.5] an origin on the list may read, with credentials', async () => {
    const { url } = await openLocalTestServer({ cors: ['https://other.example', origin] })
    const { headers, body } = await ask(`${url}/api/stream`)
    expect(headers.get('access-control-allow-origin')).toBe(origin)
    expect(headers.get('access-control-allow-credentials')).toBe('true')
    expect(headers.get('access-control-expose-headers')).toBe('Retry-After, WWW-Authenticate')
    expect(headers.get('vary')).toBe('Origin, Accept-Encoding')
    await body!.cancel()
  })

  test('[P1.5] no other origin may, and refusals are readable for those who may', async () => {
    const { url } = await openLocalTestServer({ cors: 'https://other.example' })
    const refused = await ask(`${url}/nowhere`)
    expect(refused.headers.get('access-control-allow-origin')).toBeNull()
    expect(refused.headers.get('vary')).toBe('Origin, Accept-Encoding')
    const allowed = await fetch(`${url}/nowhere`, { headers: { origin: 'https://other.example' } })
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://other.example')
  })

  test('[P1.5] * is for everybody, but never with credentials', async () => {
    const { url } = await openLocalTestServer({ cors: '*' })
    const { headers, body } = await ask(`${url}/api/stream`)
    expect(headers.get('access-control-allow-origin')).toBe('*')
    expect(headers.get('access-control-allow-credentials')).toBeNull()
    await body!.cancel()
  })

  test('[P1.5] preflights allow the methods and headers of the protocol, and are cached', async () => {
    const { url } = await openLocalTestServer({ cors: origin, auth: 'jwt' })
    const response = await ask(`${url}/api/generate`, {
      method: 'OPTIONS',
      headers: { 'access-control-request-method': 'POST' },
    })
    expect(response.status).toBe(204)
    const list = (name: string): string[] => response.headers.get(name)!.split(', ')
    expect(list('access-control-allow-methods')).toEqual(['GET', 'POST', 'DELETE'])
    expect(list('access-control-allow-headers')).toEqual([
      'Authorization',
      'X-API-Key',
      'Last-Event-ID',
      'Idempotency-Key',
      'Content-Type',
    ])
    expect(Number(response.headers.get('access-control-max-age'))).toBeGreaterThan(0)
    expect(response.headers.get('access-control-allow-origin')).toBe(origin)
  })
})

describe('compression', () => {
  test.each(['gzip', 'br'])('[P1.6] with %s an event never waits in the encoder', async (encoding) => {
    const { url, server } = await openLocalTestServer()
    const client = openRawClient(`${url}/api/stream`, { headers: { 'accept-encoding': encoding } })
    await client.status()
    expect(client.head).toContain(`content-encoding: ${encoding}`)
    const decoded = (): string => {
      const partial =
        encoding === 'br' ? { finishFlush: constants.BROTLI_OPERATION_FLUSH } : { finishFlush: constants.Z_SYNC_FLUSH }
      const { bytes } = client
      return bytes.length === 0 ? '' : String((encoding === 'br' ? brotliDecompressSync : gunzipSync)(bytes, partial))
    }
    await waitUntil(() => decoded().includes('connected'))
    for (let number = 1; number <= 5; number++) {
      server.broadcast({ type: 'tick', data: number })
      await waitUntil(() => decoded().endsWith(`data: ${number}\n\n`))
    }
    client.close()
  })

  test('[P1.6] large and small events alike come out as they went in', async () => {
    const { url, server } = await openLocalTestServer()
    const data = Array.from({ length: 20_000 }, (_, index) => `${index}:${Math.sin(index)}`).join(' ')
    const readings = await Promise.all(
      ['gzip', 'br', 'identity'].map((encoding) =>
        openStreamReader(`${url}/api/stream`, { headers: { 'accept-encoding': encoding } }),
      ),
    )
    await Promise.all(readings.map((reader) => reader.readEvents(1)))
    server.broadcast({ data })
    server.broadcast({ data: 'after' })
    for (const reader of readings) {
      const events = await reader.readEvents(3)
      expect(JSON.parse(events[1]!.data!)).toBe(data)
      expect(JSON.parse(events[2]!.data!)).toBe('after')
      reader.close()
    }
  })

  test.each([
    [undefined, null],
    ['identity', null],
    ['gzip;q=0', null],
    ['gzip, deflate', 'gzip'],
    ['gzip, br', 'gzip'],
    ['gzip, br;q=0.5', 'gzip'],
    ['gzip;q=0.5, br', 'br'],
    ['*', 'gzip'],
    ['identity, gzip;q=0.5', null],
  ])('[P1.6] Accept-Encoding %s: %s', async (accepted, encoding) => {
    const { url } = await openLocalTestServer()
    const client = openRawClient(`${url}/api/stream`, {
      headers: accepted === undefined ? {} : { 'accept-encoding': accepted },
    })
    await client.status()
    expect(/^content-encoding: (.*)$/im.exec(client.head)?.[1] ?? null).toBe(encoding)
    client.close()
  })

  test('[P1.6] only where it is wanted', async () => {
    const { url } = await openLocalTestServer({ compress: false })
    const client = openRawClient(`${url}/api/stream`, { headers: { 'accept-encoding': 'gzip, br' } })
    await client.waitForText('connected')
    client.close()
  })
})
