/** Tests of section 1 of PROTOCOL.md (responses), over real sockets. */
import { brotliDecompressSync, constants, gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { dataOf } from '../support/blocks.ts'
import { waitUntil, openLocalTestServer } from '../support/local-test-server.ts'
import { openRawClient } from '../support/raw-client.ts'
import { openStreamReader } from '../support/stream-reader.ts'

const streams = ['/api/stream', '/api/generate?prompt=hi']

describe('headers', () => {
  test.each(streams)('[P1.1] %s responds with an event stream that proxies do not buffer', async (path) => {
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

  test.each(streams)('[P1.1] %s flushes the headers and a comment before any event', async (path) => {
    const { url } = await openLocalTestServer({ scenario: 'quiet-after:0' })
    const client = openRawClient(url + path)
    await client.waitForText(': open\n\n')
    expect(client.text).toBe(': open\n\n')
    client.close()
  })

  test('[P1.1] a response to an HTTP/1.0 client has no Connection: keep-alive', async () => {
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

  test('[P1.3] the default heartbeat interval is 30 seconds', async () => {
    const { url } = await openLocalTestServer()
    const reader = await openStreamReader(`${url}/api/stream`)
    expect(dataOf((await reader.readEvents(1))[0])['heartbeat']).toBe(30_000)
    reader.close()
  })

  test('[P1.3] a heartbeat is sent after an interval of silence, not before', async () => {
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

  test('[P1.3] disabled heartbeats are neither announced nor sent', async () => {
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

describe('error responses', () => {
  const cases: [string, number, string, RequestInit, Record<string, string>][] = [
    ['an unknown path', 404, '/nowhere', {}, {}],
    ['a wrong method', 405, '/api/stream', { method: 'POST' }, { allow: 'GET, OPTIONS' }],
    ['another wrong method', 405, '/api/generate', { method: 'PUT' }, { allow: 'GET, POST, DELETE, OPTIONS' }],
    ['PATCH', 405, '/api/stream', { method: 'PATCH' }, { allow: 'GET, OPTIONS' }],
    ['a body that is not JSON', 400, '/api/generate', { method: 'POST', body: 'prompt=1' }, {}],
    ['a body that is not an object', 400, '/api/generate', { method: 'POST', body: '[]' }, {}],
    ['a body without a prompt', 400, '/api/generate', { method: 'POST', body: '{}' }, {}],
    ['a query without a prompt', 400, '/api/generate', {}, {}],
    ['a body that is not UTF-8', 400, '/api/generate', { method: 'POST', body: new Uint8Array([0xff, 0xfe]) }, {}],
    ['a broadcast without data', 400, '/api/broadcast', { method: 'POST', body: '{"type":"x"}' }, {}],
    [
      'a broadcast with a type that is not a string',
      400,
      '/api/broadcast',
      { method: 'POST', body: '{"type":1,"data":1}' },
      {},
    ],
    ['a DELETE without a key', 400, '/api/generate', { method: 'DELETE' }, {}],
    ['an unknown fault', 400, '/api/stream?fault=explode', {}, {}],
    ['a rate limit', 429, '/api/stream?fault=status:429', {}, { 'retry-after': '1' }],
    ['an unavailable server', 503, '/api/stream?fault=status:503,retry-after:7', {}, { 'retry-after': '7' }],
    [
      'an invalid token',
      401,
      '/api/stream?fault=status:401',
      {},
      { 'www-authenticate': expect.stringContaining('error="invalid_token"') },
    ],
  ]
  test.each(cases)('[P1.4] %s leads to a %i with a problem document', async (_name, status, path, init, headers) => {
    const { url } = await openLocalTestServer()
    const response = await fetch(url + path, init)
    expect(response.status).toBe(status)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    for (const [name, value] of Object.entries(headers)) expect(response.headers.get(name)).toEqual(value)
    const problem = (await response.json()) as Record<string, unknown>
    expect(problem).toEqual({ type: 'about:blank', title: expect.any(String), status, detail: expect.any(String) })
    expect((problem['detail'] as string).length).toBeGreaterThan(5)
  })

  test('[P1.4] a body over the limit gets a 413, with or without Content-Length, and the server survives', async () => {
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

  test('[P1.4] a method that a `Request` cannot have gets a 400', async () => {
    const { url } = await openLocalTestServer()
    const client = openRawClient(url, { method: 'TRACE' })
    expect(await client.status()).toBe(400)
    client.close()
  })

  test('[P1.4] a closed feed responds with 204', async () => {
    const { url, server } = await openLocalTestServer()
    const reader = await openStreamReader(`${url}/api/stream`)
    await reader.readEvents(1)
    server.service.feed().close()
    expect((await reader.readToEnd()).error).toBeUndefined()
    expect((await fetch(`${url}/api/stream`)).status).toBe(204)
  })
})

describe('CORS', () => {
  const origin = 'https://app.example'
  const request = (url: string, init: RequestInit = {}): Promise<Response> =>
    fetch(url, { ...init, headers: { origin, ...(init.headers as object) } })

  test('[P1.5] a listed origin may read responses to requests with credentials', async () => {
    const { url } = await openLocalTestServer({ cors: ['https://other.example', origin] })
    const { headers, body } = await request(`${url}/api/stream`)
    expect(headers.get('access-control-allow-origin')).toBe(origin)
    expect(headers.get('access-control-allow-credentials')).toBe('true')
    expect(headers.get('access-control-expose-headers')).toBe('Retry-After, WWW-Authenticate')
    expect(headers.get('vary')).toBe('Origin, Accept-Encoding')
    await body!.cancel()
  })

  test('[P1.5] unlisted origins may not read responses, and listed origins may also read error responses', async () => {
    const { url } = await openLocalTestServer({ cors: 'https://other.example' })
    const unlisted = await request(`${url}/nowhere`)
    expect(unlisted.headers.get('access-control-allow-origin')).toBeNull()
    expect(unlisted.headers.get('vary')).toBe('Origin, Accept-Encoding')
    const listed = await fetch(`${url}/nowhere`, { headers: { origin: 'https://other.example' } })
    expect(listed.headers.get('access-control-allow-origin')).toBe('https://other.example')
  })

  test('[P1.5] * allows every origin, but never with credentials', async () => {
    const { url } = await openLocalTestServer({ cors: '*' })
    const { headers, body } = await request(`${url}/api/stream`)
    expect(headers.get('access-control-allow-origin')).toBe('*')
    expect(headers.get('access-control-allow-credentials')).toBeNull()
    await body!.cancel()
  })

  test('[P1.5] preflight responses allow the methods and headers of the protocol, and may be cached', async () => {
    const { url } = await openLocalTestServer({ cors: origin, auth: 'jwt' })
    const response = await request(`${url}/api/generate`, {
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
  test.each(['gzip', 'br'])('[P1.6] with %s, an event never waits in the encoder', async (encoding) => {
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

  test('[P1.6] large and small events survive compression', async () => {
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
  ])('[P1.6] Accept-Encoding %s selects %s', async (accepted, encoding) => {
    const { url } = await openLocalTestServer()
    const client = openRawClient(`${url}/api/stream`, {
      headers: accepted === undefined ? {} : { 'accept-encoding': accepted },
    })
    await client.status()
    expect(/^content-encoding: (.*)$/im.exec(client.head)?.[1] ?? null).toBe(encoding)
    client.close()
  })

  test('[P1.6] compress: false disables compression', async () => {
    const { url } = await openLocalTestServer({ compress: false })
    const client = openRawClient(`${url}/api/stream`, { headers: { 'accept-encoding': 'gzip, br' } })
    await client.waitForText('connected')
    client.close()
  })
})
