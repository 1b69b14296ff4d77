/** A burst that is larger than what a feed keeps, and readers that never read. */
import { connect } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, onTestFinished, test } from 'vitest'
import type { ServerRecord } from '../../server/base/instrument.ts'
import { memoryLog } from '../../server/log/memory-log.ts'
import { createServer } from '../../server/service/create-server.ts'
import { waitUntil } from '../mock-server/support/local-test-server.ts'
import { createManualServerClock } from '../mock-server/support/manual-server-clock.ts'
import { listen } from './support/faces.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const READERS = 990
const STALLED = 10
const EVENTS = 5_000
/** More than what the sockets of the operating system hold for a reader that never reads. */
const BURSTS = 3
const PADDING = 'x'.repeat(260)
const RETENTION = { events: 1_000, bytes: 4 * 1024 * 1024, age: 30_000 }

interface TestReader {
  /** Numbers of the events, checked as they arrive. */
  received: number
  isConnected: boolean
  hasEnded: boolean
  isInOrder: boolean
}

/** Bytes in use after a garbage collection. */
function measureMemory(): number {
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** Opens a connection that checks that events arrive once and in order. */
function openReader(port: number, behavior: 'reads' | 'stalls'): TestReader {
  const reader: TestReader = { received: 0, isConnected: false, hasEnded: false, isInOrder: true }
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  socket.write('GET /feed HTTP/1.1\r\nhost: localhost\r\n\r\n')
  let rest = ''
  socket.on('data', (bytes) => {
    rest += bytes.toString('latin1')
    reader.isConnected ||= rest.includes('connected')
    if (reader.isConnected && behavior === 'stalls') socket.pause()
    let end = 0
    for (const { 0: text, 1: number, index } of rest.matchAll(/"n":(\d+),/g)) {
      reader.isInOrder &&= Number(number) === reader.received++
      end = index + text.length
    }
    rest = rest.slice(end)
  })
  socket.on('close', () => (reader.hasEnded = true))
  socket.on('error', () => undefined)
  return reader
}

test('a burst in one tick reaches every reader, and readers that never read are cut without harm to others or to memory', async () => {
  const clock = createManualServerClock()
  const records: ServerRecord[] = []
  const server = createServer({
    clock,
    log: memoryLog({ shared: false, clock }),
    instrument: (record) => void records.push(record),
  })
  onTestFinished(() => server.close())
  const feed = server.feed<{ tick: unknown }>('ticks', { retention: RETENTION })
  const port = Number(new URL(await listen({ '/feed': feed.handler })).port)
  const readers = Array.from({ length: READERS }, () => openReader(port, 'reads'))
  const stalled = Array.from({ length: STALLED }, () => openReader(port, 'stalls'))
  await waitUntil(() => [...readers, ...stalled].every(({ isConnected }) => isConnected))

  const memory: number[] = []
  for (let burst = 0; burst < BURSTS; burst++) {
    for (const reader of readers) reader.received = 0
    await Promise.all(Array.from({ length: EVENTS }, (_, n) => feed.send('tick', { n, PADDING })))
    await waitUntil(() => readers.every(({ received }) => received === EVENTS))
    memory.push(measureMemory())
    await clock.advance(10_000)
  }
  const burstBytes = EVENTS * (PADDING.length + 40)
  const growth = memory.at(-1)! - memory[0]!
  console.log(
    `${READERS} readers and ${STALLED} that never read: ${(growth / 1e6).toFixed(1)} MB more after the last burst than after the first`,
  )
  // The feed keeps all bursts, which are younger than its age. Queues of the readers that never read would keep them
  // once more for each of these; half of that leaves room for the sockets of the others.
  const kept = (BURSTS - 1) * burstBytes
  expect(growth).toBeLessThan(kept + (STALLED / 2) * kept)

  await clock.advance(20_000)
  expect(readers.every(({ isInOrder, hasEnded }) => isInOrder && !hasEnded)).toBe(true)
  await waitUntil(() => records.filter(({ type }) => type === 'close').length === STALLED)
  const reasons = records.flatMap((record) => (record.type === 'close' ? record.reason : []))
  expect(new Set(reasons)).toEqual(new Set(['slow']))
})
