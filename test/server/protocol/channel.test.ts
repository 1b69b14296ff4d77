/** Tests of sections 5.1 and 5.3 of PROTOCOL.md, through both faces of the server: the connection of a channel, and framing. */
import { describe, expect, test } from 'vitest'
import { dataOf, textOf } from '../../mock-server/support/blocks.ts'
import {
  controlOf,
  eventsOfItems,
  openGetOperation,
  openRunOperation,
} from '../../mock-server/support/channel-client.ts'
import { waitUntil } from '../../mock-server/support/local-test-server.ts'
import { faces } from '../support/faces.ts'
import { openChannels } from '../support/channels.ts'

describe.each(faces)('%s: the connection', (face) => {
  test('[P5.1] the first event is `channel`, with an unguessable ID and the heartbeat interval', async () => {
    const { connect } = await openChannels(face, { server: { heartbeat: 5_000 } })
    const [one, other] = [await connect(), await connect()]
    const [first] = one.reader.events
    expect(first).toMatchObject({ type: 'channel', id: undefined })
    expect(dataOf(first)).toEqual({ channelId: expect.stringMatching(/^[0-9a-f-]{36}$/), heartbeat: 5_000 })
    expect(other.channelId).not.toBe(one.channelId)
    expect(one.reader.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(one.reader.text).toMatch(/^: open\n\n/)
  })

  test('[P5.1] a channel without heartbeats announces none', async () => {
    const { connect } = await openChannels(face, { server: { heartbeat: 0 } })
    expect(dataOf((await connect()).reader.events[0])).not.toHaveProperty('heartbeat')
  })

  test('[P5.1] [P1.3] a channel sends one heartbeat for all of its silent streams', async () => {
    const { connect, clock } = await openChannels(face, { server: { heartbeat: 5_000 } })
    const channel = await connect()
    await channel.post(openGetOperation('a'), openGetOperation('b'))
    for (const key of ['a', 'b']) await channel.readUntil(key, (all) => all.length === 2)
    await clock.advance(5_000)
    await channel.reader.readUntil(': heartbeat')
    await clock.advance(5_000)
    await channel.reader.readUntil(': heartbeat\n\n: heartbeat')
    expect(channel.reader.blocks.flatMap(({ comment }) => comment ?? [])).toEqual(['open', 'heartbeat', 'heartbeat'])
  })

  test('[P5.1] a client that leaves takes its readers along, while its runs continue', async () => {
    const under = await openChannels(face)
    const channel = await under.connect()
    await channel.post(openRunOperation('a'), openGetOperation('b'))
    for (const key of ['a', 'b']) await channel.readUntil(key, (all) => all.length === 2)
    expect(under.readers).toBe(2)
    channel.reader.close()
    await waitUntil(() => under.readers === 0)
    expect(under.model.runs[0]!.isClosed).toBe(false)
    expect((await channel.post({ op: 'close', key: 'a' })).status).toBe(404)
    expect(
      under.records.find(({ type, ...rest }) => type === 'close' && 'kind' in rest && rest.kind === 'channel'),
    ).toMatchObject({ reason: 'left', stream: channel.channelId })
  })

  test('[P5.1] a closing server ends channels with their streams, and refuses new ones', async () => {
    const { server, connect, mounted } = await openChannels(face)
    const channel = await connect()
    await channel.post(openGetOperation('a'))
    await channel.readUntil('a', (all) => all.length === 2)
    await server.close()
    expect((await channel.reader.readToEnd()).error).toBeUndefined()
    expect(controlOf(channel.itemsOf('a'), 'close')).toEqual({ status: 200 })
    expect((await mounted.fetch('/api/channel')).status).toBe(503)
  })

  test('[P5.1] while a server waits for its runs, their channel carries them to their end', async () => {
    const { server, connect, model, clock } = await openChannels(face)
    const channel = await connect()
    await channel.post(openRunOperation('a'), openGetOperation('b'))
    for (const key of ['a', 'b']) await channel.readUntil(key, (all) => all.length === 2)
    const closed = server.close({ grace: 20_000 })
    await channel.readUntilClosed('b')
    expect((await channel.post({ op: 'credit', key: 'a', bytes: 100 }, openGetOperation('c'))).status).toBe(202)
    expect(controlOf(await channel.readUntilClosed('c'), 'open')['status']).toBe(503)
    model.runs[0]!.say('Hello')
    model.runs[0]!.end()
    await channel.readUntilClosed('a')
    expect(textOf(eventsOfItems(channel.itemsOf('a')))).toBe('Hello')
    expect((await channel.reader.readToEnd()).error).toBeUndefined()
    await clock.advance(20_000)
    await closed
  })

  test('[P5.1] a client beyond its limit of open streams gets 429 for a channel, too', async () => {
    const { connect, mounted } = await openChannels(face, {
      server: { limits: { streams: 1 }, authenticate: () => ({ subject: 'alice' }) },
    })
    await connect()
    expect((await mounted.fetch('/api/channel')).status).toBe(429)
  })
})

describe.each(faces)('%s: framing', (face) => {
  test('[P5.3] events carry the key of their stream and keep their types, data and IDs', async () => {
    const { connect, model, mounted } = await openChannels(face)
    const channel = await connect()
    await channel.post(openRunOperation('a-_1'))
    await channel.readUntil('a-_1', (all) => all.length === 2)
    model.runs[0]!.say('a', 'b\nc', 'event: x', 'id: 7', '', '🧑‍🚀')
    model.runs[0]!.end()
    const items = await channel.readUntilClosed('a-_1')
    const { resume } = dataOf(eventsOfItems(items)[0]) as { resume: string }
    const plain = await (
      await mounted.open(`/api/generate${new URL(resume, mounted.url).search}&compact=0`)
    ).readToEnd()
    expect(eventsOfItems(items)).toEqual(plain.events)
  })

  test('[P5.3] a block without an ID and a block without data are framed', async () => {
    const { connect, feed, clock } = await openChannels(face, { feed: { types: ['wanted', 'other'] } })
    const channel = await connect()
    await channel.post(
      openGetOperation('a', '/api/stream?types=wanted', { lastEventId: 'unknown-1-aa' }),
      openGetOperation('b', '/api/stream?types=other'),
    )
    await channel.readUntil('a', (all) => all.length === 3)
    await channel.readUntil('b', (all) => all.length === 2)
    expect(channel.reader.text).toContain('id: a+\n')
    const id = await feed.send('other', 1)
    // Both streams get the event in the same turn.
    await channel.readUntil('b', (all) => all.length === 3)
    expect(channel.itemsOf('a').at(-1)).toEqual({
      type: 'reset',
      kind: 'none',
      id: undefined,
      data: '{"reason":"unknown"}',
    })
    await clock.advance(30_000)
    const items = await channel.readUntil('a', (all) => all.length === 4)
    expect(items.at(-1)).toMatchObject({ kind: 'own', id, data: undefined })
  })

  test('[P5.3] the `retry` of a stream becomes a control event', async () => {
    const { connect } = await openChannels(face, { feed: { retry: 5_000 } })
    const channel = await connect()
    await channel.post(openGetOperation('a'))
    const items = await channel.readUntil('a', (all) => all.length === 3)
    expect(items.map(({ type, kind }) => [type, kind])).toEqual([
      ['open', 'control'],
      ['retry', 'control'],
      ['connected', 'own'],
    ])
    expect(controlOf(items, 'retry')).toEqual({ delay: 5_000 })
    expect(channel.reader.blocks.every(({ retry }) => retry === undefined)).toBe(true)
  })

  test('[P5.3] a handler that has no response, as after a network error, breaks its stream', async () => {
    const { connect } = await openChannels(face, {
      channel: { routes: () => ({ handler: async () => Response.error() }) },
    })
    const channel = await connect()
    await channel.post(openGetOperation('a'))
    const items = await channel.readUntilClosed('a')
    expect(items.map(({ type }) => type)).toEqual(['close'])
    expect(controlOf(items, 'close')).toEqual({ status: 502, problem: expect.stringContaining('cut') })
  })

  test('[P5.3] `open` has the status, the URL and the headers, except those of the connection', async () => {
    const { connect } = await openChannels(face, { server: { cors: '*' } })
    const channel = await connect({ headers: { origin: 'http://page.example' } })
    await channel.post(openGetOperation('a', '/api/stream?types=a,b'))
    expect(controlOf(await channel.readUntil('a', (all) => all.length > 1), 'open')).toEqual({
      status: 200,
      url: '/api/stream?types=a,b',
      headers: {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-cache, no-transform',
        'x-accel-buffering': 'no',
      },
    })
  })

  test.each([
    ['an invalid request', openRunOperation('a', { body: '{' }), 400],
    ['an unknown path', openGetOperation('a', '/nowhere'), 404],
    ['a wrong method', openGetOperation('a', '/api/stream', { method: 'DELETE' }), 405],
  ])('[P5.3] %s is sent as `open` with the status and `close` with the problem', async (_name, operation, status) => {
    const { connect } = await openChannels(face)
    const channel = await connect()
    await channel.post(operation)
    const items = await channel.readUntilClosed('a')
    expect(items.map(({ type }) => type)).toEqual(['open', 'close'])
    expect(controlOf(items, 'open')['status']).toBe(status)
    const close = controlOf(items, 'close')
    expect(close['status']).toBe(status)
    expect(JSON.parse(close['problem'] as string)).toMatchObject({ status, detail: expect.any(String) })
  })

  test('[P5.3] an event that is too large to carry closes its stream with 413, and no other', async () => {
    const { connect, feed } = await openChannels(face, { channel: { maxEventBytes: 200 } })
    const channel = await connect()
    await channel.post(openGetOperation('a', '/api/stream'))
    await channel.readUntil('a', (all) => all.length === 2)
    await feed.send('note', 'x'.repeat(198))
    await feed.send('note', 'x'.repeat(199))
    const items = await channel.readUntilClosed('a')
    expect(items.map(({ type }) => type)).toEqual(['open', 'connected', 'note', 'close'])
    expect(controlOf(items, 'close')).toEqual({ status: 413, problem: expect.stringContaining('too large') })
    await channel.post(openRunOperation('b'))
    await channel.readUntil('b', (all) => all.length === 2)
  })

  test('[P5.3] an event stream that is not of this server breaks its stream with 502', async () => {
    const foreign = async (): Promise<Response> =>
      new Response('data: x\n\n', { headers: { 'content-type': 'text/event-stream' } })
    const { connect } = await openChannels(face, { channel: { routes: { '/foreign': { handler: foreign } } } })
    const channel = await connect()
    await channel.post(openGetOperation('a', '/foreign'))
    const items = await channel.readUntilClosed('a')
    expect(items.map(({ type }) => type)).toEqual(['close'])
    expect(controlOf(items, 'close')['status']).toBe(502)
  })

  test('[P5.3] a handler that fails breaks its stream with 500, without its message', async () => {
    const handler = async (): Promise<Response> => {
      throw new Error('secret')
    }
    const { connect, records } = await openChannels(face, { channel: { routes: { '/broken': { handler } } } })
    const channel = await connect()
    await channel.post(openGetOperation('a', '/broken'))
    const items = await channel.readUntilClosed('a')
    expect(controlOf(items, 'open')['status']).toBe(500)
    expect(channel.reader.text).not.toContain('secret')
    expect(records).toContainEqual({ type: 'error', error: new Error('secret') })
  })
})

test('[P5.1] [P1.6] events of a compressed channel are readable at once', async () => {
  const { connect, feed } = await openChannels('node', { node: { compress: true } })
  const channel = await connect({ headers: { 'accept-encoding': 'br' } })
  expect(channel.reader.response.headers.get('content-encoding')).toBe('br')
  await channel.post(openGetOperation('a'))
  await channel.readUntil('a', (all) => all.length === 2)
  for (let count = 1; count <= 3; count++) {
    await feed.send('note', count)
    await channel.readUntil('a', (all) => all.length === 2 + count)
  }
})
