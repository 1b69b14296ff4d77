/** Tests of sections 5.1 and 5.5 of PROTOCOL.md, through both faces: the identities of a channel and of its streams. */
import { describe, expect, test } from 'vitest'
import type { Identity } from '../../../server/http/identity.ts'
import { HttpError } from '../../../server/http/problem.ts'
import { dataOf, textOf } from '../../mock-server/support/blocks.ts'
import type { ChannelClient } from '../../mock-server/support/channel-client.ts'
import {
  controlOf,
  eventsOfItems,
  openGetOperation,
  openRunOperation,
} from '../../mock-server/support/channel-client.ts'
import { START_TIME_MS } from '../../mock-server/support/manual-server-clock.ts'
import { waitUntil } from '../../mock-server/support/local-test-server.ts'
import type { ChannelsSetup, ChannelsUnderTest } from '../support/channels.ts'
import { openChannels } from '../support/channels.ts'
import type { Face } from '../support/faces.ts'
import { faces } from '../support/faces.ts'

/** Returns headers with a token, which names a subject and when it expires. */
const bearer = (subject: string, expiresIn?: number): { authorization: string } => ({
  authorization: `Bearer ${subject} ${expiresIn ?? ''}`,
})

/** Accepts the tokens of `bearer`, API keys that are subjects, and cookies that are subjects. */
function authenticate({ headers }: Request): Identity | undefined {
  const [scheme, subject, expiresIn] = headers.get('authorization')?.split(' ') ?? []
  if (subject === 'nonsense') {
    throw new HttpError(401, 'The token is not valid.', { 'www-authenticate': 'Bearer error="invalid_token"' })
  }
  if (scheme === 'Bearer' && subject) {
    return { subject, ...(expiresIn ? { expiresAt: START_TIME_MS + Number(expiresIn) } : {}) }
  }
  const other = headers.get('x-api-key') ?? headers.get('cookie')
  return other === null ? undefined : { subject: other }
}

const openWithIdentities = (face: Face, setup: ChannelsSetup = {}): Promise<ChannelsUnderTest> =>
  openChannels(face, { ...setup, server: { authenticate, ...setup.server } })

describe.each(faces)('%s: the channel', (face) => {
  test('[P5.1] opening a channel or sending operations without credentials gets 401', async () => {
    const under = await openWithIdentities(face)
    const { channelId } = await under.connect({ headers: bearer('alice') })
    expect((await under.mounted.fetch('/api/channel')).status).toBe(401)
    expect((await under.post({ channelId, ops: [openGetOperation('a')] })).status).toBe(401)
    expect(under.readers).toBe(0)
  })

  test('[P5.1] operations of another identity get the 404 of an unknown channel', async () => {
    const under = await openWithIdentities(face)
    const { channelId } = await under.connect({ headers: bearer('alice') })
    const refused = await under.post({ channelId, ops: [openGetOperation('a')] }, bearer('bob'))
    const unknown = await under.post({ channelId: crypto.randomUUID(), ops: [] }, bearer('bob'))
    expect([refused.status, await refused.text()]).toEqual([404, await unknown.text()])
    expect(under.readers).toBe(0)
    expect((await under.post({ channelId, ops: [openGetOperation('a')] }, bearer('alice'))).status).toBe(202)
  })

  test('[P5.1] operations with cookies from a page of another site get 403', async () => {
    const under = await openWithIdentities(face)
    const { channelId } = await under.connect({ headers: { cookie: 'alice' } })
    const headers = { cookie: 'alice', origin: 'http://evil.example' }
    expect((await under.post({ channelId, ops: [openGetOperation('a')] }, headers)).status).toBe(403)
    expect(under.readers).toBe(0)
  })
})

