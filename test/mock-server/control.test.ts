/** `/_mock`: what it shows, what it changes, and who may use it. */
import { networkInterfaces } from 'node:os'
import { describe, expect, test } from 'vitest'
import { startMockServer } from '../../mock-server/node/mock-server.ts'
import { dataOf, textOf } from './support/blocks.ts'
import { openRaw } from './support/raw-client.ts'
import { openReading } from './support/stream-reader.ts'
import { eventually, serve } from './support/local-test-server.ts'

interface State {
  clients: { id: string; path: string; subject: string; lastEventId?: string }[]
  feeds: { path: string; lastEventId: string; kept: number; clients: number }[]
  runs: { id: string; prompt: string; state: string; readers: number; text: string }[]
  rules: { rule: object; matched: number }[]
}
const show = async (url: string): Promise<State> => (await fetch(`${url}/_mock`)).json() as Promise<State>
const change = (url: string, body: unknown, init: RequestInit = {}): Promise<Response> =>
  fetch(`${url}/_mock`, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body), ...init })

/** Settles once the server is listening again. */
async function back(url: string): Promise<void> {
  for (;;) {
    try {
      return void (await fetch(`${url}/_mock`))
    } catch {
      await new Promise((resolve) => setImmediate(resolve)) // not yet
    }
  }
}

describe('state', () => {
  test('clients, feeds, runs and rules', async () => {
    const { url, server } = await serve({ answers: ['abc'], delay: 0, scenario: 'delay:0' })
    const id = server.broadcast({ data: 1 })
    const reading = await openReading(`${url}/api/stream`, { headers: { 'last-event-id': id } })
    const [connected] = await reading.take(1)
    await (await openReading(`${url}/api/generate?prompt=x`)).rest()
    await eventually(() => server.runs[0]!.readers === 0)
    expect(await show(url)).toEqual({
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
    reading.leave()
  })
})

describe('faults', () => {
  test.each([
    ['JSON', '{"status": 503}'],
    ['a list', '[{"status": 503}]'],
    ['rules', { rules: [{ status: 503 }] }],
    ['scenario', { scenario: [{ status: 503 }] }],
    ['text in scenario', { scenario: 'status:503' }],
    ['text', 'status:503'],
  ])('set as %s, and cleared', async (_what, body) => {
    const { url } = await serve()
    const answer = await change(url, body)
    expect(answer.status).toBe(200)
    expect(((await answer.json()) as State).rules).toEqual([{ rule: { status: 503 }, matched: 0 }])
    expect((await fetch(`${url}/api/stream`)).status).toBe(503)
    expect((await show(url)).rules[0]!.matched).toBe(1)
    for (const nothing of ['[]', '']) {
      await change(url, body)
      await change(url, nothing)
      expect((await show(url)).rules).toEqual([])
    }
  })

  test.each([
    ['explode', 'unknown key'],
    ['{"reset-after": "x"}', 'scenario["reset-after"]: expected a whole number'],
    ['{"reset-after"', 'JSON'],
    ['{"action": "explode"}', 'action: expected drop or restart'],
    ['{"action": "restart", "log": "maybe"}', 'log: expected "keep" or "lose"'],
    ['{"action": "restart", "downtime": -1}', 'downtime: expected milliseconds'],
  ])('%s is 400 and changes nothing', async (body, detail) => {
    const { url } = await serve({ scenario: 'delay:7' })
    const answer = await change(url, body)
    expect(answer.status).toBe(400)
    expect(((await answer.json()) as { detail: string }).detail).toContain(detail)
    expect((await show(url)).rules).toEqual([{ rule: { delay: 7 }, matched: 0 }])
  })
})

describe('actions', () => {
  test('drop cuts every stream; runs go on, feeds keep their events', async () => {
    const { url, server, clock } = await serve({ answers: ['abc'], delay: 10 })
    const feed = openRaw(`${url}/api/stream`)
    const run = openRaw(`${url}/api/generate?prompt=x`)
    await feed.until('connected')
    await run.until('start')
    expect((await change(url, { action: 'drop' })).status).toBe(200)
    expect(await feed.ended).toBe('reset')
    expect(await run.ended).toBe('reset')
    await eventually(() => server.clients.length === 0)
    await clock.advance(100)
    expect(server.runs[0]!.text).toBe('abc')
  })

  test('restart answers, is gone for a while, and comes back with its log', async () => {
    const { url, server, clock } = await serve()
    const before = await openReading(`${url}/api/stream`)
    const id = server.broadcast({ data: 1 })
    await before.take(2)
    const control = openRaw(`${url}/_mock`, { method: 'POST', body: '{"action":"restart","downtime":2000}' })
    expect(await control.status()).toBe(200)
    await control.ended
    expect(control.complete).toBe(true)
    expect((await before.rest()).error).toBeInstanceOf(TypeError)
    await eventually(() => clock.due.includes(2_000))
    await expect(fetch(`${url}/api/stream`)).rejects.toThrow(TypeError)
    server.broadcast({ data: 2 })
    await clock.advance(2_000)
    await back(url)
    const after = await openReading(`${url}/api/stream`, { headers: { 'last-event-id': id } })
    expect((await after.take(2))[1]!.data).toBe('2')
    after.leave()
  })

  test('restart may lose the log', async () => {
    const { url, server } = await serve({ answers: ['abc'], delay: 0 })
    const id = server.broadcast({ data: 1 })
    const { events } = await (await openReading(`${url}/api/generate?prompt=x`)).rest()
    expect(textOf(events)).toBe('abc')
    const control = openRaw(`${url}/_mock`, { method: 'POST', body: '{"action":"restart","log":"lose"}' })
    await control.ended
    await eventually(() => server.runs.length === 0)
    await back(url)
    const client = openRaw(`${url}/api/stream`, { headers: { 'last-event-id': id } })
    await client.until('"reason":"unknown"')
    client.close()
    expect(server.service.feed().kept).toBe(0)
  })
})

describe('who may', () => {
  test('no token is asked for', async () => {
    const { url } = await serve({ auth: 'jwt' })
    expect((await fetch(`${url}/_mock`)).status).toBe(200)
    expect((await change(url, 'status:503')).status).toBe(200)
  })

  test('pages of other origins may not, unless they are on the list', async () => {
    const { url } = await serve({ cors: 'https://app.example' })
    const from = (origin: string): Promise<Response> => change(url, '[]', { headers: { origin } })
    expect((await from('https://evil.example')).status).toBe(403)
    expect((await from('null')).status).toBe(403)
    expect((await from('https://app.example')).status).toBe(200)
    expect((await from(url)).status).toBe(200)
  })

  test('only this machine may', async () => {
    const { server } = await serve()
    const arrival = { signal: new AbortController().signal }
    const ask = async (from: 'loopback' | 'elsewhere'): Promise<number | undefined> => {
      const answer = await server.service.answer(new Request(`${server.url}/_mock`), { ...arrival, from })
      return 'status' in answer ? answer.status : undefined
    }
    expect(await ask('loopback')).toBe(200)
    expect(await ask('elsewhere')).toBe(403)
  })

  const outside = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal)

  // A machine without a network has no address but its own loopback.
  test.skipIf(!outside)('on a real socket: who comes by another address of this machine is elsewhere', async () => {
    const server = await startMockServer({ host: '0.0.0.0' })
    try {
      expect((await fetch(`http://${outside!.address}:${server.port}/_mock`)).status).toBe(403)
      expect((await fetch(`http://127.0.0.1:${server.port}/_mock`)).status).toBe(200)
    } finally {
      await server.close()
    }
  })
})
