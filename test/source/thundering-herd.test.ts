/** [F21] Ten thousand clients of a restarting server must not reconnect at the same time. */
import { expect, test } from 'vitest'
import { createRandom } from '../../mock-server/base/random.ts'
import type { Clock } from '../../src/base/clock.ts'
import { StreamError } from '../../src/base/errors.ts'
import { createClient } from '../../src/client/client.ts'
import type { Connection } from '../../src/connect/connect.ts'
import type { RetryOptions } from '../../src/source/retry.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'

const CLIENT_COUNT = 10_000
const WINDOW_MS = 100
const SEED = 1
/** Time from the crash to the server's recovery, in milliseconds. */
const RECOVERED_AFTER_MS = 3_000
/** Time after the crash during which attempts are counted, in milliseconds. */
const COUNTED_UNTIL_MS = 6_000

/** The server's behavior between its crash and its recovery. */
interface Crash {
  /** Time during which connections are refused, in milliseconds; afterwards, requests get 503. */
  down: number
  /** `Retry-After` of the 503 responses, in seconds. */
  retryAfter?: number
}

/** Creates a manual clock that advances by whole milliseconds and stays fast with many timers. */
function createHerdClock(): Clock & { advance(): boolean } {
  let now = 0
  const due = new Map<number, Set<() => void>>()
  return {
    now: () => now,
    after(ms, callback) {
      const at = now + Math.max(1, Math.ceil(ms))
      const timers = due.get(at) ?? new Set()
      due.set(at, timers)
      const fire = (): void => callback()
      timers.add(fire)
      return () => timers.delete(fire)
    },
    /** Advances by 1 ms; returns whether a timer fired. */
    advance() {
      const timers = due.get(++now)
      due.delete(now)
      for (const fire of timers ?? []) {
        timers!.delete(fire)
        fire()
      }
      return !!timers
    },
  }
}

/** Simulates a server crash with real clients; returns the number of attempts in each window after the crash. */
async function simulateCrash(server: Crash, retry: RetryOptions, seed: number): Promise<number[]> {
  const clock = createHerdClock()
  const windows: number[] = []
  const cuts: (() => void)[] = []
  let crashedAt = Infinity
  const connect = async (): Promise<Connection> => {
    const since = clock.now() - crashedAt
    if (since >= 0) {
      const window = Math.floor(since / WINDOW_MS)
      windows[window] = (windows[window] ?? 0) + 1
    }
    if (since >= 0 && since < server.down) throw new StreamError('network', 'Refused', { retryable: true })
    const recovered = !(since < RECOVERED_AFTER_MS)
    const headers = new Headers({ 'content-type': 'text/event-stream' })
    if (!recovered && server.retryAfter !== undefined) headers.set('retry-after', String(server.retryAfter))
    const until =
      since >= 0
        ? new Promise<null>(() => {})
        : new Promise<null>((_, reject) => {
            cuts.push(() => reject(new StreamError('network', 'Cut', { retryable: true })))
          })
    return {
      status: since >= 0 && !recovered ? 503 : 200,
      url: 'https://api.test/',
      headers,
      read: () => until,
      readText: async () => '',
      cancel() {},
    }
  }
  const random = createRandom(seed)
  const clients = Array.from({ length: CLIENT_COUNT }, () => {
    const client = createClient({ baseUrl: 'https://api.test', connect, clock, random, retry, onError() {} })
    client.subscribe('/feed')
    return client
  })
  await flushMicrotasks()
  expect(cuts).toHaveLength(CLIENT_COUNT)
  crashedAt = clock.now()
  for (const cut of cuts) cut()
  await flushMicrotasks()
  while (clock.now() < crashedAt + COUNTED_UNTIL_MS) if (clock.advance()) await flushMicrotasks()
  for (const client of clients) client.close()
  return windows
}

/** Returns the share of clients that connect in the fullest window, and a line that describes that window. */
function describeWaves(windows: readonly number[]): { ofClients: number; line: string } {
  const fullest = Math.max(...windows.filter(Boolean))
  const attempts = windows.reduce((sum, count) => sum + count, 0) // reduce() skips empty windows
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
  const startMs = windows.indexOf(fullest) * WINDOW_MS
  return {
    ofClients: fullest / CLIENT_COUNT,
    line: `${percent(fullest / CLIENT_COUNT)} of clients, ${percent(fullest / attempts)} of ${attempts} attempts in the fullest 100 ms (after ${startMs} ms)`,
  }
}

const crashes: [string, Crash][] = [
  ['refuses connections for 3 s', { down: RECOVERED_AFTER_MS }],
  ['responds with 503 for 3 s', { down: 0 }],
  ['responds with 503 and Retry-After: 2 for 3 s', { down: 0, retryAfter: 2 }],
]

test.each(crashes)(
  '[F21] no 100 ms window has attempts from more than a fifth of the clients of a server that %s',
  { timeout: 60_000 },
  async (behavior, server) => {
    const { ofClients, line } = describeWaves(await simulateCrash(server, {}, SEED))
    console.log(`${CLIENT_COUNT} clients of a server that ${behavior}: ${line}`)
    expect(ofClients).toBeLessThan(0.2)
  },
)

test(
  'without jitter, all clients reconnect in the same window, which shows that the simulation detects a herd',
  { timeout: 60_000 },
  async () => {
    const { ofClients } = describeWaves(await simulateCrash({ down: RECOVERED_AFTER_MS }, { jitter: false }, SEED))
    expect(ofClients).toBe(1)
  },
)
