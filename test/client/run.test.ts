/** Runs: deltas, text and other events, for loops and listeners. */
import { describe, expect, test, vi } from 'vitest'
import type { TextDelta } from '../../src/protocols/native-text.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { delta, end, start } from '../support/native-events.ts'
import { createTestClient } from '../support/test-client.ts'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()

const collect = async <Item>(stream: AsyncIterable<Item>): Promise<Item[]> => {
  const items: Item[] = []
  for await (const item of stream) items.push(item)
  return items
}
const open = async (options = {}) => {
  const testClient = createTestClient()
  const run = testClient.client.stream('/api/generate', { json: { prompt: 'p' }, ...options })
  return { ...testClient, run, connection: await testClient.open() }
}

describe('[P3.1] [P3.2] from start to end', () => {
  test('the loop receives the deltas, and final() resolves with the result', async () => {
    const { run, connection } = await open()
    connection.send(start(), delta(0, '你'), delta(1, '好'))
    connection.send(delta(2, '😀'), end({ usage: { tokens: 3 } }))
    expect((await collect(run)).map(({ content, index }) => [index, content])).toEqual([
      [0, '你'],
      [1, '好'],
      [2, '😀'],
    ])
    expect(await run.final()).toEqual({ text: '你好😀', finishReason: 'stop', usage: { tokens: 3 } })
    expect(run.text).toBe('你好😀')
    expect(run.state.status).toBe('closed')
  })

  test('text and state are up to date while the run is open', async () => {
    const { run, connection } = await open()
    expect(run.text).toBe('')
    connection.send(start(), delta(0, 'a'))
    await flushMicrotasks()
    expect(run.text).toBe('a')
    expect(run.state).toEqual({ status: 'open', attempt: 1 })
    connection.send(delta(1, 'b'))
    await flushMicrotasks()
    expect(run.text).toBe('ab')
  })

  test('events after a terminal event are ignored, even in the same batch', async () => {
    const { run, connection } = await open()
    connection.send(start(), delta(0, 'a'), end(), delta(1, 'b'), end({ finishReason: 'length' }))
    connection.send(delta(2, 'c'))
    expect(await collect(run)).toHaveLength(1)
    expect(await run.final()).toEqual({ text: 'a', finishReason: 'stop' })
    expect(run.text).toBe('a')
  })

  test('an end event may omit usage and finish reason', async () => {
    const { run, connection } = await open()
    connection.send(start(), { type: 'end', data: '{}' })
    expect(await run.final()).toEqual({ text: '', finishReason: undefined })
  })

  test('after the end event, reading continues until the connection ends, but for at most 1 s', async () => {
    for (const ends of [true, false]) {
      const { run, connection, clock, network } = await open()
      connection.send(start(), end())
      await run.final()
      await flushMicrotasks()
      expect(network.last.request.signal.aborted).toBe(false)
      if (ends) connection.end()
      else await clock.advance(1_000)
      await flushMicrotasks()
      expect(connection.cancelled).toBe(true)
      expect(network.last.request.signal.aborted).toBe(!ends)
      expect(clock.pendingDelays).toEqual([])
      expect(network.attempts).toHaveLength(1)
    }
  })
})

describe('the request', () => {
  test('[P3.4] every run, GET or POST, sends its own Idempotency-Key', async () => {
    const { client, network } = createTestClient()
    client.stream('/a')
    client.stream('/b', { json: {} })
    await flushMicrotasks()
    const keys = network.attempts.map(({ headers }) => headers['idempotency-key'])
    for (const key of keys) expect(key).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
    expect(new Set(keys).size).toBe(2)
  })

  test('the idempotencyKey option sets the key, or omits it if false', async () => {
    const { client, network } = createTestClient()
    client.stream('/a', { idempotencyKey: 'mine' })
    client.stream('/b', { idempotencyKey: false })
    await flushMicrotasks()
    expect(network.attempts.map(({ headers }) => headers['idempotency-key'])).toEqual(['mine', undefined])
  })

  test('an idempotency key is created without `crypto.randomUUID`, which insecure contexts lack', async () => {
    vi.stubGlobal('crypto', { getRandomValues: crypto.getRandomValues.bind(crypto) })
    const { client, network } = createTestClient()
    client.stream('/a')
    await flushMicrotasks()
    expect(network.last.headers['idempotency-key']).toMatch(/^[\da-f-]{36}$/)
  })

  test('a run detached in the task that started it sends no request', async () => {
    const { client, network, clock } = createTestClient()
    client.stream('/a').detach()
    await clock.advance(1_000)
    expect(network.attempts).toHaveLength(0)
  })
})

