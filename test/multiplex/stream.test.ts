/** Tests of channel streams: each has its own status, events, flow control and end, independent of the others. */
import { describe, expect, test, vi } from 'vitest'
import type { Connection } from '../../src/connect/connect.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { controlEvent, createTestMultiplex, openEvent, promiseState } from './test-multiplex.ts'

/** Returns the operation types sent for one stream. */
const opsOf = (testMultiplex: ReturnType<typeof createTestMultiplex>, key: string): string[] =>
  testMultiplex.operations.filter((operation) => operation.key === key).map(({ op }) => op)

/** Reads a stream to its end and returns its data. */
async function readAll(stream: Connection): Promise<string[]> {
  const data: string[] = []
  for (let batch = await stream.read(); batch; batch = await stream.read())
    data.push(...batch.blocks.map((block) => block.data ?? ''))
  return data
}

describe('the open operation', () => {
  test('[P5.2] an open operation contains the method, path and query, headers, body, cursor and window', async () => {
    const testMultiplex = createTestMultiplex({ window: 1_000 })
    testMultiplex.requestStream({
      url: 'https://api.test/generate?a=1&b=ü',
      method: 'POST',
      headers: [
        ['authorization', 't'],
        ['idempotency-key', 'k'],
      ],
      body: '{"prompt":"你好"}',
      lastEventId: '日本',
    })
    await testMultiplex.openChannel()
    expect(testMultiplex.operations).toEqual([
      {
        op: 'open',
        key: '1',
        method: 'POST',
        path: '/generate?a=1&b=ü',
        headers: [
          ['authorization', 't'],
          ['idempotency-key', 'k'],
        ],
        body: '{"prompt":"你好"}',
        lastEventId: '日本',
        window: 1_000,
      },
    ])
  })

  test('[P5.2] events may arrive before the response to the operations', async () => {
    const testMultiplex = createTestMultiplex()
    testMultiplex.respondToOperations('hang')
    const { connection } = testMultiplex.requestStream()
    const channel = await testMultiplex.openChannel()
    channel.send(openEvent(1), { id: '1=a', data: 'x' })
    expect(await (await connection).read()).toMatchObject({ blocks: [{ data: 'x' }] })
    expect((await connection).via).toBe('channel')
  })

  test('[P5.2] a stream that is aborted before the open operation is sent is not opened', async () => {
    const testMultiplex = createTestMultiplex()
    const [aborted] = [testMultiplex.requestStream(), testMultiplex.requestStream()]
    await flushMicrotasks()
    aborted.controller.abort()
    await testMultiplex.openChannel()
    expect(testMultiplex.operations.map(({ op, key }) => [op, key])).toEqual([
      ['open', '2'],
      ['close', '1'],
    ])
  })

  test('a signal that is already aborted prevents all requests', async () => {
    const testMultiplex = createTestMultiplex()
    const reason = new Error('aborted by the test')
    const { connection } = testMultiplex.requestStream({ signal: AbortSignal.abort(reason) })
    await expect(connection).rejects.toBe(reason)
    expect([testMultiplex.channelRequests, testMultiplex.clock.pendingDelays]).toEqual([[], []])
  })
})

