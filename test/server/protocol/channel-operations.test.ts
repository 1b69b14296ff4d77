/** Tests of section 5.2 of PROTOCOL.md, through both faces of the server: the operations on the streams of a channel. */
import { describe, expect, test } from 'vitest'
import { textOf } from '../../mock-server/support/blocks.ts'
import {
  controlOf,
  eventsOfItems,
  openGetOperation,
  openRunOperation,
} from '../../mock-server/support/channel-client.ts'
import { waitUntil } from '../../mock-server/support/local-test-server.ts'
import { openChannels } from '../support/channels.ts'
import { createTestServer, faces } from '../support/faces.ts'

describe.each(faces)('%s', (face) => {
  test('[P5.2] one POST opens a run and a feed on one channel', async () => {
    const { connect, feed, model } = await openChannels(face)
    const channel = await connect()
    const response = await channel.post(openRunOperation('a'), openGetOperation('b'))
    expect([response.status, await response.text()]).toEqual([202, ''])
    await channel.readUntil('a', (all) => all.length === 2)
    model.runs[0]!.say('Hello, ', '世界 👩‍👩‍👧‍👦!')
    model.runs[0]!.end()
    const a = await channel.readUntilClosed('a')
    expect(textOf(eventsOfItems(a))).toBe('Hello, 世界 👩‍👩‍👧‍👦!')
    expect(controlOf(a, 'close')).toEqual({ status: 200 })
    await channel.readUntil('b', (all) => all.length === 2)
    const id = await feed.send('note', 1)
    const b = await channel.readUntil('b', (all) => all.length === 3)
    expect(b.map(({ type, kind }) => `${type} ${kind}`)).toEqual(['open control', 'connected own', 'note own'])
    expect(b.at(-1)!.id).toBe(id)
  })

  test('[P5.2] close removes the reader while the run continues, and sends nothing more of it', async () => {
    const under = await openChannels(face)
    const { connect, feed, model } = under
    const channel = await connect()
    await channel.post(openRunOperation('a'), openGetOperation('b'))
    for (const key of ['a', 'b']) await channel.readUntil(key, (all) => all.length === 2)
    await channel.post({ op: 'close', key: 'a' })
    expect(under.readers).toBe(1)
    model.runs[0]!.say('more')
    await feed.send('note', 1)
    await channel.readUntil('b', (all) => all.at(-1)!.type === 'note')
    expect(channel.itemsOf('a')).toHaveLength(2)
    expect(model.runs[0]!.isClosed).toBe(false)
  })

  test('[P5.2] close works on a stream that still waits for its response', async () => {
    const reached: Request[] = []
    let release = (): void => undefined
    const under = await openChannels(face, {
      feed: {
        authorize(_identity, request) {
          reached.push(request)
          return new Promise<boolean>((resolve) => (release = () => resolve(true)))
        },
      },
    })
    const channel = await under.connect()
    await channel.post(openGetOperation('a'))
    await waitUntil(() => reached.length === 1)
    await channel.post({ op: 'close', key: 'a' })
    expect(reached[0]!.signal.aborted).toBe(true)
    release()
    await waitUntil(() => under.records.some(({ type }) => type === 'close'))
    expect(under.readers).toBe(0)
    expect(channel.itemsOf('a')).toEqual([])
  })

  test('[P5.2] credit and close for an ended or unknown stream have no effect', async () => {
    const { connect } = await openChannels(face)
    const channel = await connect()
    await channel.post(openGetOperation('a', '/nowhere'))
    await channel.readUntilClosed('a')
    const operations = ['a', 'never'].flatMap((key) => [
      { op: 'credit', key, bytes: 1 },
      { op: 'close', key },
    ])
    expect((await channel.post(...operations)).status).toBe(202)
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
    ['an absolute URL', { ops: [openGetOperation('b', 'http://localhost/api/stream')] }],
    ['a path with a tab', { ops: [openGetOperation('b', '/\t/example.com')] }],
    ['a window of 0', { ops: [openGetOperation('b', '/api/stream', { window: 0 })] }],
    ['a negative window', { ops: [openGetOperation('b', '/api/stream', { window: -1 })] }],
    ['a forbidden method', { ops: [openGetOperation('b', '/api/stream', { method: 'TRACE' })] }],
    ['a malformed method', { ops: [openGetOperation('b', '/api/stream', { method: 'GET /' })] }],
    ['a malformed header name', { ops: [openGetOperation('b', '/api/stream', { headers: { 'a b': 'c' } })] }],
    ['a header with a line break', { ops: [openGetOperation('b', '/api/stream', { headers: { a: 'b\r\nc: d' } })] }],
    ['a body that is not a string', { ops: [openRunOperation('b', { body: { prompt: 'Hi' } })] }],
    ['a GET with a body', { ops: [openGetOperation('b', '/api/stream', { body: 'x' })] }],
    ['a Last-Event-ID with a line break', { ops: [openGetOperation('b', '/api/stream', { lastEventId: 'a\nb' })] }],
  ])('[P5.2] %s is answered with 400, and no operation of the POST is applied', async (_name, body) => {
    const { connect, post, model } = await openChannels(face)
    const { channelId } = await connect()
    const ops = Array.isArray(body.ops) ? [openRunOperation('a'), ...body.ops] : body.ops
    const response = await post({ channelId, ...body, ops })
    expect(response.status).toBe(400)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(((await response.json()) as { detail: string }).detail).toMatch(/^(ops|channelId)/)
    expect(model.runs).toEqual([])
  })

  test('[P5.2] a body that is not a JSON object is answered with 400, and a large one with 413', async () => {
    const { post } = await openChannels(face, { server: { limits: { body: 100 } } })
    expect((await post('{')).status).toBe(400)
    expect((await post([7])).status).toBe(400)
    expect((await post(`{"channelId":"${'x'.repeat(200)}"}`)).status).toBe(413)
  })

  test('[P5.2] a POST with too many operations is answered with 413', async () => {
    const { connect } = await openChannels(face, { channel: { maxOperations: 3 } })
    const channel = await connect()
    const credits = Array.from({ length: 4 }, () => ({ op: 'credit', key: 'a', bytes: 1 }))
    expect((await channel.post(...credits.slice(1))).status).toBe(202)
    expect((await channel.post(...credits)).status).toBe(413)
  })

  test('[P5.2] operations that reach another process get 404, with a problem that says why', async () => {
    const here = await openChannels(face)
    const there = await openChannels(face)
    const { channelId } = await here.connect()
    const response = await there.post({ channelId, ops: [openGetOperation('a')] })
    expect(response.status).toBe(404)
    expect(await response.json()).toMatchObject({ status: 404, detail: expect.stringContaining('another process') })
  })

  test('[P5.2] a key can be used once on a channel, even after its stream has ended', async () => {
    const { connect, model } = await openChannels(face)
    const channel = await connect()
    expect((await channel.post(openRunOperation('a'), openRunOperation('a'))).status).toBe(409)
    expect(model.runs).toEqual([])
    await channel.post(openGetOperation('a', '/nowhere'))
    await channel.readUntilClosed('a')
    expect((await channel.post(openRunOperation('b'), openRunOperation('a'))).status).toBe(409)
    expect(model.runs).toEqual([])
    const other = await connect()
    expect((await other.post(openGetOperation('a'))).status).toBe(202)
  })

  test('[P5.2] a stream beyond the limit of its channel gets 503, until another one is closed', async () => {
    const under = await openChannels(face, { channel: { maxStreams: 2 } })
    const channel = await under.connect()
    await channel.post(openGetOperation('a'), openGetOperation('b'), openGetOperation('c'))
    const surplus = await channel.readUntilClosed('c')
    expect(controlOf(surplus, 'open')).toMatchObject({ status: 503, headers: { 'retry-after': '1' } })
    for (const key of ['a', 'b']) await channel.readUntil(key, (all) => all.length === 2)
    await channel.post({ op: 'close', key: 'a' })
    await channel.post(openGetOperation('d'))
    expect(controlOf(await channel.readUntil('d', (all) => all.length === 2), 'open')['status']).toBe(200)
  })

  test('[P5.2] a path that starts with // stays at this origin', async () => {
    const { connect } = await openChannels(face)
    const channel = await connect()
    await channel.post(openGetOperation('a', '//example.com/api/stream'))
    expect(controlOf(await channel.readUntilClosed('a'), 'open')['status']).toBe(404)
  })

  test.each(['/api/channel', '/api/channel/ops', '/nowhere', '/toString'])(
    '[P5.2] the path %s, which is no route, gets 404 on its stream',
    async (path) => {
      const { connect } = await openChannels(face)
      const channel = await connect()
      await channel.post(openGetOperation('a', path))
      expect(controlOf(await channel.readUntilClosed('a'), 'open')['status']).toBe(404)
    },
  )

  test('[P5.2] a function finds the routes of paths that are not known beforehand', async () => {
    const { server } = createTestServer()
    const room = server.feed('room')
    const under = await openChannels(face, {
      channel: { routes: (path) => (path === '/api/rooms/7' ? room : undefined) },
    })
    const channel = await under.connect()
    await channel.post(openGetOperation('a', '/api/rooms/7?types=x'), openGetOperation('b', '/api/rooms/8'))
    await channel.readUntil('a', (all) => all.length === 2)
    expect(controlOf(await channel.readUntilClosed('b'), 'open')['status']).toBe(404)
  })

  test('[P5.2] a stream has the headers of its operation that pages may send, and otherwise those of the POST', async () => {
    const requests: Request[] = []
    const { connect, post } = await openChannels(face, {
      feed: { authorize: (_identity, request) => requests.push(request) > 0 },
      channel: { headers: ['X-Tenant'] },
    })
    const channel = await connect()
    const headers = [
      ['x-tenant', 'acme'],
      ['x-forwarded-for', '10.0.0.1'],
      ['x-user', 'admin'],
      ['accept-encoding', 'br'],
    ]
    const body = {
      channelId: channel.channelId,
      ops: [openGetOperation('a', '/api/stream', { headers, lastEventId: '日本' })],
    }
    await post(body, { 'x-forwarded-for': '192.0.2.7', 'idempotency-key': 'of-the-post' })
    await channel.readUntil('a', (all) => all.length > 1)
    const received = requests[0]!.headers
    expect(received.get('x-tenant')).toBe('acme')
    expect(received.get('x-forwarded-for')).toBe('192.0.2.7')
    for (const name of ['x-user', 'idempotency-key', 'content-type', 'accept-encoding']) {
      expect([name, received.get(name)]).toEqual([name, null])
    }
    expect(Buffer.from(received.get('last-event-id')!, 'latin1').toString()).toBe('日本')
  })
})
