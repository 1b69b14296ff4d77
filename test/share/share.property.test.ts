/** Property test: each tab receives each event once and in order, whatever happens to tabs and connections. */
import { expect, test, vi } from 'vitest'
import { createRandom } from '../../mock-server/base/random.ts'
import { shareAcrossTabs } from '../../src/share.ts'
import {
  array,
  assert,
  asyncProperty,
  constant,
  constantFrom,
  infiniteStream,
  integer,
  nat,
  oneof,
  record,
} from '../support/fast-check.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { type FakeTab, createFakeBrowser } from './fake-browser.ts'
import { type FeedConsumer, consumeFeed } from './feed-consumer.ts'
import { createLogServer } from './log-server.ts'

interface TabUnderTest {
  tab: FakeTab
  consumer: FeedConsumer
  state: 'alive' | 'frozen' | 'dead'
  first: number
}

const step = oneof(
  { weight: 8, arbitrary: record({ do: constant('send' as const), count: integer({ min: 1, max: 30 }) }) },
  { weight: 3, arbitrary: record({ do: constant('flood' as const), count: integer({ min: 1, max: 40 }) }) },
  { weight: 3, arbitrary: record({ do: constant('open' as const), back: nat(40) }) },
  {
    weight: 6,
    arbitrary: record({
      do: constantFrom(
        'kill' as const,
        'freeze' as const,
        'freeze-lossy' as const,
        'thaw' as const,
        'pause' as const,
        'resume' as const,
        'close' as const,
      ),
      page: nat(20),
    }),
  },
  { weight: 2, arbitrary: record({ do: constant('cut' as const) }) },
  {
    weight: 6,
    arbitrary: record({ do: constant('wait' as const), ms: constantFrom(0, 10, 200, 1_000, 3_000, 6_000) }),
  },
)

test.each([0, 30, 300])(
  'each tab receives each event once and in order if messages and locks take up to %i ms',
  { timeout: 120_000 },
  async (latency) => {
    await assert(
      asyncProperty(
        array(step, { minLength: 1, maxLength: 60, size: 'max' }),
        infiniteStream(nat(latency)),
        async (steps, delays) => {
          const clock = createManualClock()
          // The wall clock and random numbers are deterministic, so that each failure can be reproduced.
          vi.spyOn(Date, 'now').mockImplementation(() => 1_800_000_000_000 + Math.floor(clock.now()))
          vi.spyOn(Math, 'random').mockImplementation(createRandom(1))
          const browser = createFakeBrowser(latency ? { clock, delay: () => delays.next().value! } : {})
          const server = createLogServer()
          const pages: TabUnderTest[] = []
          let sent = 0
          const send = (count: number, size = 0): void => {
            sent += count
            server.send(count, size)
          }
          const open = (back: number): void => {
            const tab = browser.openTab()
            const connect = shareAcrossTabs({ name: 'app', connect: server.connect, clock, ...tab })
            const cursor = back && sent > back ? `${sent - back}` : ''
            const consumer = consumeFeed(connect, clock, { cursor })
            pages.push({ tab, consumer, state: 'alive', first: cursor ? sent - back : -1 })
          }
          open(0)
          for (const each of steps) {
            const page = 'page' in each ? pages[each.page % pages.length]! : undefined
            if (each.do === 'send') send(each.count)
            else if (each.do === 'flood') send(each.count, 100_000)
            else if (each.do === 'open') open(each.back)
            else if (each.do === 'cut') server.cut()
            else if (each.do === 'wait') await clock.advance(each.ms)
            else if (page!.state === 'dead') continue
            else if (each.do === 'pause') page!.consumer.pause()
            else if (each.do === 'resume') page!.consumer.resume()
            else if (each.do === 'thaw') {
              page!.tab.thaw()
              page!.state = 'alive'
            } else if (each.do === 'freeze' || each.do === 'freeze-lossy') {
              page!.tab.freeze(each.do === 'freeze-lossy' ? 'lossy' : 'lossless')
              page!.state = 'frozen'
            } else {
              page!.state = 'dead'
              if (each.do === 'kill') page!.tab.kill()
              page!.consumer.close()
            }
          }
          for (const { tab, consumer, state } of pages) {
            if (state === 'dead') continue
            tab.thaw()
            consumer.resume()
          }
          open(0)
          await clock.advance(30_000)
          send(3)
          await clock.advance(10_000)
          await flushMicrotasks()
          for (const { consumer, state, first } of pages) {
            const numbers = consumer.payloads.map(Number)
            const from = numbers[0] ?? 0
            if (first >= 0 && numbers.length) expect(from).toBe(first + 1)
            expect(numbers).toEqual(numbers.map((_, index) => from + index))
            if (state !== 'dead') expect(numbers.at(-1)).toBe(sent)
          }
          // All tabs share one connection.
          expect(server.openConnections).toBe(1)
          for (const { consumer } of pages) consumer.close()
          await clock.advance(0)
          expect(server.openConnections).toBe(0)
        },
      ),
      { numRuns: 100 },
    )
  },
)
