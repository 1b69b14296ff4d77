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

/** A sample, or 1,000 readers with `npm run test:long`, of which one in a hundred never reads. */
const [READERS, STALLED] = process.env['RIVULET_LONG'] ? [990, 10] : [40, 4]
const EVENTS = 5_000
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

async function sendBursts(): Promise<void> {
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
    `${READERS} readers and ${STALLED} that never read: ${(growth / 1e6).toFixed(1)} MB more after the third burst than after the first`,
  )
  // The feed keeps all bursts, which are younger than its age, but no reader has a copy of what it did not take.
  expect(growth).toBeLessThan((BURSTS - 1) * burstBytes * 2)

  await clock.advance(20_000)
  expect(readers.every(({ isInOrder, hasEnded }) => isInOrder && !hasEnded)).toBe(true)
  await waitUntil(() => records.filter(({ type }) => type === 'close').length === STALLED)
  const reasons = records.flatMap((record) => (record.type === 'close' ? record.reason : []))
  expect(new Set(reasons)).toEqual(new Set(['slow']))
}

test(
  'a burst in one tick reaches every reader, and readers that never read are cut without harm to others or to memory',
  { timeout: 600_000 },
  sendBursts,
)