describe('other events', () => {
  const call = { type: 'tool_call', data: '{"name":"f"}', id: 'r1:t' }

  test('[P3.1] on() receives other events, including start and end, and the loop skips them', async () => {
    const { run, connection } = await open()
    const received: string[] = []
    for (const type of ['start', 'tool_call', 'end'] as const) run.on(type, (event) => received.push(event.type))
    const deltas = collect(run)
    connection.send(start(), delta(0, 'a'), call, delta(1, 'b'), end())
    expect(await deltas).toHaveLength(2)
    expect(received).toEqual(['start', 'tool_call', 'end'])
  })

  test('events() iterates the other events instead of the deltas', async () => {
    const { run, connection } = await open()
    connection.send(start(), delta(0, 'a'), call, end())
    const events = await collect(run.events())
    expect(events.map(({ type }) => type)).toEqual(['start', 'tool_call', 'end'])
    expect(events[1]).toEqual({ type: 'tool_call', data: { name: 'f' }, id: 'r1:t' })
    expect((await run.final()).text).toBe('a')
  })

  test('on() listeners are removed by the returned function or a signal', async () => {
    const { run, connection } = await open()
    const [one, other] = [vi.fn(), vi.fn()]
    run.on('tool_call', one)()
    run.on('tool_call', other, { signal: AbortSignal.abort() })
    connection.send(start(), call, end())
    await run.final()
    expect(one).not.toHaveBeenCalled()
    expect(other).not.toHaveBeenCalled()
  })
})

describe('consumers', () => {
  test('final() alone reads a run of any length', async () => {
    const { run, connection } = await open({ queue: { events: 2 } })
    const final = run.final()
    connection.send(start())
    for (let index = 0; index < 100; index++) connection.send(delta(index, '.'))
    connection.send(end())
    expect((await final).text).toHaveLength(100)
  })

  test('[F33] a loop sets the pace of reading, even if final() and on() are also used', async () => {
    const { run, connection } = await open({ queue: { events: 2 } })
    const final = run.final()
    const listener = vi.fn()
    run.on('start', listener)
    const iterator = run[Symbol.asyncIterator]()
    connection.send(start(), delta(0))
    for (let index = 1; index < 10; index++) connection.send(delta(index))
    connection.send(end())
    await flushMicrotasks()
    expect(connection.unreadBatches).toBeGreaterThan(5)
    const deltas: TextDelta[] = []
    for (let result = await iterator.next(); !result.done; result = await iterator.next()) deltas.push(result.value)
    expect(deltas.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect((await final).finishReason).toBe('stop')
    expect(listener).toHaveBeenCalledTimes(1)
  })

  test('iterating a second time, over deltas or events, throws a TypeError', async () => {
    for (const [first, second] of [
      ['deltas', 'deltas'],
      ['deltas', 'events'],
      ['events', 'deltas'],
    ]) {
      const { run } = await open()
      const iterate = (kind: string | undefined) => (kind === 'events' ? run.events() : run[Symbol.asyncIterator]())
      iterate(first)
      expect(() => iterate(second)).toThrow(TypeError)
    }
  })

  test('iterating after deltas were consumed throws a TypeError, because the loop would miss them', async () => {
    const { run, connection } = await open()
    const final = run.final()
    connection.send(start(), delta(0))
    await flushMicrotasks()
    expect(() => run[Symbol.asyncIterator]()).toThrow(TypeError)
    connection.send(end())
    expect((await final).finishReason).toBe('stop')
  })

  test('iterating after final() but before the first delta misses nothing', async () => {
    const { run, connection } = await open()
    const final = run.final()
    await flushMicrotasks()
    const deltas = collect(run)
    connection.send(start(), delta(0), end())
    expect(await deltas).toHaveLength(1)
    expect((await final).finishReason).toBe('stop')
  })

  test('iterating after the end of an unconsumed run yields all deltas', async () => {
    const { run, connection } = await open()
    connection.send(start(), delta(0), delta(1), end())
    connection.end()
    await flushMicrotasks()
    expect(await collect(run)).toHaveLength(2)
  })
})

describe('[P1.3] [F4] the heartbeat announced by `start`', () => {
  test('a run resumes after it has been silent for three heartbeat intervals', async () => {
    const { run, connection, clock, network } = await open()
    const final = run.final()
    connection.send(start({ heartbeat: 1_000 }), delta(0, 'a'))
    await clock.advance(3_000)
    expect(run.state).toMatchObject({ status: 'waiting', error: { code: 'idle' } })
    await clock.advance(1_000)
    network.last.respond().send(delta(1, 'b'), end())
    expect((await final).text).toBe('ab')
  })

  test.each([0, null, undefined])('a heartbeat of %s turns the idle timeout off', async (heartbeat) => {
    const { run, connection, clock, network } = await open()
    const final = run.final()
    connection.send(start({ heartbeat }), delta(0, 'a'))
    await clock.advance(3_600_000)
    expect(network.attempts).toHaveLength(1)
    connection.send(end())
    expect((await final).text).toBe('a')
  })
})
