/** Tests of the inspector's rows: what they say about a stream, and how much they keep. */
import { describe, expect, test, vi } from 'vitest'
import { type InspectOptions, type Inspector, inspect } from '../../src/inspector.ts'
import { drawPaths } from '../../src/inspector/timeline-view.ts'
import { describeTimeline, factsOf } from '../../src/inspector/wording.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { connected, delta, end, start } from '../support/native-events.ts'
import { type TestClient, createTestClient } from '../support/test-client.ts'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()

function createInspected(options: InspectOptions = {}): TestClient & { inspector: Inspector } {
  const inspector = inspect(options)
  return { ...createTestClient({ instrument: inspector.instrument }), inspector }
}

/** Makes the monotonic time of records that of the test's clock. */
function freezeTime(): { now: number } {
  const time = { now: 0 }
  vi.spyOn(performance, 'now').mockImplementation(() => time.now)
  return time
}

describe('a row', () => {
  test('counts the attempts, events, duplicates, gap and time to the first event of a feed that reconnects', async () => {
    const time = freezeTime()
    const { client, clock, open, inspector } = createInspected()
    client.subscribe('/prices', { label: 'ticker' })
    const first = await open()
    time.now = 40
    first.send(connected('0'), { data: '1', id: '1' })
    await flushMicrotasks()
    time.now = 100
    first.disconnect()
    await flushMicrotasks()
    expect(inspector.streams[0]).toMatchObject({ status: 'waiting', reason: 'network' })
    time.now = 2_100
    await clock.advance(1_000)
    const second = await open()
    second.send(connected('1'), { data: '1', id: '1' }, { data: '2', id: '2' })
    await flushMicrotasks()
    expect(inspector.streams[0]).toMatchObject({
      name: 'GET https://api.test/prices',
      label: 'ticker',
      kind: 'feed',
      origin: 'fresh',
      status: 'open',
      reason: '',
      via: 'own',
      attempts: 2,
      retries: 1,
      duplicates: 1,
      firstEventAfter: 40,
      longestGap: 2_000,
      lastEventId: '2',
    })
    client.close()
    expect(inspector.streams[0]).toMatchObject({ status: 'closed', reason: 'close' })
  })

  test('has the finish reason and usage of a run, and the code of one that failed', async () => {
    const { client, open, inspector } = createInspected()
    const run = client.stream('/generate')
    const connection = await open()
    connection.send(start(), delta(0), end({ usage: { inputTokens: 1, outputTokens: 2 } }))
    await run.final()
    const failing = client.stream('/generate', { idempotencyKey: false, retry: false })
    ;(await open()).disconnect()
    await failing.final().catch(() => {})
    const [done, failed] = inspector.streams
    expect(done).toMatchObject({ kind: 'run', status: 'closed', reason: 'stop' })
    expect(factsOf(done!)).toMatchObject({ Usage: '{"inputTokens":1,"outputTokens":2}' })
    expect(failed).toMatchObject({ status: 'failed', reason: 'network' })
  })

  test('is paused while the queue of a loop is full', async () => {
    const inspector = inspect()
    const { client, open } = createTestClient({ instrument: inspector.instrument, queue: { events: 1 } })
    const loop = client.subscribe('/prices')[Symbol.asyncIterator]()
    const connection = await open()
    connection.send({ data: '1' })
    await flushMicrotasks()
    expect(inspector.streams[0]).toMatchObject({ status: 'paused' })
    await loop.next()
    await flushMicrotasks()
    expect(inspector.streams[0]).toMatchObject({ status: 'open' })
    client.close()
  })

  test('has payloads only with the option `payloads`, and then only the start of a long one', async () => {
    for (const payloads of [false, true]) {
      const { client, open, inspector } = createInspected({ payloads, maxPayloads: 2 })
      client.subscribe('/prices', { parse: 'text' })
      const connection = await open()
      connection.send({ data: '1', id: '1' }, { data: '2', id: '2' }, { data: 'x'.repeat(3_000) })
      await flushMicrotasks()
      expect(inspector.streams[0]!.payloads).toMatchObject(
        payloads
          ? [
              { event: 'message', id: '2', data: '2' },
              { event: 'message', data: 'x'.repeat(2_000) },
            ]
          : [],
      )
      client.close()
    }
  })
})