describe('the response of a stream', () => {
  test('[P5.3] a stream takes the status, headers and URL from the open event', async () => {
    const testMultiplex = createTestMultiplex()
    const { connection } = testMultiplex.requestStream()
    const channel = await testMultiplex.openChannel()
    channel.send(openEvent(1, { headers: { 'content-type': 'text/event-stream', 'x-a': '1' }, url: '/elsewhere?x' }))
    const stream = await connection
    expect([stream.status, stream.url, [...stream.headers]]).toEqual([
      200,
      'https://api.test/elsewhere?x',
      [
        ['content-type', 'text/event-stream'],
        ['x-a', '1'],
      ],
    ])
  })

  test('[P5.3] an error status and problem affect only one stream', async () => {
    const testMultiplex = createTestMultiplex()
    const [rejected, other] = [testMultiplex.requestStream(), testMultiplex.requestStream()]
    const channel = await testMultiplex.openChannel()
    channel.send(
      controlEvent(1, 'open', { status: 401, headers: { 'www-authenticate': 'Bearer' } }),
      controlEvent(1, 'close', { status: 401, problem: '{"title":"no"}' }),
      openEvent(2),
      { id: '2=a', data: 'x' },
    )
    const response = await rejected.connection
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
    expect(await response.readText(1_000)).toBe('{"title":"no"}')
    expect(await response.readText(4)).toBe('{"ti')
    expect(await (await other.connection).read()).toMatchObject({ blocks: [{ data: 'x' }] })
    response.cancel()
    await flushMicrotasks()
    expect(opsOf(testMultiplex, '1')).toEqual(['open'])
  })

  test('cancel() ends readText() on a body that never ends', async () => {
    const testMultiplex = createTestMultiplex()
    const { connection } = testMultiplex.requestStream()
    const channel = await testMultiplex.openChannel()
    channel.send(controlEvent(1, 'open', { status: 500 }))
    const response = await connection
    const problem = response.readText(1_000)
    expect(await promiseState(problem)).toBe('pending')
    response.cancel()
    expect(await problem).toBe('')
    await flushMicrotasks()
    expect(opsOf(testMultiplex, '1')).toEqual(['open', 'close'])
  })

  test('[P5.3] a close event without an open event rejects with network', async () => {
    const testMultiplex = createTestMultiplex()
    const { connection } = testMultiplex.requestStream()
    const channel = await testMultiplex.openChannel()
    channel.send(controlEvent(1, 'close', { status: 502, problem: '{}' }))
    await expect(connection).rejects.toMatchObject({
      code: 'network',
      retryable: true,
      message: 'Stream closed with status 502: GET https://api.test/stream',
    })
  })

  test.each([200, 204])('a close event with status %i without an open event rejects with network', async (status) => {
    const testMultiplex = createTestMultiplex()
    const { connection } = testMultiplex.requestStream()
    const channel = await testMultiplex.openChannel()
    channel.send(controlEvent(1, 'close', { status }))
    await expect(connection).rejects.toMatchObject({ code: 'network' })
  })
})

describe('events', () => {
  test('[P5.3] the stream key is removed from event ids, which can be missing or empty', async () => {
    const testMultiplex = createTestMultiplex()
    const { channel, streams } = await testMultiplex.open(2)
    channel.send(
      { id: '1=a', data: '1' },
      { id: '2=z', data: 'for the other' },
      { id: '1+', type: 'named', data: '2' },
      { id: '1=', data: '3' },
      { id: '1=x=y+z!', data: '4' },
      { id: '1=quiet' },
    )
    expect((await streams[0]!.read())!.blocks).toEqual([
      { type: 'message', data: '1', id: 'a' },
      { type: 'named', data: '2', id: undefined },
      { type: 'message', data: '3', id: '' },
      { type: 'message', data: '4', id: 'x=y+z!' },
      { type: 'message', data: undefined, id: 'quiet' },
    ])
    expect((await streams[1]!.read())!.blocks).toEqual([{ type: 'message', data: 'for the other', id: 'z' }])
  })

  test('[P5.3] events named like control events are ordinary events', async () => {
    const testMultiplex = createTestMultiplex()
    const { channel, streams } = await testMultiplex.open()
    channel.send({ id: '1=a', type: 'close', data: '{"status":502}' }, { id: '1+', type: 'channel', data: '{}' })
    expect((await streams[0]!.read())!.blocks.map(({ type }) => type)).toEqual(['close', 'channel'])
  })

  test('[P5.3] a reconnection time is returned by the next read', async () => {
    const testMultiplex = createTestMultiplex()
    const { channel, streams } = await testMultiplex.open()
    channel.send(controlEvent(1, 'retry', { delay: 7_000 }), { id: '1=a', data: 'x' })
    expect(await streams[0]!.read()).toMatchObject({ retry: 7_000, blocks: [{ data: 'x' }] })
    channel.send(controlEvent(1, 'retry', { delay: 8_000 }))
    await flushMicrotasks()
    const last = streams[0]!.read()
    channel.send(controlEvent(1, 'close', { status: 200 }))
    expect(await last).toMatchObject({ retry: 8_000, blocks: [] })
    expect(await streams[0]!.read()).toBeNull()
  })

  test('[P5.3] unread reconnection times do not accumulate', async () => {
    const testMultiplex = createTestMultiplex()
    const { channel, streams } = await testMultiplex.open()
    for (let delay = 1; delay <= 1_000; delay++) channel.send(controlEvent(1, 'retry', { delay }))
    await flushMicrotasks()
    channel.send({ id: '1=a', data: 'x' })
    await flushMicrotasks()
    expect(await streams[0]!.read()).toMatchObject({ retry: 1_000, blocks: [{ data: 'x' }] })
  })

  test('each read returns at most one batch, and the rest stays buffered', async () => {
    const testMultiplex = createTestMultiplex()
    const { channel, streams } = await testMultiplex.open()
    for (let count = 0; count < 10; count++) channel.send({ id: '1+', data: 'x'.repeat(10_000) })
    await flushMicrotasks()
    const sizes: number[] = []
    for (let count = 0; count < 5; count++) sizes.push((await streams[0]!.read())!.blocks.length)
    expect(sizes).toEqual([2, 2, 2, 2, 2])
  })
})

