/** Tests of section 4 of PROTOCOL.md (authentication) and of fault 49 in docs/faults.md, over real sockets. */
import { SignJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import { MOCK_API_KEY } from '../../../mock-server/auth/authenticator.ts'
import type { TokenOptions } from '../../../mock-server/node/mock-server.ts'
import { dataOf, textOf } from '../support/blocks.ts'
import { waitUntil, openLocalTestServer, type LocalTestServer } from '../support/local-test-server.ts'
import { START_TIME_MS } from '../support/manual-server-clock.ts'
import { openStreamReader } from '../support/stream-reader.ts'

const SECRET = 'a secret of at least thirty-two bytes, for HS256'
const key = new TextEncoder().encode(SECRET)
const TOKEN_AUTH = { auth: { jwt: { secret: SECRET } } } as const
const bearer = (token: string): { headers: Record<string, string> } => ({
  headers: { authorization: `Bearer ${token}` },
})
const seconds = (ms: number): number => (START_TIME_MS + ms) / 1_000
const sign = (alg: string, claims: Record<string, unknown> = {}): Promise<string> =>
  new SignJWT({ sub: 'alice', exp: seconds(60_000), ...claims }).setProtectedHeader({ alg }).sign(key)
const unsigned = (claims: Record<string, unknown>): string =>
  `${[{ alg: 'none' }, claims].map((part) => btoa(JSON.stringify(part)).replaceAll('=', '')).join('.')}.`

const tokenOf = async (
  { url }: LocalTestServer,
  tokenOptions: TokenOptions = {},
): Promise<{ token: string; expiresIn: number; expiresAt: number }> => {
  const response = await fetch(`${url}/api/token`, { method: 'POST', body: JSON.stringify(tokenOptions) })
  expect(response.status).toBe(200)
  return response.json() as Promise<{ token: string; expiresIn: number; expiresAt: number }>
}

describe('tokens', () => {
  test('[P4.1] an issued token is short-lived and grants access', async () => {
    const testServer = await openLocalTestServer({ auth: 'jwt' })
    const { token, expiresIn, expiresAt } = await tokenOf(testServer)
    expect(expiresIn).toBe(60_000)
    expect(expiresAt).toBe(START_TIME_MS + 60_000)
    const reader = await openStreamReader(`${testServer.url}/api/stream`, bearer(token))
    expect((await reader.readEvents(1))[0]!.type).toBe('connected')
    reader.close()
  })

  test('[P4.1] a request without credentials gets a 401 with a challenge that names no error', async () => {
    const { url } = await openLocalTestServer({ auth: 'jwt' })
    for (const path of ['/api/stream', '/api/generate?prompt=x', '/v1/chat/completions']) {
      const response = await fetch(url + path, path.startsWith('/v1') ? { method: 'POST', body: '{}' } : {})
      expect(response.status).toBe(401)
      expect(response.headers.get('www-authenticate')).toBe('Bearer realm="rivulet"')
      // A vendor's path has the vendor's own format.
      const format = path.startsWith('/v1') ? 'application/json' : 'application/problem+json'
      expect(response.headers.get('content-type')).toBe(format)
    }
  })

  test('[P4.1] a token in the URL is ignored', async () => {
    const testServer = await openLocalTestServer({ auth: 'jwt' })
    const { token } = await tokenOf(testServer)
    for (const name of ['token', 'access_token', 'authorization', 'api_key']) {
      expect((await fetch(`${testServer.url}/api/stream?${name}=${token}`)).status).toBe(401)
    }
  })

  test.each([
    ['without a signature', async () => unsigned({ sub: 'alice', exp: seconds(60_000) })],
    ['signed with a different algorithm', () => sign('HS512')],
    [
      'signed with a different key',
      () =>
        new SignJWT({ sub: 'a', exp: seconds(60_000) }).setProtectedHeader({ alg: 'HS256' }).sign(new Uint8Array(32)),
    ],
    ['that has expired', () => sign('HS256', { exp: seconds(-1_000) })],
    ['that expires now', () => sign('HS256', { exp: seconds(0) })],
    ['that is not valid yet', () => sign('HS256', { nbf: seconds(10_000) })],
    ['without an expiry', () => new SignJWT({ sub: 'alice' }).setProtectedHeader({ alg: 'HS256' }).sign(key)],
    ['without a subject', () => new SignJWT({ exp: seconds(60_000) }).setProtectedHeader({ alg: 'HS256' }).sign(key)],
    [
      'with a changed payload',
      async () =>
        (await sign('HS256')).replace(/\.[^.]+\./, `.${btoa('{"sub":"bob","exp":9999999999}').replaceAll('=', '')}.`),
    ],
    ['that is malformed', async () => 'abc'],
  ])('[F49] [P4.1] a token %s gets a 401 with invalid_token', async (_name, create) => {
    const { url } = await openLocalTestServer(TOKEN_AUTH)
    const response = await fetch(`${url}/api/stream`, bearer(await create()))
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"')
    expect(await response.text()).not.toContain('eyJ')
  })

  test('[F49] a valid token grants access, as a control for the tests above', async () => {
    const { url } = await openLocalTestServer(TOKEN_AUTH)
    const reader = await openStreamReader(`${url}/api/stream`, bearer(await sign('HS256')))
    expect(reader.response.status).toBe(200)
    reader.close()
  })

  test.each([
    ['subject', { subject: 1 }],
    ['expiresIn', { expiresIn: '1h' }],
    ['expiresIn', { expiresIn: 0 }],
    ['permissions', { permissions: ['everything'] }],
  ])('a token request with an invalid %s gets a 400, and the error names the field', async (name, tokenOptions) => {
    const { url } = await openLocalTestServer({ auth: 'jwt' })
    const response = await fetch(`${url}/api/token`, { method: 'POST', body: JSON.stringify(tokenOptions) })
    expect(response.status).toBe(400)
    expect(((await response.json()) as { detail: string }).detail).toContain(name)
  })

  test('/api/token does not exist without token authentication', async () => {
    const { url } = await openLocalTestServer({ auth: 'apikey' })
    expect((await fetch(`${url}/api/token`, { method: 'POST', headers: { 'x-api-key': MOCK_API_KEY } })).status).toBe(
      404,
    )
  })

  test('[P4.1] a request without the required permission gets a 403', async () => {
    const testServer = await openLocalTestServer({ auth: 'jwt' })
    const { token } = await tokenOf(testServer, { permissions: ['feed'] })
    const reader = await openStreamReader(`${testServer.url}/api/stream`, bearer(token))
    expect(reader.response.status).toBe(200)
    reader.close()
    expect((await fetch(`${testServer.url}/api/generate?prompt=x`, bearer(token))).status).toBe(403)
    const broadcast = await fetch(`${testServer.url}/api/broadcast`, {
      method: 'POST',
      body: '{"data":1}',
      ...bearer(token),
    })
    expect(broadcast.status).toBe(403)
  })
})

describe('expiry during a stream', () => {
  test('[F49] [P4.1] a feed ends when the token expires, and resumes with a new token', async () => {
    const testServer = await openLocalTestServer({ auth: 'jwt' })
    const reader = await openStreamReader(
      `${testServer.url}/api/stream`,
      bearer((await tokenOf(testServer, { expiresIn: 5_500 })).token),
    )
    await reader.readEvents(1)
    testServer.server.broadcast({ data: 1 })
    const [, event] = await reader.readEvents(2)
    await testServer.clock.advance(5_499)
    expect(testServer.server.clients).toHaveLength(1)
    await testServer.clock.advance(1)
    expect((await reader.readToEnd()).error).toBeUndefined()
    expect(testServer.server.clients).toHaveLength(0)
    testServer.server.broadcast({ data: 2 })
    const { token } = await tokenOf(testServer)
    const headers = { ...bearer(token).headers, 'last-event-id': event!.id! }
    const again = await openStreamReader(`${testServer.url}/api/stream`, { headers })
    expect((await again.readEvents(2))[1]!.data).toBe('2')
    again.close()
  })

  test('[F49] a token that has just expired does not grant access again', async () => {
    const testServer = await openLocalTestServer({ auth: 'jwt' })
    const { token } = await tokenOf(testServer, { expiresIn: 1_500 })
    const reader = await openStreamReader(`${testServer.url}/api/stream`, bearer(token))
    await reader.readEvents(1)
    await testServer.clock.advance(1_500)
    await reader.readToEnd()
    expect((await fetch(`${testServer.url}/api/stream`, bearer(token))).status).toBe(401)
  })

  test('[F49] [P4.1] a run continues after the token has expired, and is resumed with a new token', async () => {
    const testServer = await openLocalTestServer({ auth: 'jwt', answers: ['0123456789'], delay: 1_000 })
    const started = await openStreamReader(
      `${testServer.url}/api/generate?prompt=x`,
      bearer((await tokenOf(testServer, { expiresIn: 3_500 })).token),
    )
    await started.readEvents(1)
    await testServer.clock.advance(3_000)
    await started.readEvents(4)
    await testServer.clock.advance(500)
    const { events, error } = await started.readToEnd()
    expect(error).toBeUndefined()
    expect(events.map(({ type }) => type)).toEqual(['start', 'delta', 'delta', 'delta'])
    await testServer.clock.advance(20_000)
    const headers = { ...bearer((await tokenOf(testServer)).token).headers, 'last-event-id': events.at(-1)!.id! }
    const resumed = await openStreamReader(testServer.url + (dataOf(events[0])['resume'] as string), { headers })
    expect(textOf([...events, ...(await resumed.readToEnd()).events])).toBe('0123456789')
  })

  test('the expiry timer is cleared when the client disconnects', async () => {
    const testServer = await openLocalTestServer({ auth: 'jwt', heartbeat: 0 })
    const before = testServer.clock.pendingDelays.length
    const reader = await openStreamReader(`${testServer.url}/api/stream`, bearer((await tokenOf(testServer)).token))
    await reader.readEvents(1)
    expect(testServer.clock.pendingDelays.length).toBeGreaterThan(before)
    reader.close()
    await waitUntil(() => testServer.clock.pendingDelays.length === before)
  })
})

describe('API keys', () => {
  test('[P4.1] a valid X-API-Key grants access, and a wrong or missing key gets a 401', async () => {
    const { url } = await openLocalTestServer({ auth: 'apikey' })
    const request = (headers: Record<string, string>): Promise<Response> =>
      fetch(`${url}/api/generate?prompt=x`, { headers })
    const right = await request({ 'x-api-key': MOCK_API_KEY })
    expect(right.status).toBe(200)
    await right.body!.cancel()
    for (const wrong of ['', 'mock', `${MOCK_API_KEY}x`, 'MOCK-KEY'])
      expect((await request({ 'x-api-key': wrong })).status).toBe(401)
    const missing = await request({})
    expect(missing.status).toBe(401)
    expect(missing.headers.get('www-authenticate')).toBe('ApiKey realm="rivulet"')
  })

  test('a server can accept both tokens and API keys, and the key takes precedence', async () => {
    const testServer = await openLocalTestServer({ auth: { jwt: {}, apiKeys: { k: 'kay' } } })
    const { token } = await tokenOf(testServer)
    for (const headers of [bearer(token).headers, { 'x-api-key': 'k' }]) {
      const reader = await openStreamReader(`${testServer.url}/api/stream`, { headers })
      expect(reader.response.status).toBe(200)
      reader.close()
    }
    expect(
      (await fetch(`${testServer.url}/api/stream`, { headers: { 'x-api-key': 'wrong', ...bearer(token).headers } }))
        .status,
    ).toBe(401)
  })
})

describe('ownership', () => {
  test("[P4.3] resuming or cancelling another identity's run gets a 404, and the run continues", async () => {
    const testServer = await openLocalTestServer({
      auth: { apiKeys: { a: 'alice', b: 'bob' } },
      answers: ['abc'],
      delay: 10,
    })
    const alice = { headers: { 'x-api-key': 'a' } }
    const bob = { headers: { 'x-api-key': 'b' } }
    const reader = await openStreamReader(`${testServer.url}/api/generate?prompt=x`, alice)
    const [start] = await reader.readEvents(1)
    const url = testServer.url + (dataOf(start)['resume'] as string)
    expect((await fetch(url, bob)).status).toBe(404)
    expect((await fetch(url, { method: 'DELETE', ...bob })).status).toBe(404)
    const start2 = { headers: { ...bob.headers, 'last-event-id': start!.id! } }
    expect((await fetch(`${testServer.url}/api/generate?prompt=x`, start2)).status).toBe(404)
    await testServer.clock.advance(100)
    expect(textOf((await reader.readToEnd()).events)).toBe('abc')
    expect(textOf((await (await openStreamReader(url, alice)).readToEnd()).events)).toBe('abc')
  })

  test("[P4.3] DELETE with the idempotency key of another identity's run cancels nothing", async () => {
    const testServer = await openLocalTestServer({
      auth: { apiKeys: { a: 'alice', b: 'bob' } },
      answers: ['abc'],
      delay: 10,
    })
    const headers = { 'x-api-key': 'a', 'idempotency-key': 'k1' }
    const reader = await openStreamReader(`${testServer.url}/api/generate`, {
      method: 'POST',
      body: '{"prompt":"x"}',
      headers,
    })
    await reader.readEvents(1)
    await fetch(`${testServer.url}/api/generate`, { method: 'DELETE', headers: { ...headers, 'x-api-key': 'b' } })
    await testServer.clock.advance(100)
    expect(textOf((await reader.readToEnd()).events)).toBe('abc')
  })
})
