/** Runs across several connections: resumed from the cursor, never started twice. */
import { describe, expect, test, vi } from 'vitest'
import { resume } from '../../src/index.ts'
import type { RunOptions } from '../../src/request/stream-options.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { delta, end, failure, start } from '../support/native-events.ts'
import { createTestClient } from '../support/test-client.ts'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()

const open = async (options: RunOptions = {}) => {
  const testClient = createTestClient()
  const run = testClient.client.stream('/api/generate', { json: { prompt: 'p' }, idempotencyKey: 'k1', ...options })
  return { ...testClient, run, connection: await testClient.open() }
}
const rejectionOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no rejection',
    (error: unknown) => error,
  )

describe('[P3.4] after `start`', () => {
  test.each(['end', 'disconnect'] as const)(
    '[F1] [F2] [F3] after a connection %s, the run sends a GET to its resume URL instead of a second POST',
    async (ending) => {
      const { run, connection, network, clock, errors } = await open()
      const final = run.final()
      connection.send(start(), delta(0, 'a'))
      connection[ending]()
      await clock.advance(1_000)
      const { request, headers } = network.last
      expect(request).toMatchObject({ method: 'GET', url: 'https://api.test/api/generate/r1', lastEventId: 'r1:0' })
      expect(request.body).toBeUndefined()
      expect(request.init?.body ?? null).toBeNull()
      expect(headers).not.toHaveProperty('idempotency-key')
      expect(headers).not.toHaveProperty('content-type')
      network.last.respond().send(delta(1, 'b'), end())
      expect((await final).text).toBe('ab')
      expect(network.attempts.map(({ request: { method } }) => method)).toEqual(['POST', 'GET'])
      expect(errors).toEqual([])
    },
  )

  test.each([
    ['/api/generate/r1', 'https://api.test/api/generate/r1'],
    ['generate/r1?x=1', 'https://api.test/api/generate/r1?x=1'],
    ['?run=r1', 'https://api.test/api/generate?run=r1'],
    ['https://other.test/r1', 'https://other.test/r1'],
  ])('[P3.3] the resume URL %s is resolved against the URL of the response', async (resume, url) => {
    const { connection, network, clock } = await open()
    connection.send(start({ resume }))
    connection.end()
    await clock.advance(1_000)
    expect(network.last.request.url).toBe(url)
  })

  test('[P3.3] the resume URL is resolved against the final URL after redirects', async () => {
    const { client, network, clock } = createTestClient()
    client.stream('/api/generate')
    await flushMicrotasks()
    const connection = network.last.respond({ url: 'https://eu.api.test/v2/generate' })
    connection.send(start({ resume: 'generate/r1' }))
    connection.end()
    await clock.advance(1_000)
    expect(network.last.request.url).toBe('https://eu.api.test/v2/generate/r1')
  })

  test.each<[string, (testClient: Awaited<ReturnType<typeof open>>) => unknown, string]>([
    ['that is refused', ({ network }) => network.last.respond({ status: 404 }), 'Status 404'],
    ['that fails', ({ network }) => network.last.fail(new TypeError('failed')), 'Request failed'],
    [
      'without a response',
      ({ clock }) => clock.advance(60_000),
      'No response headers within 60000 ms (connectTimeout)',
    ],
    [
      'whose connection breaks',
      ({ network }) => network.last.respond().disconnect(new TypeError('broken')),
      'Request failed',
    ],
    [
      'whose connection is silent',
      async ({ network, clock }) => {
        network.last.respond()
        await clock.advance(90_000)
      },
      'No bytes for 90000 ms (idleTimeout; dead connection, or buffering proxy)',
    ],
  ])('the error of a resume request %s names that request', async (_failure, failRequest, message) => {
    const testClient = await open()
    const { run, connection, clock } = testClient
    connection.send(start(), delta(0, 'a'))
    connection.end()
    await clock.advance(1_000)
    await failRequest(testClient)
    await flushMicrotasks()
    expect(run.state.error?.message).toBe(`${message}: GET https://api.test/api/generate/r1`)
  })

  test('a run with an event before its start event can be resumed', async () => {
    const { run, connection, network, clock } = await open()
    const started = vi.fn()
    run.on('start', started)
    const final = run.final()
    connection.send({ type: 'queued', data: '{"ahead":2}' }, start({ heartbeat: 0 }), delta(0, 'a'))
    connection.disconnect()
    await flushMicrotasks()
    expect(run.cursor).toEqual({
      v: 2,
      url: 'https://api.test/api/generate/r1',
      protocol: 'native',
      lastEventId: 'r1:0',
      index: 1,
      streamId: 'r1',
    })
    expect(started).toHaveBeenCalledTimes(1)
    await clock.advance(1_000)
    expect(network.last.request).toMatchObject({
      method: 'GET',
      url: 'https://api.test/api/generate/r1',
      lastEventId: 'r1:0',
    })
    network.last.respond().send(delta(1, 'b'), end())
    expect((await final).text).toBe('ab')
  })

  test('without a base URL, the resume URL stays a path', async () => {
    const { client, network, clock } = createTestClient({ baseUrl: undefined as never })
    client.stream('/api/generate')
    await flushMicrotasks()
    const connection = network.last.respond()
    connection.send(start())
    connection.end()
    await clock.advance(1_000)
    expect(network.last.request.url).toBe('/api/generate/r1')
  })

  test('a resumed run continues its text and loop and does not deliver a repeated start event', async () => {
    const { run, connection, network, clock } = await open()
    const started = vi.fn()
    run.on('start', started)
    const texts: string[] = []
    const reading = (async () => {
      for await (const { content } of run) texts.push(content)
    })()
    connection.send(start(), delta(0, 'a'))
    connection.disconnect()
    await clock.advance(1_000)
    network.last.respond().send(start(), delta(0, 'a'), delta(1, 'b'), end())
    await reading
    expect(texts).toEqual(['a', 'b'])
    expect(run.text).toBe('ab')
    expect(started).toHaveBeenCalledTimes(1)
  })

  test.each([404, 410])(
    '[P3.3] a resume refused with %d fails with expired, the partial text and the cursor',
    async (status) => {
      const { run, connection, network, clock } = await open()
      const final = rejectionOf(run.final())
      connection.send(start(), delta(0, 'a'))
      connection.disconnect()
      await clock.advance(1_000)
      network.last.respond({ status })
      await clock.advance(60_000)
      expect(await final).toMatchObject({
        code: 'expired',
        status,
        partial: 'a',
        cursor: { url: 'https://api.test/api/generate/r1', lastEventId: 'r1:0' },
      })
      expect(network.attempts).toHaveLength(2)
    },
  )

  test('[F19] duplicate deltas do not reset the attempt count', async () => {
    const { run, connection, network, clock } = await open()
    const final = rejectionOf(run.final())
    connection.send(start(), delta(0, 'a'), delta(1, 'b'))
    connection.disconnect()
    await flushMicrotasks()
    for (let attempt = 0; attempt < 20; attempt++) {
      await clock.advance(clock.pendingDelays[0] ?? 0)
      if (run.state.status !== 'connecting') break
      const replay = network.last.respond()
      replay.send(start(), delta(0, 'a'), delta(1, 'b'))
      replay.disconnect()
      await flushMicrotasks()
    }
    expect(run.state.status).toBe('closed')
    expect(await final).toMatchObject({ code: 'retries-exhausted', partial: 'ab' })
    expect(network.attempts).toHaveLength(6)
  })

  test('[F19] new deltas reset the attempt count', async () => {
    const { run, connection, network, clock } = await open({ retry: 1 })
    const final = run.final()
    connection.send(start(), delta(0))
    connection.disconnect()
    for (let index = 1; index < 10; index++) {
      await clock.advance(1_000)
      const next = network.last.respond()
      next.send(delta(index))
      next.disconnect()
    }
    await clock.advance(1_000)
    network.last.respond().send(end())
    expect((await final).text).toBe('0 1 2 3 4 5 6 7 8 9 ')
  })
})

