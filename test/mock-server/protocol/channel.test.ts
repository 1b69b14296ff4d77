/** PROTOCOL.md 5.1 to 5.3, on a socket: the carrier, what is asked of it, and how it tells streams apart. */
import { describe, expect, test } from 'vitest'
import { createService } from '../../../mock-server/service/service.ts'
import { createRespond } from '../../../mock-server/mock/fetch-handler.ts'
import { dataOf, textOf } from '../support/blocks.ts'
import { controlOf, eventsIn, openCarrier, openPath, openRun } from '../support/channel-client.ts'
import { openRaw } from '../support/raw-client.ts'
import { openReading } from '../support/stream-reader.ts'
import { eventually, serve } from '../support/local-test-server.ts'

const answers = { Hi: 'Hello, 世界 👩‍👩‍👧‍👦!' }

describe('the carrier', () => {
  test('[P5.1] its first event is `channel`, with an id that nobody can guess, and the heartbeat', async () => {
    const { url } = await serve({ heartbeat: 5_000 })
    const [one, other] = [await openCarrier(url), await openCarrier(url)]
    const [first] = one.reading.events
    expect(first!.type).toBe('channel')
    expect(first!.id).toBeUndefined()
    expect(dataOf(first)).toEqual({ channelId: expect.stringMatching(/^[0-9a-f-]{36}$/), heartbeat: 5_000 })
    expect(other.channelId).not.toBe(one.channelId)
  })

  test('[P5.1] heartbeats are its own: one comment, however many streams are silent on it', async () => {
    const { url, clock } = await serve({ heartbeat: 5_000 })
    const carrier = await openCarrier(url)
    await carrier.post(openPath('a'), openPath('b'))
    for (const key of ['a', 'b']) await carrier.when(key, (all) => all.length === 2)
    await clock.advance(5_000)
    await carrier.reading.until(': heartbeat')
    await clock.advance(5_000)
    await carrier.reading.until(': heartbeat\n\n: heartbeat')
    expect(carrier.reading.blocks.filter(({ comment }) => comment !== undefined).map(({ comment }) => comment)).toEqual(
      ['open', 'heartbeat', 'heartbeat'],
    )
  })

  test('[P5.1] without heartbeats none is announced', async () => {
    const { url } = await serve({ heartbeat: 0 })
    expect(dataOf((await openCarrier(url)).reading.events[0])).not.toHaveProperty('heartbeat')
  })

  test('[P5.1] its readers leave with it: the runs go on, nobody reads the feed, and the channel is forgotten', async () => {
    const { url, server } = await serve({ answers, delay: 10 })
    const carrier = await openCarrier(url)
    await carrier.post(openRun('a'), openPath('b'))
    await carrier.when('a', (all) => all.length === 2)
    await carrier.when('b', (all) => all.length === 2)
    expect([server.runs[0]!.readers, server.clients.length]).toEqual([1, 1])
    carrier.reading.leave()
    await eventually(() => server.runs[0]!.readers === 0 && server.clients.length === 0)
    expect(server.runs[0]!.state).toBe('running')
    expect((await carrier.post({ op: 'close', key: 'a' })).status).toBe(404)
  })

  test('[P5.1] [P1.6] compressed, every event is readable at once', async () => {
    const { url, server } = await serve()
    const carrier = await openCarrier(url, { headers: { 'accept-encoding': 'br' } })
    expect(carrier.reading.response.headers.get('content-encoding')).toBe('br')
    await carrier.post(openPath('a'))
    await carrier.when('a', (all) => all.length === 2)
    for (let count = 1; count <= 3; count++) {
      server.broadcast({ type: 'note', data: count })
      await carrier.when('a', (all) => all.length === 2 + count)
    }
  })

  test('[P5.1] too many of them are refused, until one has gone', async () => {
    const service = createService()
    const respond = createRespond(service)
    const open = (): Promise<Response> => respond(new Request('http://localhost/api/channel'))
    const responses = await Promise.all(Array.from({ length: 1_000 }, open))
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]))
    const refused = await open()
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1'])
    await responses[0]!.body!.cancel()
    expect((await open()).status).toBe(200)
    service.close()
  })

  test('[P5.1] a closing server ends it in good order, with every stream', async () => {
    const { url, server } = await serve()
    const client = openRaw(`${url}/api/channel`)
    await client.until('channel')
    await server.close()
    expect(await client.ended).toBe('fin')
    expect(client.complete).toBe(true)
  })
})

