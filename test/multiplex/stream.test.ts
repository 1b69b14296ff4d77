/** Streams on a carrier: each has its own status, events, pace and end, whatever happens to the others. */
import { describe, expect, test, vi } from 'vitest'
import type { Connection } from '../../src/connect/connect.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { controlEvent, createTestMultiplex, openEvent, promiseState } from './test-multiplex.ts'

/** Types of the operations for each key. */
const opsOf = (testMultiplex: ReturnType<typeof createTestMultiplex>, key: string): string[] =>
  testMultiplex.operations.filter((operation) => operation.key === key).map(({ op }) => op)

/** All data until the end, as it is read. */
async function readAll(stream: Connection): Promise<string[]> {
  const data: string[] = []
  for (let batch = await stream.read(); batch; batch = await stream.read())
    data.push(...batch.blocks.map((block) => block.data ?? ''))
  return data
}

describe('what is asked', () => {
  test('[P5.2] method, path with query, headers, body, cursor and window', async () => {
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

  test('[P5.2] an event may come before its POST is answered', async () => {
    const testMultiplex = createTestMultiplex()
    testMultiplex.respondToOperations('hang')
    const { connection } = testMultiplex.requestStream()
    const channel = await testMultiplex.openChannel()
    channel.send(openEvent(1), { id: '1=a', data: 'x' })
    expect(await (await connection).read()).toMatchObject({ blocks: [{ data: 'x' }] })
  })

  test('[P5.2] left before its turn, it is not asked for', async () => {
    const testMultiplex = createTestMultiplex()
    const [left] = [testMultiplex.requestStream(), testMultiplex.requestStream()]
    await flushMicrotasks()
    left.controller.abort()
    await testMultiplex.openChannel()
    expect(testMultiplex.operations.map(({ op, key }) => [op, key])).toEqual([
      ['open', '2'],
      ['close', '1'],
    ])
  })

  test('a signal that has aborted asks for nothing', async () => {
    const testMultiplex = createTestMultiplex()
    const reason = new Error('why')
    const { connection } = testMultiplex.requestStream({ signal: AbortSignal.abort(reason) })
    await expect(connection).rejects.toBe(reason)
    expect([testMultiplex.channelRequests, testMultiplex.clock.pendingDelays]).toEqual([[], []])
  })
})

describe('what it is answered', () => {
  test('[P5.3] status, headers, and the address that answered', async () => {
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

  test('[P5.3] a refusal with its problem is an answer of that stream alone', async () => {
    const testMultiplex = createTestMultiplex()
    const [refused, other] = [testMultiplex.requestStream(), testMultiplex.requestStream()]
    const channel = await testMultiplex.openChannel()
    channel.send(
      controlEvent(1, 'open', { status: 401, headers: { 'www-authenticate': 'Bearer' } }),
      controlEvent(1, 'close', { status: 401, problem: '{"title":"no"}' }),
      openEvent(2),
      { id: '2=a', data: 'x' },
    )
    const answer = await refused.connection
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
    expect(await answer.readText(1_000)).toBe('{"title":"no"}')
    expect(await answer.readText(4)).toBe('{"ti')
    expect(await (await other.connection).read()).toMatchObject({ blocks: [{ data: 'x' }] })
    answer.cancel()
    await flushMicrotasks()
    expect(opsOf(testMultiplex, '1')).toEqual(['open'])
  })

  test('a body that never ends is not waited for: who has enough of it leaves', async () => {
    const testMultiplex = createTestMultiplex()
    const { connection } = testMultiplex.requestStream()
    const channel = await testMultiplex.openChannel()
    channel.send(controlEvent(1, 'open', { status: 500 }))
    const answer = await connection
    const problem = answer.readText(1_000)
    expect(await promiseState(problem)).toBe('pending')
    answer.cancel()
    expect(await problem).toBe('')
    await flushMicrotasks()
    expect(opsOf(testMultiplex, '1')).toEqual(['open', 'close'])
  })

  test('[P5.3] no answer at all: network', async () => {
    const testMultiplex = createTestMultiplex()
    const { connection } = testMultiplex.requestStream()
    const channel = await testMultiplex.openChannel()
    channel.send(controlEvent(1, 'close', { status: 502, problem: '{}' }))
    await expect(connection).rejects.toMatchObject({
      code: 'network',
      retryable: true,
      message: 'Closed with 502: GET https://api.test/stream',
    })
  })

  test.each([200, 204])('closed with %i without having been opened is no answer either', async (status) => {
    const testMultiplex = createTestMultiplex()
    const { connection } = testMultiplex.requestStream()
    const channel = await testMultiplex.openChannel()
    channel.send(controlEvent(1, 'close', { status }))
    await expect(connection).rejects.toMatchObject({ code: 'network' })
  })
})

describe('events', () => {
  test('[P5.3] have the id of their stream, or none, or an empty one', async () => {
    const testMultiplex = createTestMultiplex()
    const { channel, streams } = await testMultiplex.open(2)
    channel.send(
      { id: '1=a', data: '1' },
      { id: '2=z', data: 'of another' },
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
    expect((await streams[1]!.read())!.blocks).toEqual([{ type: 'message', data: 'of another', id: 'z' }])
  })

  test('[P5.3] named as controls are events all the same', async () => {
    const testMultiplex = createTestMultiplex()
    const { channel, streams } = await testMultiplex.open()
    channel.send({ id: '1=a', type: 'close', data: '{"status":502}' }, { id: '1+', type: 'channel', data: '{}' })
    expect((await streams[0]!.read())!.blocks.map(({ type }) => type)).toEqual(['close', 'channel'])
  })

  test('[P5.3] the reconnection time comes with what is read next', async () => {
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

  test('[P5.3] a million reconnection times that nobody reads are one', async () => {
    const testMultiplex = createTestMultiplex()
    const { channel, streams } = await testMultiplex.open()
    for (let delay = 1; delay <= 1_000; delay++) channel.send(controlEvent(1, 'retry', { delay }))
    await flushMicrotasks()
    channel.send({ id: '1=a', data: 'x' })
    await flushMicrotasks()
    expect(await streams[0]!.read()).toMatchObject({ retry: 1_000, blocks: [{ data: 'x' }] })
  })

  test('are read in slices: what a full queue does not take waits here', async () => {
    const testMultiplex = createTestMultiplex()
    const { channel, streams } = await testMultiplex.open()
    for (let count = 0; count < 10; count++) channel.send({ id: '1+', data: 'x'.repeat(10_000) })
    await flushMicrotasks()
    const sizes: number[] = []
    for (let count = 0; count < 5; count++) sizes.push((await streams[0]!.read())!.blocks.length)
    expect(sizes).toEqual([2, 2, 2, 2, 2])
  })
})

describe('its end', () => {
  test('[P5.3] a clean one, after all that came before it', async () => {
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
  ])('[P5.3] [P5.5] closed with %i: %s, after all that came before it', async (status, code, retryable) => {
    const testMultiplex = createTestMultiplex()
    const { channel, streams } = await testMultiplex.open()
    channel.send({ id: '1=a', data: 'x' }, controlEvent(1, 'close', { status, problem: '{}' }))
    expect(await streams[0]!.read()).toMatchObject({ blocks: [{ data: 'x' }] })
    for (let again = 0; again < 2; again++) await expect(streams[0]!.read()).rejects.toMatchObject({ code, retryable })
  })

  test("on this side: the server is told once, late events are nobody's, and the others go on", async () => {
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

  test.each(['while it waits for its answer', 'while it is read', 'before what came is read'])(
    'by its signal %s: rejects with the reason',
    async (when) => {
      const testMultiplex = createTestMultiplex()
      const { connection, controller } = testMultiplex.requestStream()
      const channel = await testMultiplex.openChannel()
      const reason = new Error('why')
      if (when.includes('answer')) {
        controller.abort(reason)
        await expect(connection).rejects.toBe(reason)
      } else {
        channel.send(openEvent(1))
        const stream = await connection
        if (when.includes('came')) channel.send({ id: '1=a', data: 'x' })
        await flushMicrotasks()
        const read = when.includes('came') ? undefined : stream.read()
        controller.abort(reason)
        await expect(read ?? stream.read()).rejects.toBe(reason)
      }
      await flushMicrotasks()
      expect(opsOf(testMultiplex, '1')).toEqual(['open', 'close'])
    },
  )
})

describe('its pace', () => {
  const cost = (text: string): number => new TextEncoder().encode(text).length + 32

  test.each(['x', 'é', '日', '👍'])(
    '[P5.4] what is read is given back, once half of the window was, to the byte: %s',
    async (character) => {
      const testMultiplex = createTestMultiplex({ window: 10_000 })
      const { channel, streams } = await testMultiplex.open()
      const data = character.repeat(500)
      let given = 0
      for (let count = 0; count < 40; count++) {
        channel.send({ id: '1+', data })
        await flushMicrotasks()
        await streams[0]!.read()
        await flushMicrotasks()
        const credits = testMultiplex.operations.filter(({ op }) => op === 'credit')
        given = credits.reduce((sum, { bytes }) => sum + (bytes as number), 0)
        expect((count + 1) * cost(data) - given).toBeLessThan(5_000)
        expect(given % cost(data)).toBe(0)
      }
      expect(given).toBeGreaterThan(20_000)
    },
  )

  test('[P5.4] what is not read gives nothing back, and holds up nobody else', async () => {
    const testMultiplex = createTestMultiplex({ window: 10_000 })
    const { channel, streams } = await testMultiplex.open(2)
    for (let count = 0; count < 9; count++) channel.send({ id: '1+', data: 'x'.repeat(1_000) }, { id: '2+', data: 'y' })
    await flushMicrotasks()
    expect((await readSome(streams[1]!, 9)).length).toBe(9)
    expect(opsOf(testMultiplex, '1')).toEqual(['open'])
  })

  test('[P5.4] what goes beyond it is overflow of that stream alone: one event may, the next one not', async () => {
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

  test('[P5.4] a million empty events do not get past it', async () => {
    const testMultiplex = createTestMultiplex({ window: 3_200 })
    const { channel, streams } = await testMultiplex.open()
    channel.send(...Array.from({ length: 101 }, () => ({ id: '1+', data: '' })))
    await flushMicrotasks()
    expect((await streams[0]!.read())!.blocks).toHaveLength(100)
    await expect(streams[0]!.read()).rejects.toMatchObject({ code: 'overflow' })
  })

  test('[F28] an event larger than the stream takes is too-large, what was whole before it is read, and the others go on', async () => {
    const testMultiplex = createTestMultiplex()
    const small = testMultiplex.requestStream({ maxEventSize: 100 })
    const large = testMultiplex.requestStream()
    const channel = await testMultiplex.openChannel()
    channel.send(
      openEvent(1),
      openEvent(2),
      { id: '1=a', data: 'whole' },
      { id: '1=b', data: '日'.repeat(101) },
      { id: '2=a', data: 'x'.repeat(1_000) },
    )
    const stream = await small.connection
    expect(await stream.read()).toMatchObject({ blocks: [{ data: 'whole' }] })
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

describe('what is malformed', () => {
  test.each([
    ['an open that is no JSON', controlEvent(1, 'open', '{')],
    ['an open that says nothing', controlEvent(1, 'open', 'null')],
    ['headers that are none', controlEvent(1, 'open', { status: 200, headers: { 'a b': '1' } })],
    ['an address that is none', controlEvent(1, 'open', { status: 200, url: 'https://[' })],
    ['a close that is no JSON', controlEvent(1, 'close', 'x')],
    ['an event before its answer', { id: '1=a', data: 'x' }],
  ])('%s: network, of that stream alone', async (_, block) => {
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
    'an event with the id %j belongs to nobody: invalid-data is told, and all go on',
    async (id) => {
      const testMultiplex = createTestMultiplex()
      const { channel, streams } = await testMultiplex.open()
      channel.send({ id, data: 'x' }, { id: '1=a', data: 'y' })
      expect(await streams[0]!.read()).toMatchObject({ blocks: [{ data: 'y' }] })
      expect(testMultiplex.errors).toMatchObject([
        { code: 'invalid-data', message: 'Foreign event: GET https://api.test/channel' },
      ])
    },
  )

  test('an onError that throws is reported, and costs nobody anything', async () => {
    const reported: unknown[] = []
    vi.stubGlobal('reportError', (error: unknown) => reported.push(error))
    const mistake = new Error('of the callback')
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

  test("a control that is not known, or says what can't be, is passed over", async () => {
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