describe.each(faces)('%s: streams', (face) => {
  test("[P5.5] a stream without credentials has the channel's identity", async () => {
    const under = await openWithIdentities(face)
    const channel = await under.connect({ headers: bearer('alice') })
    await channel.post(openGetOperation('a'), openRunOperation('b'))
    await channel.readUntil('a', (all) => all.length === 2)
    const [start] = eventsOfItems(await channel.readUntil('b', (all) => all.length === 2))
    const subjects = under.records.flatMap((record) =>
      record.type === 'open' ? `${record.kind} ${record.subject}` : [],
    )
    expect(subjects.sort()).toEqual(['channel alice', 'feed alice', 'run alice'])
    const { resume } = dataOf(start) as { resume: string }
    const path = `/api/generate${new URL(resume, under.mounted.url).search}`
    expect((await under.mounted.fetch(path, { headers: bearer('bob') })).status).toBe(404)
  })

  test('[P5.5] a stream without credentials is authenticated by the cookie of the operations', async () => {
    const requests: Request[] = []
    const under = await openWithIdentities(face, {
      feed: { authorize: (_identity, request) => requests.push(request) > 0 },
    })
    const headers = { cookie: 'alice', origin: under.mounted.url }
    const channel = await under.connect({ headers })
    await channel.post(openGetOperation('a', '/api/stream', { headers: { cookie: 'bob' } }))
    await channel.readUntil('a', (all) => all.length === 2)
    expect(requests[0]!.headers.get('cookie')).toBe('alice')
  })

  test('[P5.5] a token that is not valid leads to 401 for its stream only', async () => {
    const { connect, feed } = await openWithIdentities(face)
    const channel = await connect({ headers: bearer('alice') })
    await channel.post(openGetOperation('a', '/api/stream', { headers: bearer('nonsense') }), openGetOperation('b'))
    const refused = await channel.readUntilClosed('a')
    expect(controlOf(refused, 'open')).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': expect.stringContaining('invalid_token') },
    })
    expect(controlOf(refused, 'close')).toEqual({ status: 401, problem: expect.stringContaining('"status":401') })
    await channel.readUntil('b', (all) => all.length === 2)
    await feed.send('note', 1)
    await channel.readUntil('b', (all) => all.at(-1)!.type === 'note')
  })

  test('[P5.5] a missing permission leads to 403 for its stream only', async () => {
    const { connect } = await openWithIdentities(face, { feed: { authorize: () => false } })
    const channel = await connect({ headers: bearer('alice') })
    await channel.post(openGetOperation('a'), openRunOperation('b'))
    expect(controlOf(await channel.readUntilClosed('a'), 'open')['status']).toBe(403)
    await channel.readUntil('b', (all) => all.length === 2)
  })

  test('[P5.3] [P5.5] [P1.6] a stream of another subject gets 421, so that subjects never share a compressor', async () => {
    const under = await openWithIdentities(face)
    const channel = await under.connect({ headers: bearer('alice') })
    await channel.post(
      openGetOperation('a', '/api/stream', { headers: bearer('bob') }),
      openGetOperation('b', '/api/stream', { headers: { 'x-api-key': 'bob' } }),
      openGetOperation('c', '/api/stream', { headers: { 'x-api-key': 'alice' } }),
    )
    for (const key of ['a', 'b']) expect(controlOf(await channel.readUntilClosed(key), 'open')['status']).toBe(421)
    expect(controlOf(await channel.readUntil('c', (all) => all.length === 2), 'open')['status']).toBe(200)
    expect(under.readers).toBe(1)
  })

  test("[P4.3] [P5.5] another subject's run gets 404 over a channel as well", async () => {
    const { connect } = await openWithIdentities(face)
    const alice = await connect({ headers: bearer('alice') })
    await alice.post(openRunOperation('a'))
    const { resume } = dataOf(eventsOfItems(await alice.readUntil('a', (all) => all.length === 2))[0])
    const path = `/api/generate${(resume as string).replace(/^[^?]*/, '')}`
    const bob = await connect({ headers: bearer('bob') })
    await bob.post(openGetOperation('a', path), openGetOperation('b', path, { method: 'DELETE' }))
    for (const key of ['a', 'b']) expect(controlOf(await bob.readUntilClosed(key), 'open')['status']).toBe(404)
  })
})