describe('what streams ask', () => {
  test('[P5.2] a run and a feed on one carrier, opened by one POST', async () => {
    const { url, server } = await serve({ answers, delay: 0 })
    const carrier = await openCarrier(url)
    const response = await carrier.post(openRun('a'), openPath('b'))
    expect(response.status).toBe(202)
    expect(await response.text()).toBe('')
    const a = await carrier.untilClosed('a')
    expect(controlOf(a, 'close')).toEqual({ status: 200 })
    expect(textOf(eventsIn(a))).toBe(answers.Hi)
    const id = server.broadcast({ type: 'note', data: 1 })
    const b = await carrier.when('b', (all) => all.some(({ type }) => type === 'note'))
    expect(b.map(({ type, kind }) => [type, kind])).toEqual([
      ['open', 'control'],
      ['connected', 'own'],
      ['note', 'own'],
    ])
    expect(b.at(-1)!.id).toBe(id)
  })

  test('[P5.2] close lets go: the reader leaves, the run goes on, and nothing more comes', async () => {
    const { url, server, clock } = await serve({ answers, delay: 10 })
    const carrier = await openCarrier(url)
    await carrier.post(openRun('a'), openPath('b'))
    await carrier.when('a', (all) => all.length === 2)
    await carrier.post({ op: 'close', key: 'a' })
    expect(server.runs[0]).toMatchObject({ readers: 0, state: 'running' })
    const before = carrier.of('a').length
    await clock.advance(1_000)
    expect(server.runs[0]!.state).toBe('finished')
    server.broadcast({ type: 'note', data: 1 })
    await carrier.when('b', (all) => all.at(-1)!.type === 'note')
    expect(carrier.of('a')).toHaveLength(before)
  })

  test('[P5.2] close of a stream that waits for its answer', async () => {
    const { url, server } = await serve({ scenario: 'path:/api/generate,head-delay:1000' })
    const carrier = await openCarrier(url)
    await carrier.post(openRun('a'))
    await eventually(() => server.runs[0]?.readers === 1)
    await carrier.post({ op: 'close', key: 'a' })
    expect(server.runs[0]!.readers).toBe(0)
  })

  test('[P5.2] credit and close of what is over, or never was, are passed over', async () => {
    const { url } = await serve({ answers, delay: 0 })
    const carrier = await openCarrier(url)
    await carrier.post(openRun('a'))
    await carrier.untilClosed('a')
    const ops = ['a', 'never'].flatMap((key) => [
      { op: 'credit', key, bytes: 1 },
      { op: 'close', key },
    ])
    expect((await carrier.post(...ops)).status).toBe(202)
  })

  test.each([
    ['no list', { ops: {} }],
    ['no channel', { channelId: 7, ops: [] }],
    ['no object', { ops: [7] }],
    ['no key', { ops: [{ op: 'close' }] }],
    ['a key that is too long', { ops: [{ op: 'close', key: 'x'.repeat(33) }] }],
    ['a key with other characters', { ops: [{ op: 'close', key: 'a=b' }] }],
    ['an unknown operation', { ops: [{ op: 'pause', key: 'a' }] }],
    ['credit below nothing', { ops: [{ op: 'credit', key: 'a', bytes: -1 }] }],
    ['credit that is no number', { ops: [{ op: 'credit', key: 'a', bytes: '7' }] }],
    ['no path', { ops: [openPath('b', 7 as unknown as string)] }],
    ['a window of nothing, which no credit would open', { ops: [openPath('b', '/api/stream', { window: 0 })] }],
    ['a path that becomes one of another origin', { ops: [openPath('b', '/\t/example.com')] }],
    ['a whole URL', { ops: [openPath('b', 'http://localhost/api/stream')] }],
    ['a method that no request may have', { ops: [openPath('b', '/api/stream', { method: 'TRACE' })] }],
    ['a method that is none', { ops: [openPath('b', '/api/stream', { method: 'GET /' })] }],
    ['a header that is none', { ops: [openPath('b', '/api/stream', { headers: { 'a b': 'c' } })] }],
    ['a header that would be two', { ops: [openPath('b', '/api/stream', { headers: { a: 'b\r\nc: d' } })] }],
    ['a body that is no text', { ops: [openRun('b', { body: { prompt: 'Hi' } })] }],
    ['a body of a GET', { ops: [openPath('b', '/api/stream', { body: 'x' })] }],
    ['a Last-Event-ID with a line end', { ops: [openPath('b', '/api/stream', { lastEventId: 'a\nb' })] }],
    ['a window below nothing', { ops: [openPath('b', '/api/stream', { window: -1 })] }],
  ])('[P5.2] %s: 400, and nothing of the POST is done', async (_what, body) => {
    const { url, server } = await serve({ answers, delay: 10 })
    const { channelId } = await openCarrier(url)
    const ops = Array.isArray(body.ops) ? [openRun('a'), ...body.ops] : body.ops
    const response = await fetch(`${url}/api/channel/ops`, {
      method: 'POST',
      body: JSON.stringify({ channelId, ...body, ops }),
    })
    expect(response.status).toBe(400)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(((await response.json()) as { detail: string }).detail).toMatch(/^(ops|channelId)/)
    expect(server.runs).toEqual([])
  })

  test('[P5.2] a path that would name another origin, were it resolved, is a path of this one: 404 for that stream alone', async () => {
    const { url } = await serve()
    const carrier = await openCarrier(url)
    await carrier.post(openPath('a', '//example.com/api/stream'), openPath('b'))
    expect(controlOf(await carrier.untilClosed('a'), 'open')['status']).toBe(404)
    await carrier.when('b', (all) => all.length === 2)
  })

  test.each([
    ['no JSON', '{', 400],
    ['too large', `{"channelId":"${'x'.repeat(200)}"}`, 413],
  ])('[P5.2] a body that is %s', async (_what, body, status) => {
    const { url } = await serve({ bodyLimit: 100 })
    expect((await fetch(`${url}/api/channel/ops`, { method: 'POST', body })).status).toBe(status)
  })

  test('[P5.2] more operations than a body may have', async () => {
    const { url } = await serve()
    const carrier = await openCarrier(url)
    const credits = Array.from({ length: 1_001 }, () => ({ op: 'credit', key: 'a', bytes: 1 }))
    expect((await carrier.post(...credits.slice(1))).status).toBe(202)
    expect((await carrier.post(...credits)).status).toBe(413)
  })

  test('[P5.2] a channel that is not known: 404', async () => {
    const { url } = await serve()
    const body = JSON.stringify({ channelId: crypto.randomUUID(), ops: [] })
    expect((await fetch(`${url}/api/channel/ops`, { method: 'POST', body })).status).toBe(404)
  })

  test('[P5.2] a key is used once on a carrier, also when its stream is over; elsewhere it is free', async () => {
    const { url, server } = await serve({ answers, delay: 0 })
    const carrier = await openCarrier(url)
    expect((await carrier.post(openRun('a'), openRun('a'))).status).toBe(409)
    expect(server.runs).toEqual([])
    expect((await carrier.post(openRun('a'))).status).toBe(202)
    await carrier.untilClosed('a')
    expect((await carrier.post(openRun('b'), openRun('a'))).status).toBe(409)
    expect(server.runs).toHaveLength(1)
    const other = await openCarrier(url)
    expect((await other.post(openRun('a'))).status).toBe(202)
    await other.untilClosed('a')
  })

  test('[P5.2] more streams than a carrier may have: the surplus one alone is refused', async () => {
    const { url, server } = await serve()
    const carrier = await openCarrier(url)
    await carrier.post(...Array.from({ length: 1_000 }, (_, index) => openPath(`k${index}`)))
    await carrier.post(openPath('surplus'))
    const surplus = await carrier.untilClosed('surplus')
    expect(controlOf(surplus, 'open')).toMatchObject({ status: 503, headers: { 'retry-after': '1' } })
    expect(server.clients).toHaveLength(1_000)
    await carrier.post({ op: 'close', key: 'k7' })
    await carrier.post(openPath('next'))
    expect(controlOf(await carrier.when('next', (all) => all.length > 1), 'open')).toMatchObject({ status: 200 })
  })

  test('[P5.2] headers may be pairs, and what concerns the connection counts for nothing', async () => {
    const seen: Request[] = []
    const { url } = await serve({ onRequest: (request, via) => void (via === 'channel' && seen.push(request)) })
    const carrier = await openCarrier(url)
    const headers = [
      ['x-mine', '1'],
      ['origin', 'http://localhost'],
      ['cookie', 'a=b'],
      ['accept-encoding', 'gzip'],
    ]
    await carrier.post(openPath('a', '/api/stream?types=note', { headers, lastEventId: '日本' }))
    await carrier.when('a', (all) => all.length > 1)
    expect(seen).toHaveLength(1)
    expect(new URL(seen[0]!.url).pathname).toBe('/api/stream')
    expect(seen[0]!.headers.get('x-mine')).toBe('1')
    expect(Buffer.from(seen[0]!.headers.get('last-event-id')!, 'latin1').toString()).toBe('日本')
    for (const name of ['origin', 'cookie', 'accept-encoding']) expect(seen[0]!.headers.has(name)).toBe(false)
  })

  test.each(['/_mock', '/api/channel', '/api/channel/ops', '/nothing'])(
    '[P5.2] %s cannot be asked for',
    async (path) => {
      const { url } = await serve()
      const carrier = await openCarrier(url)
      await carrier.post(openPath('a', path))
      expect(controlOf(await carrier.untilClosed('a'), 'open')['status']).toBe(path === '/_mock' ? 403 : 404)
    },
  )
})