describe('the end of a stream', () => {
  test('[P5.3] a clean end is reported after all earlier events', async () => {
    const testMultiplex = createTestMultiplex()
    const { channel, streams } = await testMultiplex.open(2)
    channel.send({ id: '1=a', data: 'x' }, controlEvent(1, 'close', { status: 200 }))
    expect(await readAll(streams[0]!)).toEqual(['x'])
    streams[0]!.cancel()
    await flushMicrotasks()
    expect(opsOf(testMultiplex, '1')).toEqual(['open'])
    expect(await promiseState(streams[1]!.read())).toBe('pending')
  })

  test.each([
    [502, 'network', true],
    [401, 'network', true],
    [413, 'too-large', false],
  ])(
    '[P5.3] [P5.5] a close event with status %i rejects with %s after all earlier events',
    async (status, code, retryable) => {
      const testMultiplex = createTestMultiplex()
      const { channel, streams } = await testMultiplex.open()
      channel.send({ id: '1=a', data: 'x' }, controlEvent(1, 'close', { status, problem: '{}' }))
      expect(await streams[0]!.read()).toMatchObject({ blocks: [{ data: 'x' }] })
      for (let again = 0; again < 2; again++)
        await expect(streams[0]!.read()).rejects.toMatchObject({ code, retryable })
    },
  )

  test('cancel() sends one close operation, and late events of the stream are ignored', async () => {
    const testMultiplex = createTestMultiplex()
    const { channel, streams } = await testMultiplex.open(2)
    const pending = streams[0]!.read()
    channel.send({ id: '1=a', data: 'x' })
    await flushMicrotasks()
    streams[0]!.cancel()
    streams[0]!.cancel()
    channel.send({ id: '1=b', data: 'late' }, controlEvent(1, 'close', { status: 200 }), { id: '2=a', data: 'y' })
    expect(await pending).toMatchObject({ blocks: [{ data: 'x' }] })
    expect(await streams[0]!.read()).toBeNull()
    expect(await streams[1]!.read()).toMatchObject({ blocks: [{ data: 'y' }] })
    await flushMicrotasks()
    expect(opsOf(testMultiplex, '1')).toEqual(['open', 'close'])
    expect(testMultiplex.errors).toEqual([])
  })

  test.each(['before the response', 'during a read', 'with unread events'])(
    'aborting a stream %s rejects with the reason',
    async (when) => {
      const testMultiplex = createTestMultiplex()
      const { connection, controller } = testMultiplex.requestStream()
      const channel = await testMultiplex.openChannel()
      const reason = new Error('aborted by the test')
      if (when.includes('response')) {
        controller.abort(reason)
        await expect(connection).rejects.toBe(reason)
      } else {
        channel.send(openEvent(1))
        const stream = await connection
        if (when.includes('unread')) channel.send({ id: '1=a', data: 'x' })
        await flushMicrotasks()
        const read = when.includes('unread') ? undefined : stream.read()
        controller.abort(reason)
        await expect(read ?? stream.read()).rejects.toBe(reason)
      }
      await flushMicrotasks()
      expect(opsOf(testMultiplex, '1')).toEqual(['open', 'close'])
    },
  )
})

