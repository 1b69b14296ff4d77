/** What the memory log promises beyond the contract of every log: bounds, cheap events, and one log per process. */
import { describe, expect, onTestFinished, test } from 'vitest'
import type { EventLog, Retention } from '../../../server/log/event-log.ts'
import { memoryLog } from '../../../server/log/memory-log.ts'
import type { MemoryLogOptions } from '../../../server/log/memory-log.ts'
import { createManualServerClock } from '../../mock-server/support/manual-server-clock.ts'

const FEED = 'feed:prices'
const RETENTION: Retention = { events: 3, bytes: 1_000_000, age: 0 }

function openLog(options: MemoryLogOptions = {}) {
  const clock = createManualServerClock()
  const log = memoryLog({ shared: false, clock, ...options })
  onTestFinished(() => log.close())
  let count = 0
  const append = (retention: Partial<Retention> = {}, frame = 'data: 1\n') =>
    log.append(FEED, [frame], { nonce: `n${++count}`, retention: { ...RETENTION, ...retention } })
  const firstKept = async (): Promise<number> => (await log.read(FEED, 0, { bytes: 1 }))!.first
  return { log, clock, append, firstKept }
}

/** Waits for as many turns as the log grants its readers. */
async function passTurns(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
}

const claim = (log: EventLog, stream: string) => log.claim(stream, { owner: 'ann', lease: 4_000, keep: 60_000 })
const finish = (log: EventLog, stream: string) => log.finish(stream, 'event: end\ndata: {}\n', 'always')

describe('retention', () => {
  test('events are not trimmed in the turn in which they were appended, however many there are', async () => {
    const { append, firstKept } = openLog()
    for (let count = 0; count < 100; count++) await append()
    expect(await firstKept()).toBe(1)
    await passTurns()
    expect(await firstKept()).toBe(98)
  })

  test('events younger than the age are kept, and trimmed once they are older without a further append', async () => {
    const { append, firstKept, clock } = openLog()
    for (let count = 0; count < 10; count++) await append({ age: 5_000 })
    await passTurns()
    await clock.advance(4_999)
    expect(await firstKept()).toBe(1)
    await clock.advance(1)
    expect(await firstKept()).toBe(8)
  })

  test('bytes limit the kept events before their number does', async () => {
    const { append, firstKept } = openLog()
    for (let count = 0; count < 10; count++) await append({ events: 100, bytes: 51 }, 'data: 1234567890\n')
    await passTurns()
    expect(await firstKept()).toBe(8)
  })

  test('four times the bytes beat the age: further events are refused until older ones may be removed', async () => {
    const { append, clock } = openLog()
    const retention = { bytes: 16, age: 5_000 }
    for (let count = 0; count < 8; count++) expect(await append(retention)).toMatchObject({ position: count + 1 })
    expect(await append(retention)).toEqual({ refused: 'overloaded', head: 8 })
    await passTurns()
    await clock.advance(5_000)
    expect(await append(retention)).toMatchObject({ position: 9 })
  })
})

describe('memory', () => {
  test('all streams together keep at most `maxBytes`; finished runs that nobody reads make room', async () => {
    const { log, append } = openLog({ maxBytes: 60 })
    await claim(log, 'run:1')
    await finish(log, 'run:1')
    for (let count = 0; count < 7; count++) expect(await append()).toMatchObject({ position: count + 1 })
    expect(await log.find('run:1')).toBeUndefined()
    expect(await append()).toMatchObject({ refused: 'overloaded' })
  })

  test('a run beyond `maxRuns` replaces the oldest finished run, unless that is read', async () => {
    const { log } = openLog({ maxRuns: 2 })
    await claim(log, 'run:1')
    await claim(log, 'run:2')
    expect(await claim(log, 'run:3')).toEqual({ role: 'full' })
    await finish(log, 'run:1')
    await log.join('run:1', 'process', 60_000)
    expect(await claim(log, 'run:3')).toEqual({ role: 'full' })
    await finish(log, 'run:2')
    expect(await claim(log, 'run:3')).toMatchObject({ role: 'producer' })
    expect(await log.find('run:1')).toBeDefined()
    expect(await log.find('run:2')).toBeUndefined()
  })
})

test('every call returns the log of this process, also that of another copy of the module', async () => {
  const log = memoryLog()
  expect(memoryLog({ maxRuns: 1 })).toBe(log)
  expect((globalThis as Record<symbol, unknown>)[Symbol.for('rivulet.log')]).toBe(log)
  expect(memoryLog({ shared: false })).not.toBe(log)
})
