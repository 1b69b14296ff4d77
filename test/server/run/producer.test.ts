/** Producers against a log that fails, loses its end, or gives the run to others. */
import { expect, onTestFinished, test, vi } from 'vitest'
import type { ServerRecord } from '../../../server/base/instrument.ts'
import type { EventLog } from '../../../server/log/event-log.ts'
import { memoryLog } from '../../../server/log/memory-log.ts'
import type { Delta, End } from '../../../server/run/delta.ts'
import { Leases } from '../../../server/run/leases.ts'
import type { EndedRun } from '../../../server/run/producer.ts'
import { Producer } from '../../../server/run/producer.ts'
import { createManualServerClock } from '../../mock-server/support/manual-server-clock.ts'

const STREAM = 'run:r1'

async function claimRun() {
  const clock = createManualServerClock()
  const log = memoryLog({ shared: false, clock })
  onTestFinished(() => log.close())
  const claim = await log.claim(STREAM, { owner: 'ann', lease: 4_000, keep: 60_000 })
  const token = claim.role === 'producer' ? claim.token : 0
  const ended: EndedRun[] = []
  const records: ServerRecord[] = []
  const producer = new Producer({
    log,
    clock,
    id: 'r1',
    stream: STREAM,
    token,
    subject: 'ann',
    maxBytes: 1_000_000,
    instrument: (record) => void records.push(record),
    onEnd: (run) => void ended.push(run),
  })
  producer.start({ streamId: 'r1' })
  return { clock, log, producer, ended, records }
}

async function readData(log: EventLog): Promise<unknown[]> {
  const page = await log.read(STREAM, 0, { bytes: 1_000_000 })
  return page!.events.map(({ frame }) => JSON.parse(frame.slice(frame.indexOf('data: ') + 6)) as unknown)
}

async function* generate(...deltas: string[]): AsyncGenerator<Delta, End | void> {
  yield* deltas
}

/** A model that thinks forever. */
const hang = (): AsyncIterable<Delta> => ({
  [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }),
})

test('deltas are gathered while an append is in flight', async () => {
  const { log, producer } = await claimRun()
  const append = vi.spyOn(log, 'append')
  const release: (() => void)[] = []
  append.mockImplementationOnce(async (...args) => {
    await new Promise<void>((resolve) => release.push(resolve))
    append.mockRestore()
    return log.append(...args)
  })
  const deltas = Array.from({ length: 100 }, (_, index) => `${index}`)
  const running = producer.run(() => generate('first', ...deltas))
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
  const gathered = vi.spyOn(log, 'append')
  release[0]!()
  await running
  expect(gathered.mock.calls.length).toBeLessThanOrEqual(2)
  expect(await readData(log)).toHaveLength(103)
})

test('an append that failed is repeated with the same nonce until the log can be reached', async () => {
  const { log, producer, clock, ended } = await claimRun()
  const append = vi
    .spyOn(log, 'append')
    .mockRejectedValueOnce(new Error('down'))
    .mockRejectedValueOnce(new Error('down'))
  const running = producer.run(() => generate('a'))
  await clock.advance(500)
  await running
  const [first, second, third] = append.mock.calls.map(([, , { nonce, at }]) => `${nonce} ${at}`)
  expect(new Set([first, second, third]).size).toBe(1)
  expect(await readData(log)).toMatchObject([{ streamId: 'r1' }, { content: 'a', index: 0 }, { finishReason: 'stop' }])
  expect(ended).toMatchObject([{ outcome: 'stop' }])
})

test('what the log has lost is sent again after a gap, with the same nonces', async () => {
  const { log, producer } = await claimRun()
  const append = vi.spyOn(log, 'append')
  // The log answers, then loses the batch in a failover.
  append.mockImplementationOnce(async () => ({ position: 2, epoch: 'e' }))
  await producer.run(() => generate('a', 'b'))
  expect(await readData(log)).toMatchObject([
    { streamId: 'r1' },
    { content: 'a' },
    { content: 'b' },
    { finishReason: 'stop' },
  ])
  const nonces = append.mock.calls.map(([, , { nonce, at }]) => `${at} ${nonce}`)
  expect(nonces.filter((call) => call === nonces[0])).toHaveLength(2)
})

test('a producer whose run was ended by others stops, aborts its signal and reports once', async () => {
  const { log, producer, clock, ended, records } = await claimRun()
  const leases = new Leases({ log, clock, abandon: 60_000, isRead: () => true })
  const release = leases.add(producer)
  const running = producer.run(hang)
  await clock.advance(1_000)
  expect(producer.signal.aborted).toBe(false)
  await log.finish(STREAM, 'event: error\ndata: {}\n', 'always')
  await clock.advance(1_000)
  await running
  release()
  expect(producer.signal.aborted).toBe(true)
  expect(ended).toEqual([{ id: 'r1', text: '', outcome: 'lost' }])
  expect(records.filter(({ type }) => type === 'run-end')).toHaveLength(1)
  // That of the log, which forgets the run.
  expect(clock.pendingDelays).toHaveLength(1)
})

test('a stop whose wake was missed is noticed at the next renewal', async () => {
  const { log, producer, clock } = await claimRun()
  vi.spyOn(log, 'tail').mockReturnValue(() => undefined)
  const release = new Leases({ log, clock, abandon: 60_000, isRead: () => true }).add(producer)
  const running = producer.run(hang)
  await log.stop(STREAM)
  expect(producer.signal.aborted).toBe(false)
  await clock.advance(1_000)
  await running
  release()
  expect(producer.signal.aborted).toBe(true)
  expect((await readData(log)).at(-1)).toMatchObject({ finishReason: 'cancelled' })
})

test('leases outlive a model that thinks for longer, and readers of other processes prevent an abandonment', async () => {
  const { log, producer, clock } = await claimRun()
  const release = new Leases({ log, clock, abandon: 10_000, isRead: () => false }).add(producer)
  await log.join(STREAM, 'other process', 60_000)
  await clock.advance(55_000)
  expect(producer.signal.aborted).toBe(false)
  await log.leave(STREAM, 'other process')
  await clock.advance(11_000)
  expect(producer.signal.aborted).toBe(true)
  release()
})

test('a failing onEnd is reported, and nothing else', async () => {
  const { log, clock } = await claimRun()
  const records: ServerRecord[] = []
  const error = new Error('no database')
  const producer = new Producer({
    log,
    clock,
    id: 'r1',
    stream: STREAM,
    token: 1,
    subject: 'ann',
    maxBytes: 1_000_000,
    instrument: (record) => void records.push(record),
    onEnd: () => Promise.reject(error),
  })
  producer.start({})
  await producer.run(() => generate())
  expect(records).toContainEqual({ type: 'error', error })
})
