/** The carrier: when it is opened, as whom, for how long, and what its end means to its streams. */
import { describe, expect, test } from 'vitest'
import { settled } from '../support/flush-microtasks.ts'
import { createRig, opened, stateOf } from './test-multiplex.ts'

describe('opening', () => {
  test('[P5.1] with the first stream; the others of the same task share it, and one request asks for all', async () => {
    const rig = createRig()
    expect(rig.gets).toEqual([])
    for (let count = 0; count < 100; count++) rig.ask()
    await rig.carry()
    expect(rig.gets.map(({ request: { method, url } }) => [method, url])).toEqual([['GET', 'https://api.test/channel']])
    expect(rig.posts).toHaveLength(1)
    expect(rig.posts[0]!.request).toMatchObject({ method: 'POST', url: 'https://api.test/channel/ops' })
    expect(rig.operations).toHaveLength(100)
    expect(new Set(rig.operations.map(({ key }) => key)).size).toBe(100)
  })

  test('[P5.1] a path is of the origin of the first stream, a query stays behind', async () => {
    const rig = createRig({}, '/base/channel?tenant=1')
    rig.ask()
    await rig.carry()
    expect(rig.gets[0]!.request.url).toBe('https://api.test/base/channel?tenant=1')
    expect(rig.posts[0]!.request.url).toBe('https://api.test/base/channel/ops?tenant=1')
  })

  test('[P5.1] as whoever asks first, without what is about the content of its request', async () => {
    const rig = createRig()
    const headers: [string, string][] = [
      ['accept', 'text/event-stream'],
      ['authorization', 'Bearer t'],
      ['content-type', 'application/json'],
      ['idempotency-key', 'k'],
      ['x-tenant', '1'],
    ]
    rig.ask({ method: 'POST', body: '{}', headers, credentials: ['authorization'] })
    await rig.carry()
    expect(rig.gets[0]!.headers).toEqual({ authorization: 'Bearer t', 'x-tenant': '1', accept: 'text/event-stream' })
    expect(rig.gets[0]!.request.credentials).toEqual(['authorization'])
    expect(rig.posts[0]!.headers).toEqual({
      authorization: 'Bearer t',
      'x-tenant': '1',
      'content-type': 'application/json',
    })
  })

  test('operations go with the credentials of whoever was let in last', async () => {
    const rig = createRig()
    const as = (token: string) => rig.ask({ headers: [['authorization', token]], credentials: ['authorization'] })
    as('old')
    const carrier = await rig.carry()
    carrier.send(opened(1))
    as('refused')
    await settled()
    carrier.send(opened(2, { status: 401 }))
    as('new')
    await settled()
    carrier.send(opened(3))
    await settled()
    as('any')
    await settled()
    expect(rig.posts.map(({ headers }) => headers['authorization'])).toEqual(['old', 'old', 'old', 'new'])
  })

  test('nothing is said before the server has said which channel it is', async () => {
    const rig = createRig()
    rig.ask()
    await settled()
    const carrier = rig.gets[0]!.answer()
    carrier.comment()
    await settled()
    expect(rig.posts).toEqual([])
    carrier.send({ type: 'channel', data: '{"channelId":"the one"}' })
    await settled()
    expect(JSON.parse(rig.posts[0]!.request.body as string)).toMatchObject({ channelId: 'the one' })
  })

  test('what fetch is told for it goes to the carrier and to operations', async () => {
    const init: RequestInit = { credentials: 'include' }
    const rig = createRig({ init })
    rig.ask({ init })
    await rig.carry()
    expect(rig.gets[0]!.request.init).toEqual(init)
    expect(rig.posts[0]!.request.init).toEqual({ credentials: 'include', cache: 'default' })
  })
})

describe('lingering', () => {
  test('it is closed a while after its last stream', async () => {
    const rig = createRig({ linger: 500 })
    const { carrier, streams } = await rig.open(2)
    streams[0]!.cancel()
    expect(rig.clock.due).not.toContain(500)
    streams[1]!.cancel()
    await rig.clock.advance(499)
    expect(carrier.cancelled).toBe(false)
    await rig.clock.advance(1)
    expect(carrier.cancelled).toBe(true)
    expect(rig.clock.due).toEqual([])
  })

  test('a stream that comes in time keeps it, one that comes late has a new one', async () => {
    const rig = createRig({ linger: 500 })
    const { carrier, streams } = await rig.open()
    streams[0]!.cancel()
    await rig.clock.advance(499)
    const { connection } = rig.ask()
    await settled()
    carrier.send(opened(2))
    const second = await connection
    await rig.clock.advance(10_000)
    expect([carrier.cancelled, rig.gets.length]).toEqual([false, 1])
    second.cancel()
    await rig.clock.advance(500)
    rig.ask()
    await rig.carry()
    expect(rig.gets).toHaveLength(2)
  })

  test('for longer than three heartbeats, where it is alive for as long', async () => {
    const rig = createRig({ linger: 60_000 })
    const { connection } = rig.ask()
    const carrier = await rig.carry({ channelId: 'c', heartbeat: 10_000 })
    carrier.send(opened(1))
    ;(await connection).cancel()
    for (let beats = 1; beats < 6; beats++) {
      await rig.clock.advance(10_000)
      carrier.comment()
    }
    await rig.clock.advance(9_999)
    expect(carrier.cancelled).toBe(false)
    await rig.clock.advance(1)
    expect(carrier.cancelled).toBe(true)
    expect(rig.clock.due).toEqual([])
  })

  test('a carrier that nobody waits for any more is given up', async () => {
    const rig = createRig({ linger: 0 })
    const { connection, controller } = rig.ask()
    await settled()
    controller.abort()
    await expect(connection).rejects.toBe(controller.signal.reason)
    await rig.clock.advance(0)
    expect(rig.gets[0]!.request.signal.aborted).toBe(true)
    expect([rig.posts, rig.clock.due]).toEqual([[], []])
  })
})