describe('bounds', () => {
  test('a timeline keeps the newest entries, counts those it dropped, and merges events of the same moment', async () => {
    const time = freezeTime()
    const { client, open, inspector } = createInspected({ maxEntries: 5 })
    client.subscribe('/prices')
    const connection = await open()
    for (const now of [50, 100, 1_000, 2_000, 3_000, 4_000]) {
      time.now = now
      connection.send({ data: '1' })
      await flushMicrotasks()
    }
    const [row] = inspector.streams
    expect(row!.timeline.map(({ time, kind, count }) => [time, kind, count])).toEqual([
      [50, 'events', 2],
      [1_000, 'events', 1],
      [2_000, 'events', 1],
      [3_000, 'events', 1],
      [4_000, 'events', 1],
    ])
    expect(row!.droppedEntries).toBe(3)
    client.close()
  })

  test('of too many rows, the oldest that has ended is dropped, and it does not come back', async () => {
    const { client, open, inspector } = createInspected({ maxStreams: 2 })
    client.subscribe('/1')
    await open()
    const second = client.subscribe('/2')
    await open()
    second.close()
    client.subscribe('/3')
    expect(inspector.streams.map(({ stream }) => stream)).toEqual([1, 3])
    client.subscribe('/4')
    expect(inspector.streams.map(({ stream }) => stream)).toEqual([3, 4])
    client.close()
    expect(inspector.streams.map(({ stream }) => stream)).toEqual([3, 4])
  })

  test('a limit that is not a number is a TypeError that names it', () => {
    expect(() => inspect({ maxStreams: Number.NaN })).toThrow('maxStreams: expected a number, at least 0')
  })
})

describe('views', () => {
  test('a listener is called with each row that changes, until it is removed; one that throws is reported', async () => {
    const reported = vi.fn()
    vi.stubGlobal('reportError', reported)
    const { client, open, inspector } = createInspected()
    const calls: unknown[] = []
    inspector.subscribe(() => {
      throw new Error('listener failed')
    })
    const remove = inspector.subscribe((row) => calls.push(row?.stream))
    client.subscribe('/prices')
    await open()
    remove()
    const { length } = calls
    client.close()
    inspector.clear()
    expect(calls[0]).toBe(1)
    expect(calls).toHaveLength(length)
    expect(inspector.streams).toEqual([])
    expect(reported).toHaveBeenCalledWith(new Error('listener failed'))
  })

  test('the drawing has a line for each connection, a box for the gap between them, and a tick for each read', async () => {
    const time = freezeTime()
    const { client, clock, open, inspector } = createInspected()
    client.subscribe('/prices')
    const first = await open()
    time.now = 1_000
    first.send({ data: '1', id: '1' })
    await flushMicrotasks()
    time.now = 2_000
    first.disconnect()
    await flushMicrotasks()
    time.now = 3_000
    await clock.advance(1_000)
    const second = await open()
    time.now = 4_000
    second.send({ data: '2', id: '2' })
    await flushMicrotasks()
    expect(drawPaths(inspector.streams[0]!)).toEqual({
      line: 'M0.0 12H500.0M750.0 12H1000.0',
      gaps: 'M500.0 2H750.0V22H500.0Z',
      ticks: 'M250.0 4V20M1000.0 4V20',
      attempts: 'M0.0 12h.1M750.0 12h.1',
      faults: 'M500.0 2V22',
    })
    expect(describeTimeline(inspector.streams[0]!)).toBe('4.0 s: 2 events, 1 retry, longest gap 1.0 s')
    client.close()
  })

  test('print() prints a table of the streams, and the timeline and payloads of each', async () => {
    const table = vi.spyOn(console, 'table').mockReturnValue()
    const group = vi.spyOn(console, 'groupCollapsed').mockReturnValue()
    const log = vi.spyOn(console, 'log').mockReturnValue()
    const { client, open, inspector } = createInspected({ payloads: true })
    client.subscribe('/prices', { label: 'ticker' })
    const connection = await open()
    connection.send({ type: 'price', data: '1', id: '7' })
    await flushMicrotasks()
    client.close()
    inspector.print()
    expect(table.mock.lastCall![0]).toMatchObject({
      1: {
        Stream: 'ticker (GET https://api.test/prices)',
        Status: 'closed',
        Reason: 'close',
        Events: '1',
        'Last event ID': '7',
      },
    })
    expect(group).toHaveBeenCalledWith('ticker (GET https://api.test/prices)')
    expect(log.mock.calls.map((args) => args.slice(1).join(' '))).toEqual([
      'attempt 1',
      '200',
      'connected',
      '1 event',
      'close',
      '7 1',
    ])
  })

  test('mount() without a document is a TypeError', () => {
    expect(() => inspect().mount()).toThrow('inspector.mount() needs a document')
  })
})
