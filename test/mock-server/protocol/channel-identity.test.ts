/** PROTOCOL.md 5.1 and 5.5, on a socket: whose a carrier is, and whose each stream on it. */
import { describe, expect, test } from 'vitest'
import { dataOf, textOf } from '../support/blocks.ts'
import { type Carrier, controlOf, eventsIn, openCarrier, openPath, openRun } from '../support/channel-client.ts'
import { openReading } from '../support/stream-reader.ts'
import { type Serving, eventually, serve } from '../support/local-test-server.ts'

const answers = { Hi: 'Hello' }
const bearer = (token: string): { authorization: string } => ({ authorization: `Bearer ${token}` })
const withToken = async ({ server, url }: Serving, wish = {}): Promise<{ token: string; carrier: Carrier }> => {
  const token = await server.issueToken(wish)
  return { token, carrier: await openCarrier(url, { headers: bearer(token) }) }
}

describe('the carrier', () => {
  test('[P5.1] nobody opens one, and nobody operates on one: 401', async () => {
    const serving = await serve({ auth: 'jwt' })
    const { carrier } = await withToken(serving)
    expect((await fetch(`${serving.url}/api/channel`)).status).toBe(401)
    const body = JSON.stringify({ channelId: carrier.channelId, ops: [openPath('a')] })
    expect((await fetch(`${serving.url}/api/channel/ops`, { method: 'POST', body })).status).toBe(401)
    expect(serving.server.clients).toEqual([])
  })

  test('[P5.1] operations from another identity: 404, as for a channel that never was', async () => {
    const serving = await serve({ auth: 'jwt' })
    const { carrier } = await withToken(serving, { subject: 'alice' })
    const body = JSON.stringify({ channelId: carrier.channelId, ops: [openPath('a')] })
    const headers = bearer(await serving.server.issueToken({ subject: 'bob' }))
    expect((await fetch(`${serving.url}/api/channel/ops`, { method: 'POST', body, headers })).status).toBe(404)
    expect(serving.server.clients).toEqual([])
    const fresh = bearer(await serving.server.issueToken({ subject: 'alice' }))
    expect((await fetch(`${serving.url}/api/channel/ops`, { method: 'POST', body, headers: fresh })).status).toBe(202)
  })
})

describe('who asks', () => {
  test("[P5.5] the carrier's identity, where a stream says nothing of its own", async () => {
    const serving = await serve({ auth: 'jwt', answers, delay: 0 })
    const { carrier } = await withToken(serving, { subject: 'alice' })
    await carrier.post(openPath('a'), openRun('b'))
    await carrier.when('a', (all) => all.length === 2)
    expect(serving.server.clients.map(({ subject }) => subject)).toEqual(['alice'])
    const { resume } = dataOf(eventsIn(await carrier.untilClosed('b'))[0])
    // The run is alice's, wherever she asks for it.
    const headers = bearer(await serving.server.issueToken({ subject: 'bob' }))
    expect((await fetch(serving.url + String(resume), { headers })).status).toBe(404)
    const again = await openReading(serving.url + String(resume), {
      headers: bearer(await serving.server.issueToken({ subject: 'alice' })),
    })
    expect(textOf((await again.rest()).events)).toBe('Hello')
  })

  test("[P5.5] a wrong token of a stream's own is 401 for that stream alone", async () => {
    const serving = await serve({ auth: 'jwt' })
    const { carrier } = await withToken(serving)
    await carrier.post(openPath('a', '/api/stream', { headers: bearer('nonsense') }), openPath('b'))
    const refused = await carrier.untilClosed('a')
    expect(controlOf(refused, 'open')).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': expect.stringContaining('invalid_token') },
    })
    expect(controlOf(refused, 'close')).toEqual({ status: 401, problem: expect.stringContaining('"status":401') })
    serving.server.broadcast({ type: 'note', data: 1 })
    await carrier.when('b', (all) => all.at(-1)!.type === 'note')
  })

  test('[P5.5] what an identity may not do is 403 for that stream alone', async () => {
    const serving = await serve({ auth: 'jwt', answers, delay: 0 })
    const { carrier } = await withToken(serving, { permissions: ['run'] })
    await carrier.post(openPath('a'), openRun('b'))
    expect(controlOf(await carrier.untilClosed('a'), 'open')['status']).toBe(403)
    expect(textOf(eventsIn(await carrier.untilClosed('b')))).toBe('Hello')
  })

  test('[P5.5] [P1.6] a stream of another identity is sent elsewhere: two are never compressed together', async () => {
    const serving = await serve({ auth: 'jwt' })
    const { carrier } = await withToken(serving, { subject: 'alice' })
    await carrier.post(
      openPath('a', '/api/stream', { headers: bearer(await serving.server.issueToken({ subject: 'bob' })) }),
    )
    expect(controlOf(await carrier.untilClosed('a'), 'open')['status']).toBe(421)
    expect(serving.server.clients).toEqual([])
  })

  test("[P4.3] [P5.5] another's run is 404 over a channel as well", async () => {
    const serving = await serve({ auth: 'jwt', answers, delay: 0 })
    const alice = await withToken(serving, { subject: 'alice' })
    await alice.carrier.post(openRun('a'))
    const { resume } = dataOf(eventsIn(await alice.carrier.untilClosed('a'))[0])
    const bob = await withToken(serving, { subject: 'bob' })
    await bob.carrier.post(openPath('a', resume as string), openPath('b', resume as string, { method: 'DELETE' }))
    for (const key of ['a', 'b']) expect(controlOf(await bob.carrier.untilClosed(key), 'open')['status']).toBe(404)
  })
})

