/** Tests of sections 5.1 and 5.5 of PROTOCOL.md, over real sockets: the identities of a channel and of its streams. */
import { describe, expect, test } from 'vitest'
import { dataOf, textOf } from '../support/blocks.ts'
import {
  type ChannelClient,
  controlOf,
  eventsOfItems,
  openChannelClient,
  openGetOperation,
  openRunOperation,
} from '../support/channel-client.ts'
import { type LocalTestServer, waitUntil, openLocalTestServer } from '../support/local-test-server.ts'
import { openStreamReader } from '../support/stream-reader.ts'

const answers = { Hi: 'Hello' }
const bearer = (token: string): { authorization: string } => ({ authorization: `Bearer ${token}` })
const withToken = async (
  { server, url }: LocalTestServer,
  tokenOptions = {},
): Promise<{ token: string; channel: ChannelClient }> => {
  const token = await server.issueToken(tokenOptions)
  return { token, channel: await openChannelClient(url, { headers: bearer(token) }) }
}

describe('the channel', () => {
  test('[P5.1] opening a channel or posting operations without credentials gets a 401', async () => {
    const testServer = await openLocalTestServer({ auth: 'jwt' })
    const { channel } = await withToken(testServer)
    expect((await fetch(`${testServer.url}/api/channel`)).status).toBe(401)
    const body = JSON.stringify({ channelId: channel.channelId, ops: [openGetOperation('a')] })
    expect((await fetch(`${testServer.url}/api/channel/ops`, { method: 'POST', body })).status).toBe(401)
    expect(testServer.server.clients).toEqual([])
  })

  test('[P5.1] operations of another identity get a 404, as for an unknown channel', async () => {
    const testServer = await openLocalTestServer({ auth: 'jwt' })
    const { channel } = await withToken(testServer, { subject: 'alice' })
    const body = JSON.stringify({ channelId: channel.channelId, ops: [openGetOperation('a')] })
    const headers = bearer(await testServer.server.issueToken({ subject: 'bob' }))
    expect((await fetch(`${testServer.url}/api/channel/ops`, { method: 'POST', body, headers })).status).toBe(404)
    expect(testServer.server.clients).toEqual([])
    const fresh = bearer(await testServer.server.issueToken({ subject: 'alice' }))
    expect((await fetch(`${testServer.url}/api/channel/ops`, { method: 'POST', body, headers: fresh })).status).toBe(
      202,
    )
  })
})

describe('streams', () => {
  test("[P5.5] a stream without credentials has the channel's identity", async () => {
    const testServer = await openLocalTestServer({ auth: 'jwt', answers, delay: 0 })
    const { channel } = await withToken(testServer, { subject: 'alice' })
    await channel.post(openGetOperation('a'), openRunOperation('b'))
    await channel.readUntil('a', (all) => all.length === 2)
    expect(testServer.server.clients.map(({ subject }) => subject)).toEqual(['alice'])
    const { resume } = dataOf(eventsOfItems(await channel.readUntilClosed('b'))[0])
    // The run belongs to alice: over a plain connection, bob gets a 404, and alice can read the run.
    const headers = bearer(await testServer.server.issueToken({ subject: 'bob' }))
    expect((await fetch(testServer.url + String(resume), { headers })).status).toBe(404)
    const again = await openStreamReader(testServer.url + String(resume), {
      headers: bearer(await testServer.server.issueToken({ subject: 'alice' })),
    })
    expect(textOf((await again.readToEnd()).events)).toBe('Hello')
  })

  test('[P5.5] an invalid token for one stream leads to a 401 for that stream only', async () => {
    const testServer = await openLocalTestServer({ auth: 'jwt' })
    const { channel } = await withToken(testServer)
    await channel.post(openGetOperation('a', '/api/stream', { headers: bearer('nonsense') }), openGetOperation('b'))
    const refused = await channel.readUntilClosed('a')
    expect(controlOf(refused, 'open')).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': expect.stringContaining('invalid_token') },
    })
    expect(controlOf(refused, 'close')).toEqual({ status: 401, problem: expect.stringContaining('"status":401') })
    await channel.readUntil('b', (all) => all.length === 2)
    testServer.server.broadcast({ type: 'note', data: 1 })
    await channel.readUntil('b', (all) => all.at(-1)!.type === 'note')
  })

  test('[P5.5] a missing permission leads to a 403 for that stream only', async () => {
    const testServer = await openLocalTestServer({ auth: 'jwt', answers, delay: 0 })
    const { channel } = await withToken(testServer, { permissions: ['run'] })
    await channel.post(openGetOperation('a'), openRunOperation('b'))
    expect(controlOf(await channel.readUntilClosed('a'), 'open')['status']).toBe(403)
    expect(textOf(eventsOfItems(await channel.readUntilClosed('b')))).toBe('Hello')
  })

  test('[P5.5] [P1.6] a stream of another identity gets a 421, so identities never share a compressor', async () => {
    const testServer = await openLocalTestServer({ auth: 'jwt' })
    const { channel } = await withToken(testServer, { subject: 'alice' })
    await channel.post(
      openGetOperation('a', '/api/stream', { headers: bearer(await testServer.server.issueToken({ subject: 'bob' })) }),
    )
    expect(controlOf(await channel.readUntilClosed('a'), 'open')['status']).toBe(421)
    expect(testServer.server.clients).toEqual([])
  })

  test("[P4.3] [P5.5] resuming or cancelling another identity's run gets a 404 over a channel as well", async () => {
    const testServer = await openLocalTestServer({ auth: 'jwt', answers, delay: 0 })
    const alice = await withToken(testServer, { subject: 'alice' })
    await alice.channel.post(openRunOperation('a'))
    const { resume } = dataOf(eventsOfItems(await alice.channel.readUntilClosed('a'))[0])
    const bob = await withToken(testServer, { subject: 'bob' })
    await bob.channel.post(
      openGetOperation('a', resume as string),
      openGetOperation('b', resume as string, { method: 'DELETE' }),
    )
    for (const key of ['a', 'b']) expect(controlOf(await bob.channel.readUntilClosed(key), 'open')['status']).toBe(404)
  })
})

