/**
 * Tests of sections 5.1 to 5.3 of PROTOCOL.md, over real sockets: the channel connection, its operations, and the
 * framing of its streams.
 */
import { describe, expect, test } from 'vitest'
import { createFetchHandler } from '../../../mock-server/mock/fetch-handler.ts'
import { createService } from '../../../mock-server/service/service.ts'
import { dataOf, textOf } from '../support/blocks.ts'
import {
  controlOf,
  eventsOfItems,
  openChannelClient,
  openGetOperation,
  openRunOperation,
} from '../support/channel-client.ts'
import { waitUntil, openLocalTestServer } from '../support/local-test-server.ts'
import { openRawClient } from '../support/raw-client.ts'
import { openStreamReader } from '../support/stream-reader.ts'

const answers = { Hi: 'Hello, 世界 👩‍👩‍👧‍👦!' }

describe('the channel connection', () => {
  test('[P5.1] the first event is `channel`, with an unguessable id and the heartbeat interval', async () => {
    const { url } = await openLocalTestServer({ heartbeat: 5_000 })
    const [one, other] = [await openChannelClient(url), await openChannelClient(url)]
    const [first] = one.reader.events
    expect(first!.type).toBe('channel')
    expect(first!.id).toBeUndefined()
    expect(dataOf(first)).toEqual({ channelId: expect.stringMatching(/^[0-9a-f-]{36}$/), heartbeat: 5_000 })
    expect(other.channelId).not.toBe(one.channelId)
  })

  test('[P5.1] a channel sends one heartbeat for all of its silent streams', async () => {
    const { url, clock } = await openLocalTestServer({ heartbeat: 5_000 })
    const channel = await openChannelClient(url)
    await channel.post(openGetOperation('a'), openGetOperation('b'))
    for (const key of ['a', 'b']) await channel.readUntil(key, (all) => all.length === 2)
    await clock.advance(5_000)
    await channel.reader.readUntil(': heartbeat')
    await clock.advance(5_000)
    await channel.reader.readUntil(': heartbeat\n\n: heartbeat')
    expect(channel.reader.blocks.filter(({ comment }) => comment !== undefined).map(({ comment }) => comment)).toEqual([
      'open',
      'heartbeat',
      'heartbeat',
    ])
  })

  test('[P5.1] a channel without heartbeats announces no heartbeat interval', async () => {
    const { url } = await openLocalTestServer({ heartbeat: 0 })
    expect(dataOf((await openChannelClient(url)).reader.events[0])).not.toHaveProperty('heartbeat')
  })

  test('[P5.1] closing a channel removes the channel and its readers, while the runs continue', async () => {
    const { url, server } = await openLocalTestServer({ answers, delay: 10 })
    const channel = await openChannelClient(url)
    await channel.post(openRunOperation('a'), openGetOperation('b'))
    await channel.readUntil('a', (all) => all.length === 2)
    await channel.readUntil('b', (all) => all.length === 2)
    expect([server.runs[0]!.readers, server.clients.length]).toEqual([1, 1])
    channel.reader.close()
    await waitUntil(() => server.runs[0]!.readers === 0 && server.clients.length === 0)
    expect(server.runs[0]!.state).toBe('running')
    expect((await channel.post({ op: 'close', key: 'a' })).status).toBe(404)
  })

  test('[P5.1] [P1.6] events of a compressed channel are readable at once', async () => {
    const { url, server } = await openLocalTestServer()
    const channel = await openChannelClient(url, { headers: { 'accept-encoding': 'br' } })
    expect(channel.reader.response.headers.get('content-encoding')).toBe('br')
    await channel.post(openGetOperation('a'))
    await channel.readUntil('a', (all) => all.length === 2)
    for (let count = 1; count <= 3; count++) {
      server.broadcast({ type: 'note', data: count })
      await channel.readUntil('a', (all) => all.length === 2 + count)
    }
  })

  test('[P5.1] a channel beyond the limit gets a 503, until another channel is closed', async () => {
    const service = createService()
    const respond = createFetchHandler(service)
    const open = (): Promise<Response> => respond(new Request('http://localhost/api/channel'))
    const responses = await Promise.all(Array.from({ length: 1_000 }, open))
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]))
    const surplus = await open()
    expect([surplus.status, surplus.headers.get('retry-after')]).toEqual([503, '1'])
    await responses[0]!.body!.cancel()
    expect((await open()).status).toBe(200)
    service.close()
  })

  test('[P5.1] a closing server ends its channels cleanly', async () => {
    const { url, server } = await openLocalTestServer()
    const client = openRawClient(`${url}/api/channel`)
    await client.waitForText('channel')
    await server.close()
    expect(await client.ended).toBe('fin')
    expect(client.isComplete).toBe(true)
  })
})

