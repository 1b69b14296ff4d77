/**
 * Property test with third-party servers, which send no `connected` event, no earlier events and no unique IDs: within
 * one connection to the server, each tab receives each event once and in order.
 */
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
import { createManualClock } from '../support/manual-clock.ts'
import { createFakeBrowser } from './fake-browser.ts'
import { consumeFeed } from './feed-consumer.ts'
import { type ThirdPartyIds, createLogServer } from './log-server.ts'

const step = oneof(
  {
    weight: 10,
    arbitrary: record({
      do: constant('send' as const),
      count: integer({ min: 1, max: 30 }),
      size: constantFrom(0, 0, 90_000),
    }),
  },
  { weight: 3, arbitrary: record({ do: constant('open' as const) }) },
  {
    weight: 8,
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
  { weight: 1, arbitrary: record({ do: constant('cut' as const) }) },
  {
    weight: 8,
    arbitrary: record({ do: constant('wait' as const), ms: constantFrom(0, 10, 200, 1_000, 3_000, 6_000) }),
  },
)

const servers: ThirdPartyIds[] = ['per connection', 'constant', 'seconds', 'absent']

test.each(servers.flatMap((ids) => [0, 100].map((latency) => ({ ids, latency }))))(
  'with IDs that are $ids and messages that take up to $latency ms, no event is lost, repeated or reordered',
  { timeout: 120_000 },
  async ({ ids, latency }) => {
    await assert(
      asyncProperty(
        array(step, { minLength: 1, maxLength: 50, size: 'max' }),
        infiniteStream(nat(latency)),
        async (steps, delays) => {
          const clock = createManualClock()
          // The wall clock and random numbers are deterministic, so that each failure can be reproduced.
          vi.spyOn(Date, 'now').mockImplementation(() => 1_800_000_000_000 + Math.floor(clock.now()))
          vi.spyOn(Math, 'random').mockImplementation(createRandom(1))
          const browser = createFakeBrowser(latency ? { clock, delay: () => delays.next().value! } : {})
          const server = createLogServer({ thirdPartyIds: ids })
          const open = () => {
            const tab = browser.openTab()
            const connect = shareAcrossTabs({ name: 'app', connect: server.connect, clock, ...tab })
            return { tab, consumer: consumeFeed(connect, clock), isDead: false }
          }
          const pages = [open()]
          let sent = 0
          const send = (count: number, size = 0): void => {
            sent += count
            server.send(count, size)
          }
          for (const each of steps) {
            const page = 'page' in each ? pages[each.page % pages.length]! : undefined
            if (each.do === 'send') send(each.count, each.size)
            else if (each.do === 'open') pages.push(open())
            else if (each.do === 'cut') server.cut()
            else if (each.do === 'wait') await clock.advance(each.ms)
            else if (page!.isDead) continue
            else if (each.do === 'pause') page!.consumer.pause()
            else if (each.do === 'resume') page!.consumer.resume()
            else if (each.do === 'thaw') page!.tab.thaw()
            else if (each.do === 'freeze') page!.tab.freeze()
            else if (each.do === 'freeze-lossy') page!.tab.freeze('lossy')
            else {
              page!.isDead = true
              if (each.do === 'kill') page!.tab.kill()
              page!.consumer.close()
            }
          }
          const alive = pages.filter(({ isDead }) => !isDead)
          for (const { tab, consumer } of alive) {
            tab.thaw()
            consumer.resume()
          }
          await clock.advance(30_000)
          send(3)
          await clock.advance(10_000)
          for (const { consumer } of pages) {
            for (const segments of consumer.connections) {
              const numbers = segments.map((payloads) => payloads.map(Number))
              for (const [first = 0, ...rest] of numbers)
                expect(rest).toEqual(rest.map((_, index) => first + index + 1))
              const all = numbers.flat()
              expect(all).toEqual([...new Set(all)].sort((one, other) => one - other))
            }
          }
          for (const { consumer } of alive) expect(Number(consumer.payloads.at(-1))).toBe(sent)
          for (const { consumer } of alive) consumer.close()
          await clock.advance(0)
          expect(server.openConnections).toBe(0)
        },
      ),
      { numRuns: 100 },
    )
  },
)
