/** Readers and tails: shared bytes, one flush per turn, and readers that do not read. */
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { ServerRecord } from '../../../server/base/instrument.ts'
import { encodeFrame } from '../../../server/log/frame.ts'
import { memoryLog } from '../../../server/log/memory-log.ts'
import { Hub } from '../../../server/stream/hub.ts'
import type { Reader } from '../../../server/stream/reader.ts'
import type { Sink } from '../../../server/stream/sink.ts'
import { everything } from '../../../server/stream/view.ts'
import { eventsOf } from '../../mock-server/support/blocks.ts'
import { createManualServerClock } from '../../mock-server/support/manual-server-clock.ts'

const FEED = 'feed:f'

/** A connection that takes bytes as long as the test lets it. */
interface TestSink extends Sink {
  readonly writes: Uint8Array[]
  isOpen: boolean
  state: 'open' | 'ended' | 'cut'
  readonly data: (string | undefined)[]
}

function createSink(): TestSink {
  const sink: TestSink = {
    writes: [],
    isOpen: true,
    state: 'open',
    get data() {
      const text = sink.writes.map((bytes) => new TextDecoder().decode(bytes)).join('')
      return eventsOf(text).map(({ data }) => data)
    },
    write(bytes) {
      sink.writes.push(bytes)
      return sink.isOpen
    },
    end: () => void (sink.state = 'ended'),
    cut: () => void (sink.state = 'cut'),
  }
  return sink
}

function openHub({ retention = { events: 1_000, bytes: 1_000_000, age: 0 }, heartbeat = 0 } = {}) {
  const clock = createManualServerClock()
  const log = memoryLog({ shared: false, clock })
  const records: ServerRecord[] = []
  const hub = new Hub({
    log,
    clock,
    heartbeat,
    drainTimeout: 30_000,
    instrument: (record) => void records.push(record),
  })
  onTestFinished(() => log.close())
  let count = 0
  const send = async (times = 1, padding = ''): Promise<void> => {
    for (let sent = 0; sent < times; sent++) {
      const frame = encodeFrame('tick', `${++count}${padding}`)
      await log.append(FEED, [frame], { nonce: 'aa', retention })
    }
  }
  const open = async (sink: Sink, position?: number): Promise<Reader> => {
    const page = (await log.read(FEED, Number.MAX_SAFE_INTEGER, { bytes: 1 }))!
    const reader = hub.open({
      stream: FEED,
      page,
      prefix: page.epoch,
      position: position ?? page.head,
      nonce: 'aa',
      opening: '',
      replay: everything,
      live: everything,
      expiresAt: undefined,
      record: { kind: 'feed', stream: 'f', subject: 'ann' },
    })
    reader.start(sink)
    return reader
  }
  return { clock, log, hub, records, send, open }
}

async function passTurns(turns = 5): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
}
const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => String(from + index))

describe('readers at the head', () => {
  test('readers get the same bytes, in one write per turn', async () => {
    const { send, open } = openHub()
    const sinks = [createSink(), createSink(), createSink()]
    for (const sink of sinks) await open(sink)
    await passTurns()
    await send(100)
    await passTurns()
    const [first] = sinks
    expect(first!.writes).toHaveLength(2)
    for (const sink of sinks) {
      expect(sink.data).toEqual(numbers(1, 100))
      expect(sink.writes[1]).toBe(first!.writes[1])
    }
  })

  test('the log is read once per turn, however many readers there are', async () => {
    const { send, open, log } = openHub()
    for (let count = 0; count < 20; count++) await open(createSink())
    await passTurns()
    const read = vi.spyOn(log, 'read')
    await send(10)
    await passTurns()
    await send(10)
    await passTurns()
    expect(read).toHaveBeenCalledTimes(2)
  })

  test('a tail stops when its last reader leaves, and the next reader gets a new one', async () => {
    const { send, open, log } = openHub()
    const reader = await open(createSink())
    await passTurns()
    reader.leave()
    const read = vi.spyOn(log, 'read')
    await send()
    await passTurns()
    expect(read).not.toHaveBeenCalled()
    const sink = createSink()
    await open(sink)
    await passTurns()
    await send()
    await passTurns()
    expect(sink.data).toEqual(['2'])
  })

  test('a reader that opens between an append and its flush gets each event once', async () => {
    const { send, open } = openHub()
    const early = createSink()
    await open(early)
    await passTurns()
    await send(2)
    const late = createSink()
    await open(late)
    const resumed = createSink()
    await open(resumed, 1)
    await send(1)
    await passTurns()
    expect(early.data).toEqual(['1', '2', '3'])
    expect(late.data).toEqual(['3'])
    expect(resumed.data).toEqual(['2', '3'])
  })

  test('readers are cut when the log starts again from nothing', async () => {
    const { send, open, log } = openHub()
    const sink = createSink()
    await send(3)
    await open(sink)
    await passTurns()
    await log.drop(FEED)
    await passTurns()
    expect(sink.state).toBe('cut')
  })

  test('readers are cut when other events were given the positions of theirs, whether they read or not', async () => {
    const { send, open, log } = openHub()
    const [live, behind] = [createSink(), createSink()]
    const reader = await open(behind)
    await open(live)
    await passTurns()
    behind.isOpen = false
    await send(2)
    await passTurns()
    await send(1)
    await passTurns()
    const read = log.read.bind(log)
    vi.spyOn(log, 'read').mockImplementation(async (...args) => {
      const page = await read(...args)
      return page && { ...page, previousNonce: 'bb' }
    })
    await send(1)
    reader.drained()
    await passTurns()
    expect([live.state, behind.state]).toEqual(['cut', 'cut'])
  })

  test('readers wait while the log cannot be read, and lose nothing', async () => {
    const { send, open, log, clock } = openHub()
    const sink = createSink()
    await open(sink)
    await passTurns()
    vi.spyOn(log, 'read').mockRejectedValueOnce(new Error('down'))
    await send(3)
    await passTurns()
    expect(sink.data).toEqual([])
    await clock.advance(1_000)
    await passTurns()
    expect(sink).toMatchObject({ state: 'open', data: ['1', '2', '3'] })
  })
})

