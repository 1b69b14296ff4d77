/** Tests of the channel: when it is opened, with which identity, how long it stays open, and how its end affects the streams. */
import { describe, expect, test } from 'vitest'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { createTestMultiplex, openEvent, promiseState } from './test-multiplex.ts'

describe('opening', () => {
  test('[P5.1] the first stream opens the channel, and all streams requested in one task are opened by one operations request', async () => {
    const testMultiplex = createTestMultiplex()
    expect(testMultiplex.channelRequests).toEqual([])
    for (let count = 0; count < 100; count++) testMultiplex.requestStream()
    await testMultiplex.openChannel()
    expect(testMultiplex.channelRequests.map(({ request: { method, url } }) => [method, url])).toEqual([
      ['GET', 'https://api.test/channel'],
    ])
    expect(testMultiplex.operationRequests).toHaveLength(1)
    expect(testMultiplex.operationRequests[0]!.request).toMatchObject({
      method: 'POST',
      url: 'https://api.test/channel/ops',
    })
    expect(testMultiplex.operations).toHaveLength(100)
    expect(new Set(testMultiplex.operations.map(({ key }) => key)).size).toBe(100)
  })

  test('[P5.1] the channel URL is resolved against the URL of the first stream, and the query of the channel URL is kept', async () => {
    const testMultiplex = createTestMultiplex({}, '/base/channel?tenant=1')
    testMultiplex.requestStream()
    await testMultiplex.openChannel()
    expect(testMultiplex.channelRequests[0]!.request.url).toBe('https://api.test/base/channel?tenant=1')
    expect(testMultiplex.operationRequests[0]!.request.url).toBe('https://api.test/base/channel/ops?tenant=1')
  })

  test('[P5.1] the channel request has the headers of the first stream, except accept, content-* and idempotency-*', async () => {
    const testMultiplex = createTestMultiplex()
    const headers: [string, string][] = [
      ['accept', 'text/event-stream'],
      ['authorization', 'Bearer t'],
      ['content-type', 'application/json'],
      ['idempotency-key', 'k'],
      ['x-tenant', '1'],
    ]
    testMultiplex.requestStream({ method: 'POST', body: '{}', headers, credentialHeaders: ['authorization'] })
    await testMultiplex.openChannel()
    expect(testMultiplex.channelRequests[0]!.headers).toEqual({
      authorization: 'Bearer t',
      'x-tenant': '1',
      accept: 'text/event-stream',
    })
    expect(testMultiplex.channelRequests[0]!.request.credentialHeaders).toEqual(['authorization'])
    expect(testMultiplex.operationRequests[0]!.headers).toEqual({
      authorization: 'Bearer t',
      'x-tenant': '1',
      'content-type': 'application/json',
    })
  })

  test('operations are sent with the credentials of the last accepted stream', async () => {
    const testMultiplex = createTestMultiplex()
    const requestAs = (token: string) =>
      testMultiplex.requestStream({ headers: [['authorization', token]], credentialHeaders: ['authorization'] })
    requestAs('old')
    const channel = await testMultiplex.openChannel()
    channel.send(openEvent(1))
    requestAs('rejected')
    await flushMicrotasks()
    channel.send(openEvent(2, { status: 401 }))
    requestAs('new')
    await flushMicrotasks()
    channel.send(openEvent(3))
    await flushMicrotasks()
    requestAs('any')
    await flushMicrotasks()
    expect(testMultiplex.operationRequests.map(({ headers }) => headers['authorization'])).toEqual([
      'old',
      'old',
      'old',
      'new',
    ])
  })

  test('operations are sent only after the channel event', async () => {
    const testMultiplex = createTestMultiplex()
    testMultiplex.requestStream()
    await flushMicrotasks()
    const channel = testMultiplex.channelRequests[0]!.respond()
    channel.comment()
    await flushMicrotasks()
    expect(testMultiplex.operationRequests).toEqual([])
    channel.send({ type: 'channel', data: '{"channelId":"c"}' })
    await flushMicrotasks()
    expect(JSON.parse(testMultiplex.operationRequests[0]!.request.body as string)).toMatchObject({
      channelId: 'c',
    })
  })

  test('init applies to the channel request and to operations requests', async () => {
    const init: RequestInit = { credentials: 'include' }
    const testMultiplex = createTestMultiplex({ init })
    testMultiplex.requestStream({ init })
    await testMultiplex.openChannel()
    expect(testMultiplex.channelRequests[0]!.request.init).toEqual(init)
    expect(testMultiplex.operationRequests[0]!.request.init).toEqual({ credentials: 'include', cache: 'default' })
  })
})