describe('how streams are told apart', () => {
  test('[P5.3] events have the key, and the id that their stream gave them', async () => {
    const { url } = await serve({ answers, delay: 0 })
    const carrier = await openCarrier(url)
    await carrier.post(openRun('a'))
    const carried = await carrier.untilClosed('a')
    const { events } = await (
      await openReading(new URL(dataOf(eventsIn(carried)[0])['resume'] as string, url).href)
    ).rest()
    expect(eventsIn(carried)).toEqual(events)
  })

  test('[P5.3] blocks without an id, with an empty one, and without data', async () => {
    const insert = encodeURIComponent(
      'data: none\n\nid\ndata: empty\n\nid: quiet\n\nevent: only\n\n: comment\n\nid: 7\nevent: named\ndata: one\ndata: two\n\n',
    )
    const { url } = await serve()
    const carrier = await openCarrier(url)
    await carrier.post(openPath('a-_1', `/api/stream?fault=${encodeURIComponent(`insert-after:1,insert:${insert}`)}`))
    const carried = await carrier.when('a-_1', (all) => all.at(-1)?.type === 'named')
    expect(carried.slice(2)).toEqual([
      { type: 'message', kind: 'none', id: undefined, data: 'none' },
      { type: 'message', kind: 'own', id: '', data: 'empty' },
      { type: 'message', kind: 'own', id: 'quiet', data: undefined },
      { type: 'named', kind: 'own', id: '7', data: 'one\ntwo' },
    ])
    expect(carrier.reading.blocks.map(({ comment }) => comment).filter(Boolean)).toEqual(['open'])
    expect(carrier.reading.text).toContain('id: a-_1+\n')
    expect(carrier.reading.text).toContain('id: a-_1=\n')
  })

  test('[P5.3] `open` has status, headers and url, without those of the connection', async () => {
    const { url } = await serve({ cors: '*' })
    const carrier = await openCarrier(url, { headers: { origin: 'http://example.com' } })
    await carrier.post(openPath('a', '/api/stream?types=a,b'))
    expect(controlOf(await carrier.when('a', (all) => all.length > 1), 'open')).toEqual({
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
  ])('[P5.3] %s becomes the control, as a parser reads it', async (fault, delays) => {
    const { url } = await serve()
    const carrier = await openCarrier(url)
    await carrier.post(openPath('a', `/api/stream?fault=${encodeURIComponent(fault)}`))
    const carried = await carrier.when('a', (all) => all.some(({ type }) => type === 'connected'))
    const retries = carried.filter(({ type, kind }) => type === 'retry' && kind === 'control')
    expect(retries.map(({ data }) => JSON.parse(data!) as unknown)).toEqual(delays.map((delay) => ({ delay })))
    expect(carrier.reading.blocks.every(({ retry }) => retry === undefined)).toBe(true)
  })

  test.each([
    ['a refusal', openRun('a', { body: '{}' }), 400],
    ['nothing there', openPath('a', '/nowhere'), 404],
    ['a wrong method', openPath('a', '/api/generate/x', { method: 'POST' }), 405],
    ['JSON', openPath('a', '/api/broadcast', { method: 'POST', body: '{"data":1}' }), 202],
  ])('[P5.3] %s is `open` with its status, and `close` with what it says', async (_what, op, status) => {
    const { url } = await serve()
    const carrier = await openCarrier(url)
    await carrier.post(op)
    const carried = await carrier.untilClosed('a')
    expect(carried.map(({ type }) => type)).toEqual(['open', 'close'])
    expect(controlOf(carried, 'open')['status']).toBe(status)
    const close = controlOf(carried, 'close')
    expect(close['status']).toBe(status)
    const says = JSON.parse(close['problem'] as string) as Record<string, unknown>
    if (status >= 400)
      expect(says).toEqual({ type: 'about:blank', title: expect.any(String), status, detail: expect.any(String) })
    else expect(says).toEqual({ id: expect.any(String), clients: 0 })
  })

  test('[P5.3] 204 is `open` and `close`, and says nothing', async () => {
    const { url, server } = await serve()
    server.service.feed().close()
    const carrier = await openCarrier(url)
    await carrier.post(openPath('a'))
    const carried = await carrier.untilClosed('a')
    expect(controlOf(carried, 'open')['status']).toBe(204)
    expect(controlOf(carried, 'close')).toEqual({ status: 204 })
  })
})