describe('[P3.4] before `start`', () => {
  test.each([
    ['no response', ({ last }: ReturnType<typeof createTestClient>['network']) => last.fail()],
    ['503', ({ last }: ReturnType<typeof createTestClient>['network']) => void last.respond({ status: 503 })],
    ['500', ({ last }: ReturnType<typeof createTestClient>['network']) => void last.respond({ status: 500 })],
    ['an empty stream', ({ last }: ReturnType<typeof createTestClient>['network']) => last.respond().end()],
  ])('%s is followed by a retry of the same request with the same key and body', async (_name, fail) => {
    const { client, network, clock } = createTestClient()
    const run = client.stream('/api/generate', { json: { prompt: 'p' } })
    const final = run.final()
    await flushMicrotasks()
    fail(network)
    await clock.advance(1_000)
    const [first, second] = network.attempts
    expect(second!.request).toMatchObject({ method: 'POST', url: first!.request.url, body: '{"prompt":"p"}' })
    expect(second!.headers['idempotency-key']).toBe(first!.headers['idempotency-key'])
    network.last.respond().send(start(), delta(0, 'a'), end())
    expect((await final).text).toBe('a')
  })

  test.each([
    ['no response', 1, ({ last }: ReturnType<typeof createTestClient>['network']) => last.fail()],
    ['500', 1, ({ last }: ReturnType<typeof createTestClient>['network']) => void last.respond({ status: 500 })],
    [
      '503, which means that no run began',
      2,
      ({ last }: ReturnType<typeof createTestClient>['network']) => void last.respond({ status: 503 }),
    ],
    [
      '429, which means that no run began',
      2,
      ({ last }: ReturnType<typeof createTestClient>['network']) => void last.respond({ status: 429 }),
    ],
  ])('without an idempotency key, %s leads to a total of %i attempt(s)', async (_name, attempts, fail) => {
    const { client, network, clock } = createTestClient()
    const run = client.stream('/api/generate', { json: {}, idempotencyKey: false })
    void run.final().catch(() => {})
    await flushMicrotasks()
    fail(network)
    await clock.advance(1_000)
    expect(network.attempts).toHaveLength(attempts)
    run.detach()
  })

  test('a run that never starts is retried five times', async () => {
    const { client, network, clock } = createTestClient()
    const final = rejectionOf(client.stream('/x').final())
    for (let attempt = 0; attempt < 10; attempt++) {
      await flushMicrotasks()
      if (network.attempts.length > attempt) network.last.fail()
      await clock.advance(30_000)
    }
    expect(await final).toMatchObject({ code: 'retries-exhausted' })
    expect(network.attempts).toHaveLength(6)
  })

  test('the error of a run whose start event does not come names connectTimeout, which limits the wait', async () => {
    const { run, clock, connection } = await open({ connectTimeout: 30_000 })
    await clock.advance(30_000)
    expect(run.state.error).toMatchObject({
      code: 'idle',
      message:
        'No bytes for 30000 ms (connectTimeout; dead connection, or buffering proxy): POST https://api.test/api/generate',
    })
    expect(connection.cancelled).toBe(true)
  })

  test('the connectTimeout of a run is 60 s by default, because gateways withhold response headers until the first token', async () => {
    const { client, network, clock } = createTestClient()
    const run = client.stream('/x')
    await clock.advance(59_999)
    expect(run.state.status).toBe('connecting')
    await clock.advance(1)
    expect(run.state.status).toBe('waiting')
    expect(network.last.request.signal.aborted).toBe(true)
    run.detach()
  })
})