describe('linger', () => {
  test('the channel is closed when linger has passed since the last stream ended', async () => {
    const testMultiplex = createTestMultiplex({ linger: 500 })
    const { channel, streams } = await testMultiplex.open(2)
    streams[0]!.cancel()
    expect(testMultiplex.clock.pendingDelays).not.toContain(500)
    streams[1]!.cancel()
    await testMultiplex.clock.advance(499)
    expect(channel.cancelled).toBe(false)
    await testMultiplex.clock.advance(1)
    expect(channel.cancelled).toBe(true)
    expect(testMultiplex.clock.pendingDelays).toEqual([])
  })

  test('a stream requested within linger reuses the channel, and a later stream opens a new channel', async () => {
    const testMultiplex = createTestMultiplex({ linger: 500 })
    const { channel, streams } = await testMultiplex.open()
    streams[0]!.cancel()
    await testMultiplex.clock.advance(499)
    const { connection } = testMultiplex.requestStream()
    await flushMicrotasks()
    channel.send(openEvent(2))
    const second = await connection
    await testMultiplex.clock.advance(10_000)
    expect([channel.cancelled, testMultiplex.channelRequests.length]).toEqual([false, 1])
    second.cancel()
    await testMultiplex.clock.advance(500)
    testMultiplex.requestStream()
    await testMultiplex.openChannel()
    expect(testMultiplex.channelRequests).toHaveLength(2)
  })

  test('an unused channel with heartbeats stays open for linger, even if linger exceeds three heartbeat intervals', async () => {
    const testMultiplex = createTestMultiplex({ linger: 60_000 })
    const { connection } = testMultiplex.requestStream()
    const channel = await testMultiplex.openChannel({ channelId: 'c', heartbeat: 10_000 })
    channel.send(openEvent(1))
    ;(await connection).cancel()
    for (let beats = 1; beats < 6; beats++) {
      await testMultiplex.clock.advance(10_000)
      channel.comment()
    }
    await testMultiplex.clock.advance(9_999)
    expect(channel.cancelled).toBe(false)
    await testMultiplex.clock.advance(1)
    expect(channel.cancelled).toBe(true)
    expect(testMultiplex.clock.pendingDelays).toEqual([])
  })

  test('a channel is closed after linger if its only stream was aborted before the response', async () => {
    const testMultiplex = createTestMultiplex({ linger: 0 })
    const { connection, controller } = testMultiplex.requestStream()
    await flushMicrotasks()
    controller.abort()
    await expect(connection).rejects.toBe(controller.signal.reason)
    await testMultiplex.clock.advance(0)
    expect(testMultiplex.channelRequests[0]!.request.signal.aborted).toBe(true)
    expect([testMultiplex.operationRequests, testMultiplex.clock.pendingDelays]).toEqual([[], []])
  })
})