describe('readers that do not read', () => {
  test('a blocked reader holds one write, and reads on from its own position', async () => {
    const { send, open } = openHub()
    const [slow, fast] = [createSink(), createSink()]
    const reader = await open(slow)
    await open(fast)
    await passTurns()
    slow.isOpen = false
    for (let burst = 0; burst < 10; burst++) {
      await send(10)
      await passTurns()
    }
    expect(fast.data).toEqual(numbers(1, 100))
    expect(slow.data).toEqual(numbers(1, 10))
    slow.isOpen = true
    reader.drained()
    await passTurns()
    expect(slow.data).toEqual(numbers(1, 100))
    await send()
    await passTurns()
    expect(slow.data).toEqual(numbers(1, 101))
  })

  test('slow readers at the same position share one page of the log', async () => {
    const { send, open, log } = openHub()
    const sinks = Array.from({ length: 10 }, createSink)
    const readers = []
    for (const sink of sinks) readers.push(await open(sink))
    await open(createSink())
    await passTurns()
    for (const sink of sinks) sink.isOpen = false
    await send(1)
    await passTurns()
    await send(10)
    await passTurns()
    const read = vi.spyOn(log, 'read')
    for (const reader of readers) reader.drained()
    await passTurns()
    expect(read).toHaveBeenCalledTimes(1)
    for (const sink of sinks) expect(sink.data).toEqual(numbers(1, 11))
  })

  test('a burst larger than a page reaches a connection page by page', async () => {
    const { send, open } = openHub()
    const sink = createSink()
    await open(sink)
    await passTurns()
    await send(40, 'x'.repeat(10_000))
    await passTurns(20)
    expect(sink.data).toHaveLength(40)
    for (const bytes of sink.writes) expect(bytes.length).toBeLessThan(80_000)
  })

  test('a reader that has not drained for drainTimeout is cut, and others are not', async () => {
    const { send, open, clock, records } = openHub()
    const [slow, fast] = [createSink(), createSink()]
    await open(slow)
    await open(fast)
    await passTurns()
    slow.isOpen = false
    await clock.advance(10_000)
    await send()
    await passTurns()
    await clock.advance(29_999)
    expect(slow.state).toBe('open')
    await clock.advance(1)
    expect(slow.state).toBe('cut')
    expect(fast.state).toBe('open')
    expect(records).toContainEqual(expect.objectContaining({ type: 'close', reason: 'slow', duration: 40_000 }))
  })

  test('a reader whose next event is no longer kept is cut', async () => {
    const { send, open, records } = openHub({ retention: { events: 5, bytes: 1_000_000, age: 0 } })
    const slow = createSink()
    const reader = await open(slow)
    await open(createSink())
    await passTurns()
    slow.isOpen = false
    await send()
    await passTurns()
    await send(10)
    await passTurns()
    slow.isOpen = true
    reader.drained()
    await passTurns()
    expect(slow).toMatchObject({ state: 'cut', data: ['1'] })
    expect(records).toContainEqual(expect.objectContaining({ type: 'close', reason: 'behind' }))
  })

  test('a response that is never read is given up after drainTimeout', async () => {
    const { hub, log, clock } = openHub()
    const page = (await log.read(FEED, 0, { bytes: 1 }))!
    const record = { kind: 'feed', stream: 'f', subject: 'ann' } as const
    const options = { stream: FEED, page, prefix: page.epoch, position: 0, nonce: '', opening: '', record }
    hub.open({ ...options, replay: everything, live: everything, expiresAt: undefined })
    await clock.advance(30_000)
    expect(hub.size).toBe(0)
  })

  test('a response that was given up, or opened while the hub closes, ends when it is read after all', async () => {
    const { hub, open, records } = openHub()
    hub.close('feed')
    const sink = createSink()
    await open(sink)
    expect(sink).toMatchObject({ state: 'ended', writes: [] })
    expect(records.map(({ type }) => type)).toEqual(['open', 'close'])
  })

  test('one timer serves all readers', async () => {
    const { open, clock, send } = openHub({ heartbeat: 1_000 })
    for (let count = 0; count < 50; count++) {
      await open(createSink())
      await clock.advance(10)
    }
    await send()
    await passTurns()
    expect(clock.pendingDelays).toHaveLength(1)
  })
})
