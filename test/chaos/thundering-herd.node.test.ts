/** [F21] Five hundred real clients on real sockets, whose server restarts: all come back, and each has every event once. */
import { expect, onTestFinished, test } from 'vitest'
import type { Scenario } from '../../mock-server/scenario/scenario.ts'
import { startMockServer } from '../../mock-server/node/mock-server.ts'
import { createClient } from '../../src/client/client.ts'
import { fetchConnect } from '../../src/connect/fetch.ts'
import type { Subscription } from '../../src/client/subscription.ts'
import { withFreePort } from './ports.ts'

const CLIENT_COUNT = 500
const WINDOW_MS = 100
/** Milliseconds for which nobody listens. */
const DOWNTIME_MS = 400
/** Events before the crash, while nobody is there, and afterwards. */
const EVENT_COUNTS = { before: 20, down: 20, after: 20 }

interface Numbered {
  n: number
}

const cases: [string, Scenario][] = [
  ['comes back', []],
  [
    'refuses each of them once with Retry-After when it comes back',
    { status: 503, 'retry-after': 1, times: CLIENT_COUNT },
  ],
]

test.each(cases)('[F21] a server that %s', { timeout: 120_000 }, async (what, scenario) => {
  const server = await withFreePort((port) => startMockServer({ port, compress: false }))
  onTestFinished(() => server.close())
  let crashedAt = Infinity
  const attempts: number[] = []
  const received: number[][] = []
  const feeds: Pick<Subscription, 'close'>[] = []
  const connect = fetchConnect()
  /** Settles when each client has heard so many. */
  let reported: (() => void) | undefined
  const all = (count: number): Promise<void> =>
    new Promise((resolve) => {
      reported = () => received.every(({ length }) => length >= count) && resolve()
      reported()
    })

  let opened = 0
  await new Promise<void>((resolve) => {
    for (let index = 0; index < CLIENT_COUNT; index++) {
      const client = createClient({
        baseUrl: server.url,
        connect(request) {
          if (performance.now() >= crashedAt) attempts.push(performance.now() - crashedAt)
          return connect(request)
        },
      })
      onTestFinished(() => client.close())
      const feed = client.subscribe<{ n: Numbered; connected: unknown }>('/api/stream')
      const mine: number[] = []
      received.push(mine)
      feeds.push(feed)
      feed.once('connected', () => ++opened === CLIENT_COUNT && resolve())
      feed.on('n', ({ data }) => {
        mine.push(data.n)
        // Not at each event of each client: that would be a quarter of a million looks at all of them.
        if (data.n % EVENT_COUNTS.before === EVENT_COUNTS.before - 1) reported?.()
      })
    }
  })
  let sent = 0
  const send = (count: number): void => {
    for (const until = sent + count; sent < until; sent++) server.broadcast({ type: 'n', data: { n: sent } })
  }
  send(EVENT_COUNTS.before)
  await all(EVENT_COUNTS.before)

  crashedAt = performance.now()
  await server.kill()
  send(EVENT_COUNTS.down)
  server.setScenario(scenario)
  await server.restart({ downtime: DOWNTIME_MS })
  await all(EVENT_COUNTS.before + EVENT_COUNTS.down)
  send(EVENT_COUNTS.after)
  await all(sent)

  const windows = new Map<number, number>()
  for (const at of attempts) windows.set(Math.floor(at / WINDOW_MS), (windows.get(Math.floor(at / WINDOW_MS)) ?? 0) + 1)
  const fullest = Math.max(...windows.values())
  console.log(
    `${CLIENT_COUNT} real clients of a server that ${what}: ${attempts.length} attempts, ` +
      `${((100 * fullest) / attempts.length).toFixed(1)} % of them in the fullest ${WINDOW_MS} ms, last one after ${Math.max(...attempts).toFixed(0)} ms`,
  )
  const expected = Array.from({ length: sent }, (_, n) => n)
  for (const mine of received) expect(mine).toEqual(expected)
  expect(server.clients).toHaveLength(CLIENT_COUNT)
  expect(attempts.length).toBeGreaterThanOrEqual(CLIENT_COUNT)
  for (const feed of feeds) feed.close()
})