describe('the end of the channel', () => {
  test.each(['breaks', 'ends'])(
    '[P5.6] when the channel %s, each stream reads its buffered events and then fails with its own network error',
    async (ending) => {
      const testMultiplex = createTestMultiplex()
      const { channel, streams } = await testMultiplex.open(3)
      channel.send({ id: '1=a', data: 'first' })
      await flushMicrotasks()
      if (ending === 'ends') channel.end()
      else channel.disconnect()
      await flushMicrotasks()
      expect(await streams[0]!.read()).toMatchObject({ blocks: [{ data: 'first', id: 'a' }] })
      const errors = await Promise.all(streams.map((stream) => stream.read().catch((error: unknown) => error)))
      for (const error of errors)
        expect(error).toMatchObject({
          code: 'network',
          retryable: true,
          message: expect.stringContaining('GET https://api.test/channel'),
        })
      expect(new Set(errors).size).toBe(3)
      expect(testMultiplex.clock.pendingDelays).toEqual([])
    },
  )

  test('[P5.6] streams that reconnect share one new channel with new keys', async () => {
    const testMultiplex = createTestMultiplex()
    const { channel } = await testMultiplex.open(3)
    channel.disconnect()
    await flushMicrotasks()
    for (let count = 0; count < 3; count++) testMultiplex.requestStream()
    await testMultiplex.openChannel({ channelId: 'd' })
    expect(testMultiplex.channelRequests).toHaveLength(2)
    expect(testMultiplex.operations.map(({ key }) => key)).toEqual(['1', '2', '3', '1', '2', '3'])
  })

  test('all streams fail with network if the channel request gets no response within timeout', async () => {
    const testMultiplex = createTestMultiplex({ timeout: 7_000 })
    const [one, other] = [testMultiplex.requestStream(), testMultiplex.requestStream()]
    await testMultiplex.clock.advance(6_999)
    expect(await promiseState(one.connection)).toBe('pending')
    await testMultiplex.clock.advance(1)
    for (const { connection } of [one, other])
      await expect(connection).rejects.toMatchObject({ code: 'network', retryable: true })
    expect(testMultiplex.channelRequests[0]!.request.signal.aborted).toBe(true)
    expect(testMultiplex.clock.pendingDelays).toEqual([])
  })

  test('streams fail with network if no channel event arrives within timeout', async () => {
    const testMultiplex = createTestMultiplex({ timeout: 7_000 })
    const { connection } = testMultiplex.requestStream()
    await flushMicrotasks()
    testMultiplex.channelRequests[0]!.respond()
    await testMultiplex.clock.advance(7_000)
    await expect(connection).rejects.toMatchObject({
      code: 'network',
      message: expect.stringContaining('Channel timed out'),
    })
  })

  test('new streams do not extend the timeout of a channel that does not respond', async () => {
    const testMultiplex = createTestMultiplex({ timeout: 10_000, linger: 1_000 })
    for (let count = 0; count < 4; count++) {
      const { controller } = testMultiplex.requestStream()
      await testMultiplex.clock.advance(4_000)
      controller.abort(new Error('aborted by the test'))
      await testMultiplex.clock.advance(500)
    }
    expect(testMultiplex.channelRequests).toHaveLength(2)
    expect(testMultiplex.channelRequests[0]!.request.signal.aborted).toBe(true)
  })

  test('if connect throws, the stream fails with network, and the next stream opens a new channel', async () => {
    const reason = new TypeError('connect failed')
    let requests = 0
    const testMultiplex = createTestMultiplex({
      connect() {
        requests++
        throw reason
      },
    })
    for (let count = 1; count <= 2; count++) {
      await expect(testMultiplex.requestStream().connection).rejects.toMatchObject({ code: 'network', cause: reason })
      expect(requests).toBe(count)
    }
    expect(testMultiplex.clock.pendingDelays).toEqual([])
  })

  test('if connect rejects, the stream fails with network, with the rejection as its cause', async () => {
    const testMultiplex = createTestMultiplex()
    const { connection } = testMultiplex.requestStream()
    await flushMicrotasks()
    const reason = new TypeError('refused')
    testMultiplex.channelRequests[0]!.fail(reason)
    await expect(connection).rejects.toMatchObject({ code: 'network', cause: reason })
  })

  test.each(['nothing', 'null', '{"channelId":'])(
    'a channel event with the data %s fails the stream with network',
    async (data) => {
      const testMultiplex = createTestMultiplex()
      const { connection } = testMultiplex.requestStream()
      await flushMicrotasks()
      testMultiplex.channelRequests[0]!.respond().send({ type: 'channel', data })
      await flushMicrotasks()
      await expect(connection).rejects.toMatchObject({ code: 'network' })
    },
  )
})

describe('silence', () => {
  test('[P5.1] streams fail with network after a silence of three announced heartbeat intervals', async () => {
    const testMultiplex = createTestMultiplex()
    const { connection } = testMultiplex.requestStream()
    const channel = await testMultiplex.openChannel({ channelId: 'c', heartbeat: 10_000 })
    channel.send(openEvent(1))
    const stream = await connection
    for (let beats = 0; beats < 5; beats++) {
      const alive = stream.read()
      await testMultiplex.clock.advance(29_999)
      channel.comment()
      expect(await alive).toEqual({ blocks: [], bytes: 1 })
    }
    const read = stream.read()
    read.catch(() => {})
    await testMultiplex.clock.advance(30_000)
    await expect(read).rejects.toMatchObject({ code: 'network', message: expect.stringContaining('Channel timed out') })
    expect(channel.cancelled).toBe(true)
  })

  test('data that arrives before a delayed timer fires keeps the channel open', async () => {
    const testMultiplex = createTestMultiplex()
    const { connection, controller } = testMultiplex.requestStream()
    const channel = await testMultiplex.openChannel({ channelId: 'c', heartbeat: 10_000 })
    controller.abort()
    connection.catch(() => {})
    await flushMicrotasks()
    testMultiplex.clock.skip(40_000)
    channel.comment()
    const next = testMultiplex.requestStream()
    await flushMicrotasks()
    await testMultiplex.clock.advance(0)
    channel.send(openEvent(2))
    expect(await next.connection).toMatchObject({ status: 200 })
    expect(testMultiplex.channelRequests).toHaveLength(1)
  })

  test('a silent channel stays open if the server has announced no heartbeats', async () => {
    const testMultiplex = createTestMultiplex()
    const { channel } = await testMultiplex.open()
    await testMultiplex.clock.advance(86_400_000)
    expect([channel.cancelled, testMultiplex.clock.pendingDelays]).toEqual([false, []])
  })

  test('[P5.3] comments and events of other streams keep every stream alive', async () => {
    const testMultiplex = createTestMultiplex()
    const { channel, streams } = await testMultiplex.open(2)
    const reads = streams.map((stream) => stream.read())
    channel.comment()
    for (const read of reads) expect(await read).toEqual({ blocks: [], bytes: 1 })
    const quiet = streams[1]!.read()
    await testMultiplex.clock.advance(99)
    channel.send({ id: '1=a', data: 'x' })
    expect(await promiseState(quiet)).toBe('pending')
    await testMultiplex.clock.advance(1)
    channel.send({ id: '1=b', data: 'x' })
    expect(await quiet).toEqual({ blocks: [], bytes: 1 })
  })

  test('a stream that exceeds its idleTimeout closes the channel, and the other streams fail with network', async () => {
    const testMultiplex = createTestMultiplex()
    const { channel, streams, requests } = await testMultiplex.open(2)
    const other = streams[1]!.read()
    other.catch(() => {})
    requests[0]!.controller.abort(
      Object.assign(new Error('idle'), { [Symbol.for('rivulet.StreamError')]: true, code: 'idle' }),
    )
    await expect(other).rejects.toMatchObject({ code: 'network' })
    expect(channel.cancelled).toBe(true)
  })
})