describe('its end', () => {
  test.each(['is cut', 'ends'])(
    '[P5.6] when it %s, each stream reads what has come, and then a network error of its own',
    async (how) => {
      const rig = createRig()
      const { carrier, streams } = await rig.open(3)
      carrier.send({ id: '1=a', data: 'first' })
      await settled()
      if (how === 'ends') carrier.end()
      else carrier.cut()
      await settled()
      expect(await streams[0]!.read()).toMatchObject({ blocks: [{ data: 'first', id: 'a' }] })
      const errors = await Promise.all(streams.map((stream) => stream.read().catch((error: unknown) => error)))
      for (const error of errors)
        expect(error).toMatchObject({
          code: 'network',
          retryable: true,
          message: expect.stringContaining('GET https://api.test/channel'),
        })
      expect(new Set(errors).size).toBe(3)
      expect(rig.clock.due).toEqual([])
    },
  )

  test('[P5.6] those who come back share one new carrier, with keys of its own', async () => {
    const rig = createRig()
    const { carrier } = await rig.open(3)
    carrier.cut()
    await settled()
    for (let count = 0; count < 3; count++) rig.ask()
    await rig.carry({ channelId: 'd' })
    expect(rig.gets).toHaveLength(2)
    expect(rig.operations.map(({ key }) => key)).toEqual(['1', '2', '3', '1', '2', '3'])
  })

  test('no answer: network for all who wait, after the timeout', async () => {
    const rig = createRig({ timeout: 7_000 })
    const [one, other] = [rig.ask(), rig.ask()]
    await rig.clock.advance(6_999)
    expect(await stateOf(one.connection)).toBe('pending')
    await rig.clock.advance(1)
    for (const { connection } of [one, other])
      await expect(connection).rejects.toMatchObject({ code: 'network', retryable: true })
    expect(rig.gets[0]!.request.signal.aborted).toBe(true)
    expect(rig.clock.due).toEqual([])
  })

  test('no channel event: the same', async () => {
    const rig = createRig({ timeout: 7_000 })
    const { connection } = rig.ask()
    await settled()
    rig.gets[0]!.answer()
    await rig.clock.advance(7_000)
    await expect(connection).rejects.toMatchObject({ code: 'network', message: expect.stringContaining('Silent') })
  })

  test('the same where streams come and go meanwhile: who comes after it has a new carrier', async () => {
    const rig = createRig({ timeout: 10_000, linger: 1_000 })
    for (let count = 0; count < 4; count++) {
      const { controller } = rig.ask()
      await rig.clock.advance(4_000)
      controller.abort(new Error('enough'))
      await rig.clock.advance(500)
    }
    expect(rig.gets).toHaveLength(2)
    expect(rig.gets[0]!.request.signal.aborted).toBe(true)
  })

  test('a connect that throws: network, and the next stream has a new carrier', async () => {
    const reason = new TypeError('of the connect')
    let asked = 0
    const rig = createRig({
      connect() {
        asked++
        throw reason
      },
    })
    for (let count = 1; count <= 2; count++) {
      await expect(rig.ask().connection).rejects.toMatchObject({ code: 'network', cause: reason })
      expect(asked).toBe(count)
    }
    expect(rig.clock.due).toEqual([])
  })

  test('no connection: network, with the reason', async () => {
    const rig = createRig()
    const { connection } = rig.ask()
    await settled()
    const reason = new TypeError('refused')
    rig.gets[0]!.refuse(reason)
    await expect(connection).rejects.toMatchObject({ code: 'network', cause: reason })
  })

  test.each(['nothing', 'null', '{"channelId":'])('a channel that says %s: network', async (data) => {
    const rig = createRig()
    const { connection } = rig.ask()
    await settled()
    rig.gets[0]!.answer().send({ type: 'channel', data })
    await settled()
    await expect(connection).rejects.toMatchObject({ code: 'network' })
  })
})

