/** `/_mock`: the state it reports, the changes it makes, and who may use it. */
import { networkInterfaces } from 'node:os'
import { describe, expect, test } from 'vitest'
import { startMockServer } from '../../../mock-server/node/mock-server.ts'
import { dataOf, textOf } from '../support/blocks.ts'
import { waitUntil, openLocalTestServer } from '../support/local-test-server.ts'
import { openRawClient } from '../support/raw-client.ts'
import { openStreamReader } from '../support/stream-reader.ts'

interface State {
  clients: { id: string; path: string; subject: string; lastEventId?: string }[]
  feeds: { path: string; lastEventId: string; kept: number; clients: number }[]
  runs: { id: string; prompt: string; state: string; readers: number; text: string }[]
  rules: { rule: object; matched: number }[]
}
const readState = async (url: string): Promise<State> => (await fetch(`${url}/_mock`)).json() as Promise<State>
const changeState = (url: string, body: unknown, init: RequestInit = {}): Promise<Response> =>
  fetch(`${url}/_mock`, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body), ...init })

/** Resolves once the server is listening again. */
async function waitUntilReachable(url: string): Promise<void> {
  for (;;) {
    try {
      return void (await fetch(`${url}/_mock`))
    } catch {
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

describe('state', () => {
  test('GET returns clients, feeds, runs and rules', async () => {
    const { url, server } = await openLocalTestServer({ answers: ['abc'], delay: 0, scenario: 'delay:0' })
    const id = server.broadcast({ data: 1 })
    const reader = await openStreamReader(`${url}/api/stream`, { headers: { 'last-event-id': id } })
    const [connected] = await reader.readEvents(1)
    await (await openStreamReader(`${url}/api/generate?prompt=x`)).readToEnd()
    await waitUntil(() => server.runs[0]!.readers === 0)
    expect(await readState(url)).toEqual({
      clients: [
        {
          id: dataOf(connected)['clientId'],
          path: '/api/stream',
          subject: 'anonymous',
          lastEventId: id,
          connection: expect.objectContaining({ kind: 'feed', encoding: 'gzip', streams: 1 }),
        },
      ],
      feeds: [{ path: '/api/stream', lastEventId: id, kept: 1, clients: 1 }],
      runs: [{ id: server.runs[0]!.id, prompt: 'x', state: 'finished', readers: 0, text: 'abc' }],
      rules: [{ rule: { delay: 0 }, matched: 2 }],
    })
    reader.close()
  })
})

describe('faults', () => {
  test.each([
    ['JSON', '{"status": 503}'],
    ['an array', '[{"status": 503}]'],
    ['rules', { rules: [{ status: 503 }] }],
    ['scenario', { scenario: [{ status: 503 }] }],
    ['text in scenario', { scenario: 'status:503' }],
    ['text', 'status:503'],
  ])('rules can be set as %s, and cleared', async (_name, body) => {
    const { url } = await openLocalTestServer()
    const response = await changeState(url, body)
    expect(response.status).toBe(200)
    expect(((await response.json()) as State).rules).toEqual([{ rule: { status: 503 }, matched: 0 }])
    expect((await fetch(`${url}/api/stream`)).status).toBe(503)
    expect((await readState(url)).rules[0]!.matched).toBe(1)
    for (const empty of ['[]', '']) {
      await changeState(url, body)
      await changeState(url, empty)
      expect((await readState(url)).rules).toEqual([])
    }
  })

  test.each([
    ['explode', 'unknown key'],
    ['{"reset-after": "x"}', 'scenario["reset-after"]: expected an integer'],
    ['{"reset-after"', 'JSON'],
    ['{"action": "explode"}', 'action: expected drop or restart'],
    ['{"action": "restart", "log": "maybe"}', 'log: expected "keep" or "lose"'],
    ['{"action": "restart", "downtime": -1}', 'downtime: expected a number from 0 to 60000 (ms)'],
  ])('%s gets a 400 and changes nothing', async (body, detail) => {
    const { url } = await openLocalTestServer({ scenario: 'delay:7' })
    const response = await changeState(url, body)
    expect(response.status).toBe(400)
    expect(((await response.json()) as { detail: string }).detail).toContain(detail)
    expect((await readState(url)).rules).toEqual([{ rule: { delay: 7 }, matched: 0 }])
  })
})

describe('actions', () => {
  test('drop cuts every stream while runs continue', async () => {
    const { url, server, clock } = await openLocalTestServer({ answers: ['abc'], delay: 10 })
    const feed = openRawClient(`${url}/api/stream`)
    const run = openRawClient(`${url}/api/generate?prompt=x`)
    await feed.waitForText('connected')
    await run.waitForText('start')
    expect((await changeState(url, { action: 'drop' })).status).toBe(200)
    expect(await feed.ended).toBe('reset')
    expect(await run.ended).toBe('reset')
    await waitUntil(() => server.clients.length === 0)
    await clock.advance(100)
    expect(server.runs[0]!.text).toBe('abc')
  })

  test('restart sends a response, makes the server unreachable for the downtime, and keeps the log', async () => {
    const { url, server, clock } = await openLocalTestServer()
    const before = await openStreamReader(`${url}/api/stream`)
    const id = server.broadcast({ data: 1 })
    await before.readEvents(2)
    const control = openRawClient(`${url}/_mock`, { method: 'POST', body: '{"action":"restart","downtime":2000}' })
    expect(await control.status()).toBe(200)
    await control.ended
    expect(control.isComplete).toBe(true)
    expect((await before.readToEnd()).error).toBeInstanceOf(TypeError)
    await waitUntil(() => clock.pendingDelays.includes(2_000))
    await expect(fetch(`${url}/api/stream`)).rejects.toThrow(TypeError)
    server.broadcast({ data: 2 })
    await clock.advance(2_000)
    await waitUntilReachable(url)
    const after = await openStreamReader(`${url}/api/stream`, { headers: { 'last-event-id': id } })
    expect((await after.readEvents(2))[1]!.data).toBe('2')
    after.close()
  })

  test('restart with log: "lose" loses events and runs', async () => {
    const { url, server } = await openLocalTestServer({ answers: ['abc'], delay: 0 })
    const id = server.broadcast({ data: 1 })
    const { events } = await (await openStreamReader(`${url}/api/generate?prompt=x`)).readToEnd()
    expect(textOf(events)).toBe('abc')
    const control = openRawClient(`${url}/_mock`, { method: 'POST', body: '{"action":"restart","log":"lose"}' })
    await control.ended
    await waitUntil(() => server.runs.length === 0)
    await waitUntilReachable(url)
    const client = openRawClient(`${url}/api/stream`, { headers: { 'last-event-id': id } })
    await client.waitForText('"reason":"unknown"')
    client.close()
    expect(server.service.feed().keptEvents).toBe(0)
  })
})

describe('access', () => {
  test('/_mock requires no token', async () => {
    const { url } = await openLocalTestServer({ auth: 'jwt' })
    expect((await fetch(`${url}/_mock`)).status).toBe(200)
    expect((await changeState(url, 'status:503')).status).toBe(200)
  })

  test('pages of other origins are rejected unless the origin is listed', async () => {
    const { url } = await openLocalTestServer({ cors: 'https://app.example' })
    const from = (origin: string): Promise<Response> => changeState(url, '[]', { headers: { origin } })
    expect((await from('https://evil.example')).status).toBe(403)
    expect((await from('null')).status).toBe(403)
    expect((await from('https://app.example')).status).toBe(200)
    expect((await from(url)).status).toBe(200)
  })

  test('clients on other machines are rejected', async () => {
    const { server } = await openLocalTestServer()
    const { signal } = new AbortController()
    const statusFor = async (peer: 'loopback' | 'remote'): Promise<number | undefined> => {
      const response = await server.service.handle(new Request(`${server.url}/_mock`), { signal, peer })
      return 'status' in response ? response.status : undefined
    }
    expect(await statusFor('loopback')).toBe(200)
    expect(await statusFor('remote')).toBe(403)
  })

  const externalAddress = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal)

  // Skipped on a machine without a network, which has only loopback addresses.
  test.skipIf(!externalAddress)('a client on a non-loopback address of this machine is rejected', async () => {
    const server = await startMockServer({ host: '0.0.0.0' })
    try {
      expect((await fetch(`http://${externalAddress!.address}:${server.port}/_mock`)).status).toBe(403)
      expect((await fetch(`http://127.0.0.1:${server.port}/_mock`)).status).toBe(200)
    } finally {
      await server.close()
    }
  })
})