describe('a rejected channel', () => {
  const bearer = (token: string) => ({
    headers: [['authorization', token]] as [string, string][],
    credentialHeaders: ['authorization'],
    canRefresh: true,
  })

  test.each([
    [401, { code: 'auth', retryable: false }],
    [403, { code: 'http', retryable: false }],
    [404, { code: 'http', retryable: false }],
    [204, { code: 'http', retryable: false }],
    [503, { code: 'http', retryable: true }],
  ])('status %i fails each stream of the same identity with a separate error', async (status, error) => {
    const testMultiplex = createTestMultiplex()
    const requests = [testMultiplex.requestStream(bearer('t')), testMultiplex.requestStream(bearer('t'))]
    await flushMicrotasks()
    testMultiplex.channelRequests[0]!.respond({
      status,
      headers: { 'content-type': 'application/problem+json', 'retry-after': '7' },
      problem: '{"title":"Rejected"}',
    })
    const errors = await Promise.all(requests.map(({ connection }) => connection.catch((reason: unknown) => reason)))
    for (const one of errors) {
      expect(one).toMatchObject({
        ...error,
        status,
        problem: { title: 'Rejected' },
        message: `Status ${status} (Rejected): GET https://api.test/channel`,
      })
      expect((one as { headers: Headers }).headers.get('retry-after')).toBe('7')
    }
    expect(new Set(errors).size).toBe(2)
    expect([testMultiplex.channelRequests.length, testMultiplex.clock.pendingDelays]).toEqual([1, []])
  })

  test('a 401 for a channel without credentials has code http, as for a separate connection', async () => {
    const testMultiplex = createTestMultiplex()
    const { connection } = testMultiplex.requestStream()
    await flushMicrotasks()
    testMultiplex.channelRequests[0]!.respond({ status: 401 })
    await expect(connection).rejects.toMatchObject({ code: 'http', status: 401 })
  })

  test('a 401 for a channel whose credentials `auth` has not set has code http, because there are no new ones', async () => {
    const testMultiplex = createTestMultiplex()
    const { connection } = testMultiplex.requestStream({ ...bearer('t'), canRefresh: false })
    await flushMicrotasks()
    testMultiplex.channelRequests[0]!.respond({ status: 401 })
    await expect(connection).rejects.toMatchObject({ code: 'http', status: 401 })
  })

  test('an HTML page instead of a channel fails the stream with content-type', async () => {
    const testMultiplex = createTestMultiplex()
    const { connection } = testMultiplex.requestStream()
    await flushMicrotasks()
    testMultiplex.channelRequests[0]!.respond({ headers: { 'content-type': 'text/html' } })
    await expect(connection).rejects.toMatchObject({ code: 'content-type' })
  })

  test('when a channel is rejected for one identity, a new channel is requested with the next identity', async () => {
    const testMultiplex = createTestMultiplex()
    const [bad, good] = [testMultiplex.requestStream(bearer('bad')), testMultiplex.requestStream(bearer('good'))]
    await flushMicrotasks()
    testMultiplex.channelRequests[0]!.respond({ status: 401 })
    await expect(bad.connection).rejects.toMatchObject({ code: 'auth', status: 401 })
    const channel = await testMultiplex.openChannel()
    expect(testMultiplex.channelRequests.map(({ headers }) => headers['authorization'])).toEqual(['bad', 'good'])
    channel.send(openEvent(1))
    expect(await good.connection).toMatchObject({ status: 200 })
    expect(testMultiplex.operations).toMatchObject([{ op: 'open', headers: [['authorization', 'good']] }])
  })
})