describe('silence', () => {
  test('[P5.1] of three heartbeats that were announced: network for every stream', async () => {
    const rig = createRig()
    const { connection } = rig.ask()
    const carrier = await rig.carry({ channelId: 'c', heartbeat: 10_000 })
    carrier.send(opened(1))
    const stream = await connection
    for (let beats = 0; beats < 5; beats++) {
      const alive = stream.read()
      await rig.clock.advance(29_999)
      carrier.comment()
      expect(await alive).toEqual({ blocks: [], bytes: 1 })
    }
    const read = stream.read()
    read.catch(() => {})
    await rig.clock.advance(30_000)
    await expect(read).rejects.toMatchObject({ code: 'network', message: expect.stringContaining('Silent') })
    expect(carrier.cancelled).toBe(true)
  })

  test('what has come while timers were held back is heard before they are', async () => {
    const rig = createRig()
    const { connection, controller } = rig.ask()
    const carrier = await rig.carry({ channelId: 'c', heartbeat: 10_000 })
    controller.abort()
    connection.catch(() => {})
    await settled()
    rig.clock.sleep(40_000)
    carrier.comment()
    const next = rig.ask()
    await settled()
    await rig.clock.advance(0)
    carrier.send(opened(2))
    expect(await next.connection).toMatchObject({ status: 200 })
    expect(rig.gets).toHaveLength(1)
  })

  test('without heartbeats nobody listens for it', async () => {
    const rig = createRig()
    const { carrier } = await rig.open()
    await rig.clock.advance(86_400_000)
    expect([carrier.cancelled, rig.clock.due]).toEqual([false, []])
  })

  test('[P5.3] comments keep every stream alive, and so does what comes for others', async () => {
    const rig = createRig()
    const { carrier, streams } = await rig.open(2)
    const reads = streams.map((stream) => stream.read())
    carrier.comment()
    for (const read of reads) expect(await read).toEqual({ blocks: [], bytes: 1 })
    const quiet = streams[1]!.read()
    await rig.clock.advance(99)
    carrier.send({ id: '1=a', data: 'x' })
    expect(await stateOf(quiet)).toBe('pending')
    await rig.clock.advance(1)
    carrier.send({ id: '1=b', data: 'x' })
    expect(await quiet).toEqual({ blocks: [], bytes: 1 })
  })

  test('a stream that found it silent takes the carrier down: the others go on over a new one', async () => {
    const rig = createRig()
    const { carrier, streams, asked } = await rig.open(2)
    const other = streams[1]!.read()
    other.catch(() => {})
    asked[0]!.controller.abort(
      Object.assign(new Error('idle'), { [Symbol.for('rivulet.StreamError')]: true, code: 'idle' }),
    )
    await expect(other).rejects.toMatchObject({ code: 'network' })
    expect(carrier.cancelled).toBe(true)
  })
})

describe('refused', () => {
  const bearer = (token: string) => ({
    headers: [['authorization', token]] as [string, string][],
    credentials: ['authorization'],
  })

  test.each([
    [401, { code: 'auth', retryable: false }],
    [403, { code: 'http', retryable: false }],
    [404, { code: 'http', retryable: false }],
    [204, { code: 'http', retryable: false }],
    [503, { code: 'http', retryable: true }],
  ])('with %i: each who asked as the same gets it, as an error of its own', async (status, error) => {
    const rig = createRig()
    const asked = [rig.ask(bearer('t')), rig.ask(bearer('t'))]
    await settled()
    rig.gets[0]!.answer({
      status,
      headers: { 'content-type': 'application/problem+json', 'retry-after': '7' },
      problem: '{"title":"why"}',
    })
    const errors = await Promise.all(asked.map(({ connection }) => connection.catch((reason: unknown) => reason)))
    for (const one of errors) {
      expect(one).toMatchObject({
        ...error,
        status,
        problem: { title: 'why' },
        message: `Status ${status}: GET https://api.test/channel`,
      })
      expect((one as { headers: Headers }).headers.get('retry-after')).toBe('7')
    }
    expect(new Set(errors).size).toBe(2)
    expect([rig.gets.length, rig.clock.due]).toEqual([1, []])
  })

  test('a 401 where nobody gave credentials is http, as on a connection of its own', async () => {
    const rig = createRig()
    const { connection } = rig.ask()
    await settled()
    rig.gets[0]!.answer({ status: 401 })
    await expect(connection).rejects.toMatchObject({ code: 'http', status: 401 })
  })

  test('by a page instead of a channel: content-type', async () => {
    const rig = createRig()
    const { connection } = rig.ask()
    await settled()
    rig.gets[0]!.answer({ headers: { 'content-type': 'text/html' } })
    await expect(connection).rejects.toMatchObject({ code: 'content-type' })
  })

  test('to one identity, it is tried by the next', async () => {
    const rig = createRig()
    const [bad, good] = [rig.ask(bearer('bad')), rig.ask(bearer('good'))]
    await settled()
    rig.gets[0]!.answer({ status: 401 })
    await expect(bad.connection).rejects.toMatchObject({ code: 'auth', status: 401 })
    const carrier = await rig.carry()
    expect(rig.gets.map(({ headers }) => headers['authorization'])).toEqual(['bad', 'good'])
    carrier.send(opened(1))
    expect(await good.connection).toMatchObject({ status: 200 })
    expect(rig.operations).toMatchObject([{ op: 'open', headers: [['authorization', 'good']] }])
  })
})
