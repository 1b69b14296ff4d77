/** [F21] Five hundred real clients on real sockets, whose server restarts: all come back, and each has every event once. */
import { expect, onTestFinished, test } from 'vitest'
import type { Scenario } from '../../mock-server/scenario/scenario.ts'
import { startMockServer } from '../../mock-server/node/mock-server.ts'
import { createClient } from '../../src/client/client.ts'
import { fetchConnect } from '../../src/connect/fetch.ts'
import type { Subscription } from '../../src/client/subscription.ts'
import { withFreePort } from './ports.ts'

const CLIENTS = 500
const WINDOW = 100
/** Milliseconds for which nobody listens. */
const DOWN = 400
/** Events before the crash, while nobody is there, and afterwards. */
const EVENTS = { before: 20, down: 20, after: 20 }

interface Numbered {
  n: number
}

const cases: [string, Scenario][] = [
  ['comes back', []],
  ['refuses each of them once with Retry-After when it comes back', { status: 503, 'retry-after': 1, times: CLIENTS }],
]

test.each(cases)('[F21] a server that %s', { timeout: 120_000 }, async (what, scenario) => {
  const server = await withFreePort((port) => startMockServer({ port, compress: false }))
  onTestFinished(() => server.close())
  let crashedAt = Infinity
  const attempts: number[] = []
  const heard: number[][] = []
  const feeds: Pick<Subscription, 'close'>[] = []
  const connect = fetchConnect()
  /** Settles when each client has heard so many. */
  let told: (() => void) | undefined
  const all = (count: number): Promise<void> =>
    new Promise((resolve) => {
      told = () => heard.every(({ length }) => length >= count) && resolve()
      told()
    })

  let opened = 0
  await new Promise<void>((resolve) => {
    for (let index = 0; index < CLIENTS; index++) {
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
      heard.push(mine)
      feeds.push(feed)
      feed.once('connected', () => ++opened === CLIENTS && resolve())
      feed.on('n', ({ data }) => {
        mine.push(data.n)
        // Not at each event of each client: that would be a quarter of a million looks at all of them.
        if (data.n % EVENTS.before === EVENTS.before - 1) told?.()
      })
    }
  })
  let sent = 0
  const send = (count: number): void => {
    for (const until = sent + count; sent < until; sent++) server.broadcast({ type: 'n', data: { n: sent } })
  }
  send(EVENTS.before)
  await all(EVENTS.before)

  crashedAt = performance.now()
  await server.kill()
  send(EVENTS.down)
  server.setScenario(scenario)
  await server.restart({ downtime: DOWN })
  await all(EVENTS.before + EVENTS.down)
  send(EVENTS.after)
  await all(sent)

  const windows = new Map<number, number>()
  for (const at of attempts) windows.set(Math.floor(at / WINDOW), (windows.get(Math.floor(at / WINDOW)) ?? 0) + 1)
  const fullest = Math.max(...windows.values())
  console.log(
    `${CLIENTS} real clients of a server that ${what}: ${attempts.length} attempts, ` +
      `${((100 * fullest) / attempts.length).toFixed(1)} % of them in the fullest ${WINDOW} ms, last one after ${Math.max(...attempts).toFixed(0)} ms`,
  )
  const expected = Array.from({ length: sent }, (_, n) => n)
  for (const mine of heard) expect(mine).toEqual(expected)
  expect(server.clients).toHaveLength(CLIENTS)
  expect(attempts.length).toBeGreaterThanOrEqual(CLIENTS)
  for (const feed of feeds) feed.close()
})