describe('expiry', () => {
  test('[P5.5] a stream with an expired token is closed with 401, while one with a newer token continues', async () => {
    const testServer = await openLocalTestServer({ auth: 'jwt' })
    const { channel } = await withToken(testServer, { expiresIn: 5_000 })
    const fresh = bearer(await testServer.server.issueToken({ expiresIn: 60_000 }))
    await channel.post(openGetOperation('inherited'), openGetOperation('own', '/api/stream', { headers: fresh }))
    await channel.readUntil('inherited', (all) => all.length === 2)
    await channel.readUntil('own', (all) => all.length === 2)
    await testServer.clock.advance(5_000)
    const close = controlOf(await channel.readUntilClosed('inherited'), 'close')
    expect(close).toEqual({ status: 401, problem: expect.stringContaining('expired') })
    expect(testServer.server.clients).toHaveLength(1)
    testServer.server.broadcast({ type: 'note', data: 1 })
    await channel.readUntil('own', (all) => all.at(-1)!.type === 'note')
    // The channel ends with the last stream, because no valid credentials are left.
    await testServer.clock.advance(55_000)
    expect(controlOf(await channel.readUntilClosed('own'), 'close')['status']).toBe(401)
    expect((await channel.reader.readToEnd()).error).toBeUndefined()
    expect((await channel.post()).status).toBe(401)
  })

  test('[P5.5] [P4.1] a channel without streams ends when its token expires', async () => {
    const testServer = await openLocalTestServer({ auth: 'jwt' })
    const { channel } = await withToken(testServer, { expiresIn: 5_000 })
    await testServer.clock.advance(5_000)
    expect((await channel.reader.readToEnd()).error).toBeUndefined()
  })

  test('[P5.5] a stream opened by operations with a fresh token outlives the token of the channel', async () => {
    const testServer = await openLocalTestServer({ auth: 'jwt' })
    const { channel } = await withToken(testServer, { expiresIn: 5_000 })
    await channel.post(openGetOperation('before'))
    const headers = bearer(await testServer.server.issueToken({ expiresIn: 60_000 }))
    const body = JSON.stringify({ channelId: channel.channelId, ops: [openGetOperation('after')] })
    await fetch(`${testServer.url}/api/channel/ops`, { method: 'POST', headers, body })
    await channel.readUntil('after', (all) => all.length === 2)
    await testServer.clock.advance(5_000)
    expect(controlOf(await channel.readUntilClosed('before'), 'close')['status']).toBe(401)
    testServer.server.broadcast({ type: 'note', data: 1 })
    await channel.readUntil('after', (all) => all.at(-1)!.type === 'note')
  })

  test('[P5.5] a run continues after the token expires, and is resumed with a new token', async () => {
    const testServer = await openLocalTestServer({ auth: 'jwt', answers: ['0123456789'], delay: 1_000 })
    const { channel } = await withToken(testServer, { expiresIn: 3_500 })
    await channel.post(openRunOperation('a'))
    for (const length of [2, 3, 4, 5]) {
      await channel.readUntil('a', (all) => all.length === length)
      // Receive each delta before the next step: deltas still queued when the token expires arrive only after resuming.
      await testServer.clock.advance(length < 5 ? 1_000 : 500)
    }
    const first = eventsOfItems(await channel.readUntilClosed('a'))
    expect(textOf(first)).toBe('012')
    await testServer.clock.advance(10_000)
    const again = await openChannelClient(testServer.url, { headers: bearer(await testServer.server.issueToken()) })
    await again.post(openGetOperation('a', dataOf(first[0])['resume'] as string, { lastEventId: first.at(-1)!.id }))
    expect(textOf(first) + textOf(eventsOfItems(await again.readUntilClosed('a')))).toBe('0123456789')
  })

  test('[P5.5] API keys authenticate streams as well', async () => {
    const testServer = await openLocalTestServer({ auth: { apiKeys: { one: 'alice', two: 'alice', three: 'bob' } } })
    const channel = await openChannelClient(testServer.url, { headers: { 'x-api-key': 'one' } })
    await channel.post(
      ...['two', 'three', 'four'].map((key) => openGetOperation(key, '/api/stream', { headers: { 'x-api-key': key } })),
    )
    await channel.readUntilClosed('three')
    await channel.readUntilClosed('four')
    await channel.readUntil('two', (all) => all.length === 2)
    await waitUntil(() => testServer.server.clients.length === 1)
    expect(['two', 'three', 'four'].map((key) => controlOf(channel.itemsOf(key), 'open')['status'])).toEqual([
      200, 421, 401,
    ])
  })
})