describe('expiry', () => {
  test('[P5.5] closes the one stream with 401; another with a fresher token goes on', async () => {
    const serving = await serve({ auth: 'jwt' })
    const { carrier } = await withToken(serving, { expiresIn: 5_000 })
    const fresh = bearer(await serving.server.issueToken({ expiresIn: 60_000 }))
    await carrier.post(openPath('leaning'), openPath('own', '/api/stream', { headers: fresh }))
    await carrier.when('leaning', (all) => all.length === 2)
    await carrier.when('own', (all) => all.length === 2)
    await serving.clock.advance(5_000)
    const close = controlOf(await carrier.untilClosed('leaning'), 'close')
    expect(close).toEqual({ status: 401, problem: expect.stringContaining('expired') })
    expect(serving.server.clients).toHaveLength(1)
    serving.server.broadcast({ type: 'note', data: 1 })
    await carrier.when('own', (all) => all.at(-1)!.type === 'note')
    // The last one takes the carrier with it: nobody with valid credentials is left.
    await serving.clock.advance(55_000)
    expect(controlOf(await carrier.untilClosed('own'), 'close')['status']).toBe(401)
    expect((await carrier.reading.rest()).error).toBeUndefined()
    expect((await carrier.post()).status).toBe(401)
  })

  test('[P5.5] [P4.1] a carrier without streams ends when its token expires', async () => {
    const serving = await serve({ auth: 'jwt' })
    const { carrier } = await withToken(serving, { expiresIn: 5_000 })
    await serving.clock.advance(5_000)
    expect((await carrier.reading.rest()).error).toBeUndefined()
  })

  test('[P5.5] operations with a fresh token renew it for streams that are opened from then on', async () => {
    const serving = await serve({ auth: 'jwt' })
    const { carrier } = await withToken(serving, { expiresIn: 5_000 })
    await carrier.post(openPath('before'))
    const headers = bearer(await serving.server.issueToken({ expiresIn: 60_000 }))
    const body = JSON.stringify({ channelId: carrier.channelId, ops: [openPath('after')] })
    await fetch(`${serving.url}/api/channel/ops`, { method: 'POST', headers, body })
    await carrier.when('after', (all) => all.length === 2)
    await serving.clock.advance(5_000)
    expect(controlOf(await carrier.untilClosed('before'), 'close')['status']).toBe(401)
    serving.server.broadcast({ type: 'note', data: 1 })
    await carrier.when('after', (all) => all.at(-1)!.type === 'note')
  })

  test('[P5.5] a run goes on without its reader, who comes back with a new token', async () => {
    const serving = await serve({ auth: 'jwt', answers: ['0123456789'], delay: 1_000 })
    const { carrier } = await withToken(serving, { expiresIn: 3_500 })
    await carrier.post(openRun('a'))
    for (const length of [2, 3, 4, 5]) {
      await carrier.when('a', (all) => all.length === length)
      // What waits for the socket when the token expires is sent when the run is resumed: each delta has to be out.
      await serving.clock.advance(length < 5 ? 1_000 : 500)
    }
    const first = eventsIn(await carrier.untilClosed('a'))
    expect(textOf(first)).toBe('012')
    await serving.clock.advance(10_000)
    const again = await openCarrier(serving.url, { headers: bearer(await serving.server.issueToken()) })
    await again.post(openPath('a', dataOf(first[0])['resume'] as string, { lastEventId: first.at(-1)!.id }))
    expect(textOf(first) + textOf(eventsIn(await again.untilClosed('a')))).toBe('0123456789')
  })

  test('[P5.5] API keys authenticate streams as well', async () => {
    const serving = await serve({ auth: { apiKeys: { one: 'alice', two: 'alice', three: 'bob' } } })
    const carrier = await openCarrier(serving.url, { headers: { 'x-api-key': 'one' } })
    await carrier.post(
      ...['two', 'three', 'four'].map((key) => openPath(key, '/api/stream', { headers: { 'x-api-key': key } })),
    )
    await carrier.untilClosed('three')
    await carrier.untilClosed('four')
    await eventually(() => serving.server.clients.length === 1)
    expect(['two', 'three', 'four'].map((key) => controlOf(carrier.of(key), 'open')['status'])).toEqual([200, 421, 401])
  })
})