describe('flow control', () => {
  test('the bytes of an event are counted without encoding it', async () => {
    const encode = vi.spyOn(TextEncoder.prototype, 'encode')
    const { channel, streams } = await createTestMultiplex().open()
    channel.send({ id: '1=a', data: 'é日👍' })
    expect(await streams[0]!.read()).toMatchObject({ bytes: 2 + 3 + 4 + 32 })
    expect(encode).not.toHaveBeenCalled()
  })

  const cost = (text: string): number => new TextEncoder().encode(text).length + 32

  test.each(['x', 'é', '日', '👍'])(
    '[P5.4] credit for exactly the bytes read is granted once half of the window has been read: %s',
    async (character) => {
      const testMultiplex = createTestMultiplex({ window: 10_000 })
      const { channel, streams } = await testMultiplex.open()
      const data = character.repeat(500)
      let granted = 0
      for (let count = 0; count < 40; count++) {
        channel.send({ id: '1+', data })
        await flushMicrotasks()
        await streams[0]!.read()
        await flushMicrotasks()
        const credits = testMultiplex.operations.filter(({ op }) => op === 'credit')
        granted = credits.reduce((sum, { bytes }) => sum + (bytes as number), 0)
        expect((count + 1) * cost(data) - granted).toBeLessThan(5_000)
        expect(granted % cost(data)).toBe(0)
      }
      expect(granted).toBeGreaterThan(20_000)
    },
  )

  test('[P5.4] an unread stream gets no credit and does not block the others', async () => {
    const testMultiplex = createTestMultiplex({ window: 10_000 })
    const { channel, streams } = await testMultiplex.open(2)
    for (let count = 0; count < 9; count++) channel.send({ id: '1+', data: 'x'.repeat(1_000) }, { id: '2+', data: 'y' })
    await flushMicrotasks()
    expect((await readSome(streams[1]!, 9)).length).toBe(9)
    expect(opsOf(testMultiplex, '1')).toEqual(['open'])
  })

  test('[P5.4] one event may exceed the window, but the next event fails the stream with overflow', async () => {
    const testMultiplex = createTestMultiplex({ window: 1_000 })
    const { channel, streams } = await testMultiplex.open(2)
    channel.send({ id: '1+', data: 'x'.repeat(50_000) }, { id: '2+', data: 'y' })
    channel.send({ id: '1+', data: '' })
    await flushMicrotasks()
    expect(await streams[0]!.read()).toMatchObject({ blocks: [{ data: 'x'.repeat(50_000) }] })
    await expect(streams[0]!.read()).rejects.toMatchObject({ code: 'overflow', retryable: false })
    expect(await streams[1]!.read()).toMatchObject({ blocks: [{ data: 'y' }] })
    await flushMicrotasks()
    expect(opsOf(testMultiplex, '1')).toEqual(['open', 'close'])
  })

  test('[P5.4] empty events use credit, too', async () => {
    const testMultiplex = createTestMultiplex({ window: 3_200 })
    const { channel, streams } = await testMultiplex.open()
    channel.send(...Array.from({ length: 101 }, () => ({ id: '1+', data: '' })))
    await flushMicrotasks()
    expect((await streams[0]!.read())!.blocks).toHaveLength(100)
    await expect(streams[0]!.read()).rejects.toMatchObject({ code: 'overflow' })
  })

  test('[F28] an event above maxEventSize fails the stream with too-large after all earlier events', async () => {
    const testMultiplex = createTestMultiplex()
    const small = testMultiplex.requestStream({ maxEventSize: 100 })
    const large = testMultiplex.requestStream()
    const channel = await testMultiplex.openChannel()
    channel.send(
      openEvent(1),
      openEvent(2),
      { id: '1=a', data: 'complete' },
      { id: '1=b', data: '日'.repeat(101) },
      { id: '2=a', data: 'x'.repeat(1_000) },
    )
    const stream = await small.connection
    expect(await stream.read()).toMatchObject({ blocks: [{ data: 'complete' }] })
    await expect(stream.read()).rejects.toMatchObject({ code: 'too-large', retryable: false })
    expect(await (await large.connection).read()).toMatchObject({ blocks: [{ id: 'a' }] })
    await flushMicrotasks()
    expect(opsOf(testMultiplex, '1')).toEqual(['open', 'close'])
  })

  async function readSome(stream: Connection, count: number): Promise<string[]> {
    const data: string[] = []
    while (data.length < count) data.push(...(await stream.read())!.blocks.map((block) => block.data!))
    return data
  }
})