describe('operations', () => {
  test('[P5.2] one POST opens a run and a feed on one channel', async () => {
    const { url, server } = await openLocalTestServer({ answers, delay: 0 })
    const channel = await openChannelClient(url)
    const response = await channel.post(openRunOperation('a'), openGetOperation('b'))
    expect(response.status).toBe(202)
    expect(await response.text()).toBe('')
    const a = await channel.readUntilClosed('a')
    expect(controlOf(a, 'close')).toEqual({ status: 200 })
    expect(textOf(eventsOfItems(a))).toBe(answers.Hi)
    const id = server.broadcast({ type: 'note', data: 1 })
    const b = await channel.readUntil('b', (all) => all.some(({ type }) => type === 'note'))
    expect(b.map(({ type, kind }) => [type, kind])).toEqual([
      ['open', 'control'],
      ['connected', 'own'],
      ['note', 'own'],
    ])
    expect(b.at(-1)!.id).toBe(id)
  })

  test('[P5.2] close removes the reader while the run continues, and no further event is sent', async () => {
    const { url, server, clock } = await openLocalTestServer({ answers, delay: 10 })
    const channel = await openChannelClient(url)
    await channel.post(openRunOperation('a'), openGetOperation('b'))
    await channel.readUntil('a', (all) => all.length === 2)
    await channel.post({ op: 'close', key: 'a' })
    expect(server.runs[0]).toMatchObject({ readers: 0, state: 'running' })
    const before = channel.itemsOf('a').length
    await clock.advance(1_000)
    expect(server.runs[0]!.state).toBe('finished')
    server.broadcast({ type: 'note', data: 1 })
    await channel.readUntil('b', (all) => all.at(-1)!.type === 'note')
    expect(channel.itemsOf('a')).toHaveLength(before)
  })

  test('[P5.2] close works on a stream that is still waiting for a response', async () => {
    const { url, server } = await openLocalTestServer({ scenario: 'path:/api/generate,head-delay:1000' })
    const channel = await openChannelClient(url)
    await channel.post(openRunOperation('a'))
    await waitUntil(() => server.runs[0]?.readers === 1)
    await channel.post({ op: 'close', key: 'a' })
    expect(server.runs[0]!.readers).toBe(0)
  })

  test('[P5.2] credit and close for an ended or unknown stream are ignored', async () => {
    const { url } = await openLocalTestServer({ answers, delay: 0 })
    const channel = await openChannelClient(url)
    await channel.post(openRunOperation('a'))
    await channel.readUntilClosed('a')
    const ops = ['a', 'never'].flatMap((key) => [
      { op: 'credit', key, bytes: 1 },
      { op: 'close', key },
    ])
    expect((await channel.post(...ops)).status).toBe(202)
  })

  test.each([
    ['an ops field that is not an array', { ops: {} }],
    ['a channelId that is not a string', { channelId: 7, ops: [] }],
    ['an operation that is not an object', { ops: [7] }],
    ['a missing key', { ops: [{ op: 'close' }] }],
    ['a key that is too long', { ops: [{ op: 'close', key: 'x'.repeat(33) }] }],
    ['a key with invalid characters', { ops: [{ op: 'close', key: 'a=b' }] }],
    ['an unknown operation', { ops: [{ op: 'pause', key: 'a' }] }],
    ['negative credit', { ops: [{ op: 'credit', key: 'a', bytes: -1 }] }],
    ['credit that is not a number', { ops: [{ op: 'credit', key: 'a', bytes: '7' }] }],
    ['a path that is not a string', { ops: [openGetOperation('b', 7 as unknown as string)] }],
    ['a window of 0, which no credit could open', { ops: [openGetOperation('b', '/api/stream', { window: 0 })] }],
    ['a path that resolves to another origin', { ops: [openGetOperation('b', '/\t/example.com')] }],
    ['an absolute URL', { ops: [openGetOperation('b', 'http://localhost/api/stream')] }],
    ['a forbidden method', { ops: [openGetOperation('b', '/api/stream', { method: 'TRACE' })] }],
    ['a malformed method', { ops: [openGetOperation('b', '/api/stream', { method: 'GET /' })] }],
    ['a malformed header name', { ops: [openGetOperation('b', '/api/stream', { headers: { 'a b': 'c' } })] }],
    [
      'a header value with a line break',
      { ops: [openGetOperation('b', '/api/stream', { headers: { a: 'b\r\nc: d' } })] },
    ],
    ['a body that is not a string', { ops: [openRunOperation('b', { body: { prompt: 'Hi' } })] }],
    ['a GET with a body', { ops: [openGetOperation('b', '/api/stream', { body: 'x' })] }],
    ['a Last-Event-ID with a line break', { ops: [openGetOperation('b', '/api/stream', { lastEventId: 'a\nb' })] }],
    ['a negative window', { ops: [openGetOperation('b', '/api/stream', { window: -1 })] }],
  ])('[P5.2] %s leads to a 400, and no operation in the POST is applied', async (_name, body) => {
    const { url, server } = await openLocalTestServer({ answers, delay: 10 })
    const { channelId } = await openChannelClient(url)
    const ops = Array.isArray(body.ops) ? [openRunOperation('a'), ...body.ops] : body.ops
    const response = await fetch(`${url}/api/channel/ops`, {
      method: 'POST',
      body: JSON.stringify({ channelId, ...body, ops }),
    })
    expect(response.status).toBe(400)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(((await response.json()) as { detail: string }).detail).toMatch(/^(ops|channelId)/)
    expect(server.runs).toEqual([])
  })

  test('[P5.2] a path that starts with // stays on this origin, and only that stream gets a 404', async () => {
    const { url } = await openLocalTestServer()
    const channel = await openChannelClient(url)
    await channel.post(openGetOperation('a', '//example.com/api/stream'), openGetOperation('b'))
    expect(controlOf(await channel.readUntilClosed('a'), 'open')['status']).toBe(404)
    await channel.readUntil('b', (all) => all.length === 2)
  })

  test.each([
    ['not JSON', '{', 400],
    ['too large', `{"channelId":"${'x'.repeat(200)}"}`, 413],
  ])('[P5.2] a body that is %s is rejected', async (_name, body, status) => {
    const { url } = await openLocalTestServer({ bodyLimit: 100 })
    expect((await fetch(`${url}/api/channel/ops`, { method: 'POST', body })).status).toBe(status)
  })

  test('[P5.2] a body with more than 1000 operations gets a 413', async () => {
    const { url } = await openLocalTestServer()
    const channel = await openChannelClient(url)
    const credits = Array.from({ length: 1_001 }, () => ({ op: 'credit', key: 'a', bytes: 1 }))
    expect((await channel.post(...credits.slice(1))).status).toBe(202)
    expect((await channel.post(...credits)).status).toBe(413)
  })

  test('[P5.2] operations on an unknown channel get a 404', async () => {
    const { url } = await openLocalTestServer()
    const body = JSON.stringify({ channelId: crypto.randomUUID(), ops: [] })
    expect((await fetch(`${url}/api/channel/ops`, { method: 'POST', body })).status).toBe(404)
  })

  test('[P5.2] a key can be used only once per channel, even after its stream has ended', async () => {
    const { url, server } = await openLocalTestServer({ answers, delay: 0 })
    const channel = await openChannelClient(url)
    expect((await channel.post(openRunOperation('a'), openRunOperation('a'))).status).toBe(409)
    expect(server.runs).toEqual([])
    expect((await channel.post(openRunOperation('a'))).status).toBe(202)
    await channel.readUntilClosed('a')
    expect((await channel.post(openRunOperation('b'), openRunOperation('a'))).status).toBe(409)
    expect(server.runs).toHaveLength(1)
    const other = await openChannelClient(url)
    expect((await other.post(openRunOperation('a'))).status).toBe(202)
    await other.readUntilClosed('a')
  })

  test('[P5.2] a stream beyond the limit of a channel gets a 503, without affecting the others', async () => {
    const { url, server } = await openLocalTestServer()
    const channel = await openChannelClient(url)
    await channel.post(...Array.from({ length: 1_000 }, (_, index) => openGetOperation(`k${index}`)))
    await channel.post(openGetOperation('surplus'))
    const surplus = await channel.readUntilClosed('surplus')
    expect(controlOf(surplus, 'open')).toMatchObject({ status: 503, headers: { 'retry-after': '1' } })
    expect(server.clients).toHaveLength(1_000)
    await channel.post({ op: 'close', key: 'k7' })
    await channel.post(openGetOperation('next'))
    expect(controlOf(await channel.readUntil('next', (all) => all.length > 1), 'open')).toMatchObject({ status: 200 })
  })

  test('[P5.2] headers may be given as pairs, and connection headers are ignored', async () => {
    const requests: Request[] = []
    const { url } = await openLocalTestServer({
      onRequest: (request, via) => void (via === 'channel' && requests.push(request)),
    })
    const channel = await openChannelClient(url)
    const headers = [
      ['x-mine', '1'],
      ['origin', 'http://localhost'],
      ['cookie', 'a=b'],
      ['accept-encoding', 'gzip'],
    ]
    await channel.post(openGetOperation('a', '/api/stream?types=note', { headers, lastEventId: '日本' }))
    await channel.readUntil('a', (all) => all.length > 1)
    expect(requests).toHaveLength(1)
    expect(new URL(requests[0]!.url).pathname).toBe('/api/stream')
    expect(requests[0]!.headers.get('x-mine')).toBe('1')
    expect(Buffer.from(requests[0]!.headers.get('last-event-id')!, 'latin1').toString()).toBe('日本')
    for (const name of ['origin', 'cookie', 'accept-encoding']) expect(requests[0]!.headers.has(name)).toBe(false)
  })

  test.each(['/_mock', '/api/channel', '/api/channel/ops', '/nothing'])(
    '[P5.2] %s cannot be requested over a channel',
    async (path) => {
      const { url } = await openLocalTestServer()
      const channel = await openChannelClient(url)
      await channel.post(openGetOperation('a', path))
      expect(controlOf(await channel.readUntilClosed('a'), 'open')['status']).toBe(path === '/_mock' ? 403 : 404)
    },
  )
})