describe.each(faces)('%s: expiry', (face) => {
  const open = async (under: ChannelsUnderTest): Promise<ChannelClient> =>
    under.connect({ headers: bearer('alice', 5_000) })

  test('[P5.5] [P4.1] a stream is closed with 401 when its credentials expire, one with newer ones later', async () => {
    const under = await openWithIdentities(face)
    const channel = await open(under)
    const fresh = bearer('alice', 60_000)
    await channel.post(openGetOperation('inherited'), openGetOperation('own', '/api/stream', { headers: fresh }))
    for (const key of ['inherited', 'own']) await channel.readUntil(key, (all) => all.length === 2)
    await under.clock.advance(5_000)
    expect(controlOf(await channel.readUntilClosed('inherited'), 'close')).toEqual({
      status: 401,
      problem: expect.stringContaining('expired'),
    })
    expect(under.readers).toBe(1)
    await under.feed.send('note', 1)
    await channel.readUntil('own', (all) => all.at(-1)!.type === 'note')
    // The channel ends with its last stream, because no valid credentials are left.
    await under.clock.advance(55_000)
    expect(controlOf(await channel.readUntilClosed('own'), 'close')['status']).toBe(401)
    expect((await channel.reader.readToEnd()).error).toBeUndefined()
  })

  test('[P5.5] [P4.1] a stream without credit is closed as well when its credentials expire', async () => {
    const under = await openWithIdentities(face)
    const channel = await open(under)
    await channel.post(openGetOperation('a', '/api/stream', { window: 1 }))
    await channel.readUntil('a', (all) => all.length === 2)
    await under.feed.send('note', 1)
    await under.clock.advance(5_000)
    const items = await channel.readUntilClosed('a')
    expect(items.map(({ type }) => type)).toEqual(['open', 'connected', 'close'])
    expect(controlOf(items, 'close')['status']).toBe(401)
  })

  test('[P5.5] [P4.1] a channel without streams ends when its credentials expire', async () => {
    const under = await openWithIdentities(face)
    const channel = await open(under)
    await under.clock.advance(5_000)
    expect((await channel.reader.readToEnd()).error).toBeUndefined()
  })

  test('[P5.5] operations with fresh credentials prolong the channel, and the streams that they open', async () => {
    const under = await openWithIdentities(face)
    const channel = await open(under)
    await channel.post(openGetOperation('before'))
    await under.post({ channelId: channel.channelId, ops: [openGetOperation('after')] }, bearer('alice', 60_000))
    for (const key of ['before', 'after']) await channel.readUntil(key, (all) => all.length === 2)
    await under.clock.advance(5_000)
    expect(controlOf(await channel.readUntilClosed('before'), 'close')['status']).toBe(401)
    await under.feed.send('note', 1)
    await channel.readUntil('after', (all) => all.at(-1)!.type === 'note')
    await under.post({ channelId: channel.channelId, ops: [{ op: 'close', key: 'after' }] }, bearer('alice', 60_000))
    await under.clock.advance(54_999)
    expect((await under.post({ channelId: channel.channelId, ops: [] }, bearer('alice'))).status).toBe(202)
  })

  test('[P5.5] a run continues after its reader has expired, and is resumed with new credentials', async () => {
    const under = await openWithIdentities(face)
    const channel = await open(under)
    await channel.post(openRunOperation('a'))
    await waitUntil(() => under.model.runs.length === 1)
    under.model.runs[0]!.say('012')
    await channel.readUntil('a', (all) => all.length === 3)
    await under.clock.advance(5_000)
    const first = eventsOfItems(await channel.readUntilClosed('a'))
    under.model.runs[0]!.say('345')
    under.model.runs[0]!.end()
    const again = await under.connect({ headers: bearer('alice') })
    await again.post(openGetOperation('a', '/api/generate', { lastEventId: first.at(-1)!.id }))
    expect(textOf(first) + textOf(eventsOfItems(await again.readUntilClosed('a')))).toBe('012345')
  })
})