describe('cursor and client.resume()', () => {
  test('a run has no cursor before its start event', async () => {
    const { run, connection } = await open()
    expect(run.cursor).toBeUndefined()
    connection.send(start())
    await flushMicrotasks()
    expect(run.cursor).toMatchObject({ url: 'https://api.test/api/generate/r1', lastEventId: 'r1:s' })
    connection.send(delta(0))
    await flushMicrotasks()
    expect(run.cursor).toMatchObject({ lastEventId: 'r1:0' })
    expect(JSON.parse(JSON.stringify(run.cursor))).toEqual(run.cursor)
  })

  test('a run has no cursor once its error event was received, but a loop has one until it has taken all deltas', async () => {
    for (const loops of [false, true]) {
      const { run, connection } = await open()
      const loop = loops ? run[Symbol.asyncIterator]() : undefined
      connection.send(start(), delta(0), delta(1), failure())
      connection.end()
      await flushMicrotasks()
      await loop?.next()
      expect(run.cursor?.lastEventId).toBe(loops ? 'r1:0' : undefined)
      await loop?.next()
      await loop?.next().catch(() => {})
      expect(run.cursor).toBeUndefined()
    }
  })

  test.each(['before', 'after'])(
    'with the option `text`, a resumed run continues the text %s its first delta',
    async (moment) => {
      const { client, open: openConnection } = createTestClient()
      const run = client.resume({ url: '/r1', lastEventId: 'r1:3' }, { text: 'abcd', retry: false })
      expect(run.text).toBe('abcd')
      const connection = await openConnection()
      const final = rejectionOf(run.final())
      if (moment === 'after') connection.send(delta(4, 'e'))
      connection.end()
      expect(await final).toMatchObject({ code: 'truncated', partial: moment === 'after' ? 'abcde' : 'abcd' })
    },
  )

  test('the option `text` is ignored where a run is read from its start', async () => {
    const { client, open: openConnection } = createTestClient()
    const run = client.resume({ url: '/r1' }, { text: 'ab' })
    const connection = await openConnection()
    connection.send(start(), delta(0, 'a'), delta(1, 'b'), end())
    expect((await run.final()).text).toBe('ab')
  })

  test.each([undefined, null, {}, { lastEventId: '1' }, { url: '' }])(
    'resuming from %j throws a TypeError that names what is missing',
    (cursor) => {
      const { client } = createTestClient()
      for (const run of [
        () => client.resume(cursor as never),
        () => resume(cursor as never, { baseUrl: 'https://api.test' }),
      ])
        expect(run).toThrow(new TypeError('resume: expected a cursor, an object with a url'))
    },
  )

  test('a resumed run receives events after its cursor and can reconnect', async () => {
    const { client, network, clock } = createTestClient()
    const run = client.resume({ url: 'https://api.test/api/generate/r1', lastEventId: 'r1:3' })
    const final = run.final()
    await flushMicrotasks()
    expect(network.last.request).toMatchObject({
      method: 'GET',
      url: 'https://api.test/api/generate/r1',
      lastEventId: 'r1:3',
    })
    expect(network.last.headers).not.toHaveProperty('idempotency-key')
    const connection = network.last.respond()
    connection.send(delta(4, 'e'))
    connection.disconnect()
    await clock.advance(1_000)
    expect(network.last.request.lastEventId).toBe('r1:4')
    network.last.respond().send(delta(5, 'f'), end())
    expect((await final).text).toBe('ef')
  })

  test('a resumed run accepts any first index, but fails with a gap error if it skips a later index', async () => {
    const { client, open: openConnection, clock } = createTestClient()
    const run = client.resume({ url: '/r1', lastEventId: 'r1:3' }, { retry: false })
    const final = rejectionOf(run.final())
    const connection = await openConnection()
    connection.send(delta(4, 'e'), delta(6, 'g'))
    await clock.advance(0)
    expect(await final).toMatchObject({ code: 'gap', partial: 'e' })
  })

  test('resuming without an ID replays the run, including its start event', async () => {
    const { client, open: openConnection, network } = createTestClient()
    const run = client.resume({ url: '/r1' })
    const started = vi.fn()
    run.on('start', started)
    const connection = await openConnection()
    expect(network.last.request.lastEventId || undefined).toBeUndefined()
    connection.send(start(), delta(0, 'a'), end())
    expect((await run.final()).text).toBe('a')
    expect(started).toHaveBeenCalledTimes(1)
  })

  test.each([404, 410])(
    '[P3.3] resuming a run that the server no longer knows fails with expired (%d)',
    async (status) => {
      const { client, network, errors } = createTestClient()
      const cursor = { url: 'https://api.test/r1', lastEventId: 'r1:3' }
      const final = rejectionOf(client.resume(cursor).final())
      await flushMicrotasks()
      network.last.respond({ status })
      expect(await final).toMatchObject({ code: 'expired', status, cursor })
      expect(errors).toHaveLength(1)
    },
  )

  test('[F12] a resume after the end event is answered with 204, fails with truncated and is not retried', async () => {
    const { client, network, clock } = createTestClient()
    const final = rejectionOf(client.resume({ url: '/r1', lastEventId: 'r1:e' }).final())
    await flushMicrotasks()
    network.last.respond({ status: 204, headers: {} })
    await clock.advance(60_000)
    expect(await final).toMatchObject({ code: 'truncated', retryable: false })
    expect(network.attempts).toHaveLength(1)
  })

  test('[P1.3] a run resumed from a cursor keeps the announced heartbeat', async () => {
    const { run, connection, client, network, clock } = await open()
    connection.send(start({ heartbeat: 1_000 }))
    await flushMicrotasks()
    run.detach()
    const rest = client.resume(run.cursor!)
    await flushMicrotasks()
    network.last.respond()
    await clock.advance(3_000)
    expect(rest.state).toMatchObject({ status: 'waiting', error: { code: 'idle' } })
    rest.detach()
  })
})
