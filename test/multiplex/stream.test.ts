/** Streams on a carrier: each has its own status, events, pace and end, whatever happens to the others. */
import { describe, expect, test, vi } from 'vitest'
import type { Connection } from '../../src/connect/connect.ts'
import { settled } from '../support/flush-microtasks.ts'
import { control, createRig, opened, stateOf } from './test-multiplex.ts'

/** Types of the operations for each key. */
const opsOf = (rig: ReturnType<typeof createRig>, key: string): string[] =>
  rig.operations.filter((operation) => operation.key === key).map(({ op }) => op)

/** All data until the end, as it is read. */
async function readAll(stream: Connection): Promise<string[]> {
  const data: string[] = []
  for (let batch = await stream.read(); batch; batch = await stream.read())
    data.push(...batch.blocks.map((block) => block.data ?? ''))
  return data
}

describe('what is asked', () => {
  test('[P5.2] method, path with query, headers, body, cursor and window', async () => {
    const rig = createRig({ window: 1_000 })
    rig.ask({
      url: 'https://api.test/generate?a=1&b=ü',
      method: 'POST',
      headers: [
        ['authorization', 't'],
        ['idempotency-key', 'k'],
      ],
      body: '{"prompt":"你好"}',
      lastEventId: '日本',
    })
    await rig.carry()
    expect(rig.operations).toEqual([
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
    const rig = createRig()
    rig.answerPosts('hang')
    const { connection } = rig.ask()
    const carrier = await rig.carry()
    carrier.send(opened(1), { id: '1=a', data: 'x' })
    expect(await (await connection).read()).toMatchObject({ blocks: [{ data: 'x' }] })
  })

  test('[P5.2] left before its turn, it is not asked for', async () => {
    const rig = createRig()
    const [left] = [rig.ask(), rig.ask()]
    await settled()
    left.controller.abort()
    await rig.carry()
    expect(rig.operations.map(({ op, key }) => [op, key])).toEqual([
      ['open', '2'],
      ['close', '1'],
    ])
  })

  test('a signal that has aborted asks for nothing', async () => {
    const rig = createRig()
    const reason = new Error('why')
    const { connection } = rig.ask({ signal: AbortSignal.abort(reason) })
    await expect(connection).rejects.toBe(reason)
    expect([rig.gets, rig.clock.due]).toEqual([[], []])
  })
})

describe('what it is answered', () => {
  test('[P5.3] status, headers, and the address that answered', async () => {
    const rig = createRig()
    const { connection } = rig.ask()
    const carrier = await rig.carry()
    carrier.send(opened(1, { headers: { 'content-type': 'text/event-stream', 'x-a': '1' }, url: '/elsewhere?x' }))
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
    const rig = createRig()
    const [refused, other] = [rig.ask(), rig.ask()]
    const carrier = await rig.carry()
    carrier.send(
      control(1, 'open', { status: 401, headers: { 'www-authenticate': 'Bearer' } }),
      control(1, 'close', { status: 401, problem: '{"title":"no"}' }),
      opened(2),
      { id: '2=a', data: 'x' },
    )
    const answer = await refused.connection
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
    expect(await answer.problem(1_000)).toBe('{"title":"no"}')
    expect(await answer.problem(4)).toBe('{"ti')
    expect(await (await other.connection).read()).toMatchObject({ blocks: [{ data: 'x' }] })
    answer.cancel()
    await settled()
    expect(opsOf(rig, '1')).toEqual(['open'])
  })

  test('a body that never ends is not waited for: who has enough of it leaves', async () => {
    const rig = createRig()
    const { connection } = rig.ask()
    const carrier = await rig.carry()
    carrier.send(control(1, 'open', { status: 500 }))
    const answer = await connection
    const problem = answer.problem(1_000)
    expect(await stateOf(problem)).toBe('pending')
    answer.cancel()
    expect(await problem).toBe('')
    await settled()
    expect(opsOf(rig, '1')).toEqual(['open', 'close'])
  })

  test('[P5.3] no answer at all: network', async () => {
    const rig = createRig()
    const { connection } = rig.ask()
    const carrier = await rig.carry()
    carrier.send(control(1, 'close', { status: 502, problem: '{}' }))
    await expect(connection).rejects.toMatchObject({
      code: 'network',
      retryable: true,
      message: 'Closed with 502: GET https://api.test/stream',
    })
  })

  test.each([200, 204])('closed with %i without having been opened is no answer either', async (status) => {
    const rig = createRig()
    const { connection } = rig.ask()
    const carrier = await rig.carry()
    carrier.send(control(1, 'close', { status }))
    await expect(connection).rejects.toMatchObject({ code: 'network' })
  })
})

describe('events', () => {
  test('[P5.3] have the id of their stream, or none, or an empty one', async () => {
    const rig = createRig()
    const { carrier, streams } = await rig.open(2)
    carrier.send(
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
    const rig = createRig()
    const { carrier, streams } = await rig.open()
    carrier.send({ id: '1=a', type: 'close', data: '{"status":502}' }, { id: '1+', type: 'channel', data: '{}' })
    expect((await streams[0]!.read())!.blocks.map(({ type }) => type)).toEqual(['close', 'channel'])
  })

  test('[P5.3] the reconnection time comes with what is read next', async () => {
    const rig = createRig()
    const { carrier, streams } = await rig.open()
    carrier.send(control(1, 'retry', { delay: 7_000 }), { id: '1=a', data: 'x' })
    expect(await streams[0]!.read()).toMatchObject({ retry: 7_000, blocks: [{ data: 'x' }] })
    carrier.send(control(1, 'retry', { delay: 8_000 }))
    await settled()
    const last = streams[0]!.read()
    carrier.send(control(1, 'close', { status: 200 }))
    expect(await last).toMatchObject({ retry: 8_000, blocks: [] })
    expect(await streams[0]!.read()).toBeNull()
  })

  test('[P5.3] a million reconnection times that nobody reads are one', async () => {
    const rig = createRig()
    const { carrier, streams } = await rig.open()
    for (let delay = 1; delay <= 1_000; delay++) carrier.send(control(1, 'retry', { delay }))
    await settled()
    carrier.send({ id: '1=a', data: 'x' })
    await settled()
    expect(await streams[0]!.read()).toMatchObject({ retry: 1_000, blocks: [{ data: 'x' }] })
  })

  test('are read in slices: what a full queue does not take waits here', async () => {
    const rig = createRig()
    const { carrier, streams } = await rig.open()
    for (let count = 0; count < 10; count++) carrier.send({ id: '1+', data: 'x'.repeat(10_000) })
    await settled()
    const sizes: number[] = []
    for (let count = 0; count < 5; count++) sizes.push((await streams[0]!.read())!.blocks.length)
    expect(sizes).toEqual([2, 2, 2, 2, 2])
  })
})

describe('its end', () => {
  test('[P5.3] a clean one, after all that came before it', async () => {
    const rig = createRig()
    const { carrier, streams } = await rig.open(2)
    carrier.send({ id: '1=a', data: 'x' }, control(1, 'close', { status: 200 }))
    expect(await readAll(streams[0]!)).toEqual(['x'])
    streams[0]!.cancel()
    await settled()
    expect(opsOf(rig, '1')).toEqual(['open'])
    expect(await stateOf(streams[1]!.read())).toBe('pending')
  })

  test.each([
    [502, 'network', true],
    [401, 'network', true],
    [413, 'too-large', false],
  ])('[P5.3] [P5.5] closed with %i: %s, after all that came before it', async (status, code, retryable) => {
    const rig = createRig()
    const { carrier, streams } = await rig.open()
    carrier.send({ id: '1=a', data: 'x' }, control(1, 'close', { status, problem: '{}' }))
    expect(await streams[0]!.read()).toMatchObject({ blocks: [{ data: 'x' }] })
    for (let again = 0; again < 2; again++) await expect(streams[0]!.read()).rejects.toMatchObject({ code, retryable })
  })

  test("on this side: the server is told once, late events are nobody's, and the others go on", async () => {
    const rig = createRig()
    const { carrier, streams } = await rig.open(2)
    const pending = streams[0]!.read()
    carrier.send({ id: '1=a', data: 'x' })
    await settled()
    streams[0]!.cancel()
    streams[0]!.cancel()
    carrier.send({ id: '1=b', data: 'late' }, control(1, 'close', { status: 200 }), { id: '2=a', data: 'y' })
    expect(await pending).toMatchObject({ blocks: [{ data: 'x' }] })
    expect(await streams[0]!.read()).toBeNull()
    expect(await streams[1]!.read()).toMatchObject({ blocks: [{ data: 'y' }] })
    await settled()
    expect(opsOf(rig, '1')).toEqual(['open', 'close'])
    expect(rig.errors).toEqual([])
  })

  test.each(['while it waits for its answer', 'while it is read', 'before what came is read'])(
    'by its signal %s: rejects with the reason',
    async (when) => {
      const rig = createRig()
      const { connection, controller } = rig.ask()
      const carrier = await rig.carry()
      const reason = new Error('why')
      if (when.includes('answer')) {
        controller.abort(reason)
        await expect(connection).rejects.toBe(reason)
      } else {
        carrier.send(opened(1))
        const stream = await connection
        if (when.includes('came')) carrier.send({ id: '1=a', data: 'x' })
        await settled()
        const read = when.includes('came') ? undefined : stream.read()
        controller.abort(reason)
        await expect(read ?? stream.read()).rejects.toBe(reason)
      }
      await settled()
      expect(opsOf(rig, '1')).toEqual(['open', 'close'])
    },
  )
})

describe('its pace', () => {
  const cost = (text: string): number => new TextEncoder().encode(text).length + 32

  test.each(['x', 'é', '日', '👍'])(
    '[P5.4] what is read is given back, once half of the window was, to the byte: %s',
    async (character) => {
      const rig = createRig({ window: 10_000 })
      const { carrier, streams } = await rig.open()
      const data = character.repeat(500)
      let given = 0
      for (let count = 0; count < 40; count++) {
        carrier.send({ id: '1+', data })
        await settled()
        await streams[0]!.read()
        await settled()
        const credits = rig.operations.filter(({ op }) => op === 'credit')
        given = credits.reduce((sum, { bytes }) => sum + (bytes as number), 0)
        expect((count + 1) * cost(data) - given).toBeLessThan(5_000)
        expect(given % cost(data)).toBe(0)
      }
      expect(given).toBeGreaterThan(20_000)
    },
  )

  test('[P5.4] what is not read gives nothing back, and holds up nobody else', async () => {
    const rig = createRig({ window: 10_000 })
    const { carrier, streams } = await rig.open(2)
    for (let count = 0; count < 9; count++) carrier.send({ id: '1+', data: 'x'.repeat(1_000) }, { id: '2+', data: 'y' })
    await settled()
    expect((await readSome(streams[1]!, 9)).length).toBe(9)
    expect(opsOf(rig, '1')).toEqual(['open'])
  })

  test('[P5.4] what goes beyond it is overflow of that stream alone: one event may, the next one not', async () => {
    const rig = createRig({ window: 1_000 })
    const { carrier, streams } = await rig.open(2)
    carrier.send({ id: '1+', data: 'x'.repeat(50_000) }, { id: '2+', data: 'y' })
    carrier.send({ id: '1+', data: '' })
    await settled()
    expect(await streams[0]!.read()).toMatchObject({ blocks: [{ data: 'x'.repeat(50_000) }] })
    await expect(streams[0]!.read()).rejects.toMatchObject({ code: 'overflow', retryable: false })
    expect(await streams[1]!.read()).toMatchObject({ blocks: [{ data: 'y' }] })
    await settled()
    expect(opsOf(rig, '1')).toEqual(['open', 'close'])
  })

  test('[P5.4] a million empty events do not get past it', async () => {
    const rig = createRig({ window: 3_200 })
    const { carrier, streams } = await rig.open()
    carrier.send(...Array.from({ length: 101 }, () => ({ id: '1+', data: '' })))
    await settled()
    expect((await streams[0]!.read())!.blocks).toHaveLength(100)
    await expect(streams[0]!.read()).rejects.toMatchObject({ code: 'overflow' })
  })

  test('[F28] an event larger than the stream takes is too-large, what was whole before it is read, and the others go on', async () => {
    const rig = createRig()
    const small = rig.ask({ maxEventSize: 100 })
    const large = rig.ask()
    const carrier = await rig.carry()
    carrier.send(
      opened(1),
      opened(2),
      { id: '1=a', data: 'whole' },
      { id: '1=b', data: '日'.repeat(101) },
      { id: '2=a', data: 'x'.repeat(1_000) },
    )
    const stream = await small.connection
    expect(await stream.read()).toMatchObject({ blocks: [{ data: 'whole' }] })
    await expect(stream.read()).rejects.toMatchObject({ code: 'too-large', retryable: false })
    expect(await (await large.connection).read()).toMatchObject({ blocks: [{ id: 'a' }] })
    await settled()
    expect(opsOf(rig, '1')).toEqual(['open', 'close'])
  })

  async function readSome(stream: Connection, count: number): Promise<string[]> {
    const data: string[] = []
    while (data.length < count) data.push(...(await stream.read())!.blocks.map((block) => block.data!))
    return data
  }
})

describe('what is malformed', () => {
  test.each([
    ['an open that is no JSON', control(1, 'open', '{')],
    ['an open that says nothing', control(1, 'open', 'null')],
    ['headers that are none', control(1, 'open', { status: 200, headers: { 'a b': '1' } })],
    ['an address that is none', control(1, 'open', { status: 200, url: 'https://[' })],
    ['a close that is no JSON', control(1, 'close', 'x')],
    ['an event before its answer', { id: '1=a', data: 'x' }],
  ])('%s: network, of that stream alone', async (_, block) => {
    const rig = createRig()
    const [one, other] = [rig.ask(), rig.ask()]
    const carrier = await rig.carry()
    carrier.send(opened(2), block, { id: '2=a', data: 'y' })
    await expect(one.connection).rejects.toMatchObject({ code: 'network', retryable: true })
    expect(await (await other.connection).read()).toMatchObject({ blocks: [{ data: 'y' }] })
    await settled()
    expect([opsOf(rig, '1'), rig.errors]).toEqual([['open', 'close'], []])
  })

  test.each(['unknown', '9=a', '', '=a', '!', 'a b=1'])(
    'an event with the id %j belongs to nobody: invalid-data is told, and all go on',
    async (id) => {
      const rig = createRig()
      const { carrier, streams } = await rig.open()
      carrier.send({ id, data: 'x' }, { id: '1=a', data: 'y' })
      expect(await streams[0]!.read()).toMatchObject({ blocks: [{ data: 'y' }] })
      expect(rig.errors).toMatchObject([
        { code: 'invalid-data', message: 'Foreign event: GET https://api.test/channel' },
      ])
    },
  )

  test('an onError that throws is reported, and costs nobody anything', async () => {
    const reported: unknown[] = []
    vi.stubGlobal('reportError', (error: unknown) => reported.push(error))
    const mistake = new Error('of the callback')
    const rig = createRig({
      onError() {
        throw mistake
      },
    })
    const { carrier, streams } = await rig.open()
    carrier.send({ id: 'foreign', data: 'x' }, { id: '1=a', data: 'y' })
    expect(await streams[0]!.read()).toMatchObject({ blocks: [{ data: 'y' }] })
    expect(reported).toEqual([mistake])
  })

  test("a control that is not known, or says what can't be, is passed over", async () => {
    const rig = createRig()
    const { carrier, streams } = await rig.open()
    carrier.send(
      control(1, 'pause', {}),
      control(1, 'retry', { delay: -1 }),
      control(1, 'retry', {}),
      opened(1, { status: 404 }),
      { id: '1=a', data: 'x' },
    )
    expect(await streams[0]!.read()).toEqual({ blocks: [{ type: 'message', data: 'x', id: 'a' }], bytes: 33 })
  })
})