describe('framing', () => {
  test('[P5.3] events carry the key of their stream and keep their ids', async () => {
    const { url } = await openLocalTestServer({ answers, delay: 0 })
    const channel = await openChannelClient(url)
    await channel.post(openRunOperation('a'))
    const items = await channel.readUntilClosed('a')
    const { events } = await (
      await openStreamReader(new URL(dataOf(eventsOfItems(items)[0])['resume'] as string, url).href)
    ).readToEnd()
    expect(eventsOfItems(items)).toEqual(events)
  })

  test('[P5.3] blocks without an id, blocks with an empty id, and blocks without data are framed', async () => {
    const insert = encodeURIComponent(
      'data: none\n\nid\ndata: empty\n\nid: quiet\n\nevent: only\n\n: comment\n\nid: 7\nevent: named\ndata: one\ndata: two\n\n',
    )
    const { url } = await openLocalTestServer()
    const channel = await openChannelClient(url)
    await channel.post(
      openGetOperation('a-_1', `/api/stream?fault=${encodeURIComponent(`insert-after:1,insert:${insert}`)}`),
    )
    const items = await channel.readUntil('a-_1', (all) => all.at(-1)?.type === 'named')
    expect(items.slice(2)).toEqual([
      { type: 'message', kind: 'none', id: undefined, data: 'none' },
      { type: 'message', kind: 'own', id: '', data: 'empty' },
      { type: 'message', kind: 'own', id: 'quiet', data: undefined },
      { type: 'named', kind: 'own', id: '7', data: 'one\ntwo' },
    ])
    expect(channel.reader.blocks.map(({ comment }) => comment).filter(Boolean)).toEqual(['open'])
    expect(channel.reader.text).toContain('id: a-_1+\n')
    expect(channel.reader.text).toContain('id: a-_1=\n')
  })

  test('[P5.3] `open` has the status, the URL and the headers, except connection headers', async () => {
    const { url } = await openLocalTestServer({ cors: '*' })
    const channel = await openChannelClient(url, { headers: { origin: 'http://example.com' } })
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
    ['retry:7000', [7_000]],
    ['retry:0', [0]],
    ['retry:1e1', []],
    [`insert:${encodeURIComponent('retry: 99999999999999999999\n\n')}`, [Number.MAX_SAFE_INTEGER]],
  ])('[P5.3] %s becomes a `retry` control event if a parser accepts the value', async (fault, delays) => {
    const { url } = await openLocalTestServer()
    const channel = await openChannelClient(url)
    await channel.post(openGetOperation('a', `/api/stream?fault=${encodeURIComponent(fault)}`))
    const items = await channel.readUntil('a', (all) => all.some(({ type }) => type === 'connected'))
    const retries = items.filter(({ type, kind }) => type === 'retry' && kind === 'control')
    expect(retries.map(({ data }) => JSON.parse(data!) as unknown)).toEqual(delays.map((delay) => ({ delay })))
    expect(channel.reader.blocks.every(({ retry }) => retry === undefined)).toBe(true)
  })

  test.each([
    ['an invalid request', openRunOperation('a', { body: '{}' }), 400],
    ['an unknown path', openGetOperation('a', '/nowhere'), 404],
    ['a wrong method', openGetOperation('a', '/api/generate/x', { method: 'POST' }), 405],
    ['a JSON response', openGetOperation('a', '/api/broadcast', { method: 'POST', body: '{"data":1}' }), 202],
  ])('[P5.3] %s is sent as `open` with the status and `close` with the body', async (_name, op, status) => {
    const { url } = await openLocalTestServer()
    const channel = await openChannelClient(url)
    await channel.post(op)
    const items = await channel.readUntilClosed('a')
    expect(items.map(({ type }) => type)).toEqual(['open', 'close'])
    expect(controlOf(items, 'open')['status']).toBe(status)
    const close = controlOf(items, 'close')
    expect(close['status']).toBe(status)
    const body = JSON.parse(close['problem'] as string) as Record<string, unknown>
    if (status >= 400)
      expect(body).toEqual({ type: 'about:blank', title: expect.any(String), status, detail: expect.any(String) })
    else expect(body).toEqual({ id: expect.any(String), clients: 0 })
  })

  test('[P5.3] a 204 response is sent as `open` and `close` without a body', async () => {
    const { url, server } = await openLocalTestServer()
    server.service.feed().close()
    const channel = await openChannelClient(url)
    await channel.post(openGetOperation('a'))
    const items = await channel.readUntilClosed('a')
    expect(controlOf(items, 'open')['status']).toBe(204)
    expect(controlOf(items, 'close')).toEqual({ status: 204 })
  })
})
