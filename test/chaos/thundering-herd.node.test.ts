/** [F21] Five hundred clients over real sockets survive a server restart, and each receives every event once. */
import { expect, onTestFinished, test } from 'vitest'
import { startMockServer } from '../../mock-server/node/mock-server.ts'
import type { Scenario } from '../../mock-server/scenario/scenario.ts'
import { createClient } from '../../src/client/client.ts'
import type { Subscription } from '../../src/client/subscription.ts'
import { fetchConnect } from '../../src/connect/fetch.ts'
import { withFreePort } from './ports.ts'

const CLIENT_COUNT = 500
const WINDOW_MS = 100
/** How long the server is down. */
const DOWNTIME_MS = 400
/** Events sent before the crash, while the server is down, and afterwards. */
const EVENT_COUNTS = { before: 20, down: 20, after: 20 }

interface Numbered {
  n: number
}

const cases: [string, Scenario][] = [
  ['restarts', []],
  ['restarts and refuses each client once with Retry-After', { status: 503, 'retry-after': 1, times: CLIENT_COUNT }],
]

test.each(cases)(
  '[F21] when the server %s, 500 clients reconnect and receive every event once',
  { timeout: 120_000 },
  async (serverBehavior, scenario) => {
    const server = await withFreePort((port) => startMockServer({ port, compress: false }))
    onTestFinished(() => server.close())
    let crashedAt = Infinity
    const attempts: number[] = []
    const received: number[][] = []
    const feeds: Pick<Subscription, 'close'>[] = []
    const connect = fetchConnect()
    let checkReceived: (() => void) | undefined
    /** Resolves once each client has received this many events. */
    const allReceived = (count: number): Promise<void> =>
      new Promise((resolve) => {
        checkReceived = () => received.every(({ length }) => length >= count) && resolve()
        checkReceived()
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
        const receivedByClient: number[] = []
        received.push(receivedByClient)
        feeds.push(feed)
        feed.once('connected', () => ++opened === CLIENT_COUNT && resolve())
        feed.on('n', ({ data }) => {
          receivedByClient.push(data.n)
          // Only at the end of a batch: checking all clients at every event of each client would be quadratic.
          if (data.n % EVENT_COUNTS.before === EVENT_COUNTS.before - 1) checkReceived?.()
        })
      }
    })
    let sent = 0
    const send = (count: number): void => {
      for (const until = sent + count; sent < until; sent++) server.broadcast({ type: 'n', data: { n: sent } })
    }
    send(EVENT_COUNTS.before)
    await allReceived(EVENT_COUNTS.before)

    crashedAt = performance.now()
    await server.kill()
    send(EVENT_COUNTS.down)
    server.setScenario(scenario)
    await server.restart({ downtime: DOWNTIME_MS })
    await allReceived(EVENT_COUNTS.before + EVENT_COUNTS.down)
    send(EVENT_COUNTS.after)
    await allReceived(sent)

    const windows = new Map<number, number>()
    for (const at of attempts)
      windows.set(Math.floor(at / WINDOW_MS), (windows.get(Math.floor(at / WINDOW_MS)) ?? 0) + 1)
    const fullest = Math.max(...windows.values())
    console.log(
      `${CLIENT_COUNT} real clients of a server that ${serverBehavior}: ${attempts.length} attempts, ` +
        `${((100 * fullest) / attempts.length).toFixed(1)} % of them in the fullest ${WINDOW_MS} ms, the last one after ${Math.max(...attempts).toFixed(0)} ms`,
    )
    const expected = Array.from({ length: sent }, (_, n) => n)
    for (const receivedByClient of received) expect(receivedByClient).toEqual(expected)
    expect(server.clients).toHaveLength(CLIENT_COUNT)
    expect(attempts.length).toBeGreaterThanOrEqual(CLIENT_COUNT)
    for (const feed of feeds) feed.close()
  },
)