describe('malformed input', () => {
  test.each([
    ['an open event that is not JSON', controlEvent(1, 'open', '{')],
    ['an open event with the data null', controlEvent(1, 'open', 'null')],
    ['an invalid header name', controlEvent(1, 'open', { status: 200, headers: { 'a b': '1' } })],
    ['an invalid URL', controlEvent(1, 'open', { status: 200, url: 'https://[' })],
    ['a close event that is not JSON', controlEvent(1, 'close', 'x')],
    ['an event before the open event', { id: '1=a', data: 'x' }],
  ])('%s fails only that stream with network', async (_, block) => {
    const testMultiplex = createTestMultiplex()
    const [one, other] = [testMultiplex.requestStream(), testMultiplex.requestStream()]
    const channel = await testMultiplex.openChannel()
    channel.send(openEvent(2), block, { id: '2=a', data: 'y' })
    await expect(one.connection).rejects.toMatchObject({ code: 'network', retryable: true })
    expect(await (await other.connection).read()).toMatchObject({ blocks: [{ data: 'y' }] })
    await flushMicrotasks()
    expect([opsOf(testMultiplex, '1'), testMultiplex.errors]).toEqual([['open', 'close'], []])
  })

  test.each(['unknown', '9=a', '', '=a', '!', 'a b=1'])(
    'an event with the id %j belongs to no stream and is reported as invalid-data',
    async (id) => {
      const testMultiplex = createTestMultiplex()
      const { channel, streams } = await testMultiplex.open()
      channel.send({ id, data: 'x' }, { id: '1=a', data: 'y' })
      expect(await streams[0]!.read()).toMatchObject({ blocks: [{ data: 'y' }] })
      expect(testMultiplex.errors).toMatchObject([
        { code: 'invalid-data', message: 'Event for unknown stream: GET https://api.test/channel' },
      ])
    },
  )

  test('an error thrown by onError is reported and does not affect the streams', async () => {
    const reported: unknown[] = []
    vi.stubGlobal('reportError', (error: unknown) => reported.push(error))
    const mistake = new Error('callback failed')
    const testMultiplex = createTestMultiplex({
      onError() {
        throw mistake
      },
    })
    const { channel, streams } = await testMultiplex.open()
    channel.send({ id: 'foreign', data: 'x' }, { id: '1=a', data: 'y' })
    expect(await streams[0]!.read()).toMatchObject({ blocks: [{ data: 'y' }] })
    expect(reported).toEqual([mistake])
  })

  test('unknown or invalid control events are ignored', async () => {
    const testMultiplex = createTestMultiplex()
    const { channel, streams } = await testMultiplex.open()
    channel.send(
      controlEvent(1, 'pause', {}),
      controlEvent(1, 'retry', { delay: -1 }),
      controlEvent(1, 'retry', {}),
      openEvent(1, { status: 404 }),
      { id: '1=a', data: 'x' },
    )
    expect(await streams[0]!.read()).toEqual({ blocks: [{ type: 'message', data: 'x', id: 'a' }], bytes: 33 })
  })
})
