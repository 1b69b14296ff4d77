/** Faults 17 to 20 in docs/faults.md: retries and their delays, with a manual clock. */
import { expect, test, vi } from 'vitest'
import type { ClientOptions } from '../../../src/request/options.ts'
import { type SyncManualClock, createSyncManualClock } from '../../setup/sync-manual-clock.ts'
import type { TestServerOptions } from '../../setup/test-server-host.ts'
import { type OpenFixture, type ContractFixture, registerContract } from '../contract.ts'
import { payloadsOf, recordEvents } from '../record-events.ts'
import { waitUntil } from '../wait-until.ts'

/** Options whose jitter always chooses the longest delay. */
const fullJitterRetry: ClientOptions = {
  retry: { delay: 1_000, maxDelay: 30_000 },
  random: () => 1,
  idleTimeout: 3_600_000,
}

interface BackoffFixture extends ContractFixture {
  clock: SyncManualClock
  /** Waits for the next failure, advances the clock by the retry delay, and resolves with that delay. */
  nextDelay(): Promise<number>
}

async function openBackoffFixture(
  open: OpenFixture,
  serverOptions: TestServerOptions = {},
  options: ClientOptions = {},
): Promise<BackoffFixture> {
  const clock = createSyncManualClock()
  const fixture = await open(serverOptions, { ...fullJitterRetry, ...options, clock })
  let seenWaits = 0
  return {
    ...fixture,
    clock,
    async nextDelay() {
      const countWaits = () => fixture.states.filter(({ status }) => status === 'waiting').length
      await waitUntil(() => countWaits() > seenWaits)
      seenWaits = countWaits()
      const [delay] = clock.pendingDelays
      clock.advance(delay!)
      return delay!
    },
  }
}

async function nextDelays({ nextDelay }: BackoffFixture, count: number): Promise<number[]> {
  const delays: number[] = []
  while (delays.length < count) delays.push(await nextDelay())
  return delays
}

registerContract('backoff', (open) => {
  test('[F18] a refused connection is a network error, retried without limit after delays that double from 1 s to 30 s', async () => {
    const fixture = await openBackoffFixture(open)
    await fixture.server.kill()
    const events = recordEvents(fixture.client.subscribe('/api/stream'))
    expect(await nextDelays(fixture, 7)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
    const reasons = fixture.states.flatMap(({ status, error }) => (status === 'waiting' ? [error] : []))
    for (const error of reasons) expect(error).toMatchObject({ code: 'network', retryable: true })
    await waitUntil(() => fixture.states.at(-1)!.status === 'waiting')
    await fixture.server.restart()
    await nextDelays(fixture, 1)
    await waitUntil(() => events.length)
    expect(fixture.errors).toEqual([])
  })

  test('[F18] a host name that does not resolve is a network error and is retried', async () => {
    const fixture = await openBackoffFixture(open)
    fixture.client.subscribe('http://name.invalid/api/stream')
    expect(await nextDelays(fixture, 2)).toEqual([1_000, 2_000])
    for (const { status, error } of fixture.states)
      if (status === 'waiting') expect(error).toMatchObject({ code: 'network' })
  })

  test('[F18] a run that reaches its retry limit fails with the last error as its cause', async () => {
    const fixture = await openBackoffFixture(open)
    await fixture.server.kill()
    const result = fixture.client.stream('/api/generate', { json: { prompt: 'p' } }).final()
    result.catch(() => {}) // awaited below
    expect(await nextDelays(fixture, 5)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000])
    await expect(result).rejects.toMatchObject({ code: 'retries-exhausted', cause: { code: 'network' } })
    expect(fixture.clock.pendingDelays).toEqual([])
  })

  test('[F19] backoff keeps growing when connections are accepted and then dropped', async () => {
    const fixture = await openBackoffFixture(open, { scenario: { 'end-after': 1 } })
    fixture.client.subscribe('/api/stream')
    expect(await nextDelays(fixture, 6)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000])
  })

  test('[F19] connected events do not reset backoff, even when their ID changes', async () => {
    const fixture = await openBackoffFixture(open, { scenario: { 'end-after': 1 } }, { lastEventId: false })
    fixture.client.subscribe('/api/stream')
    const delays: number[] = []
    for (let count = 0; count < 4; count++) {
      await fixture.server.send({ data: count })
      delays.push(await fixture.nextDelay())
    }
    expect(delays).toEqual([1_000, 2_000, 4_000, 8_000])
  })

  test('[F19] a new event resets backoff', async () => {
    const fixture = await openBackoffFixture(open, { scenario: { 'end-after': 1, times: 3 } })
    const events = recordEvents(fixture.client.subscribe('/api/stream'))
    expect(await nextDelays(fixture, 3)).toEqual([1_000, 2_000, 4_000])
    await waitUntil(() => fixture.states.at(-1)!.status === 'open')
    await fixture.server.send({ data: 'new' })
    await waitUntil(() => payloadsOf(events).length)
    await fixture.server.drop()
    expect(await nextDelays(fixture, 1)).toEqual([1_000])
  })

  test('[F19] a connection that stays open for 10 s resets backoff', async () => {
    const fixture = await openBackoffFixture(open, { scenario: { 'end-after': 1, times: 3 } })
    const events = recordEvents(fixture.client.subscribe('/api/stream'))
    expect(await nextDelays(fixture, 3)).toEqual([1_000, 2_000, 4_000])
    await waitUntil(() => events.length === 4)
    fixture.clock.advance(9_999)
    await fixture.server.drop()
    expect(await nextDelays(fixture, 1)).toEqual([8_000])
    await waitUntil(() => events.length === 5)
    fixture.clock.advance(10_000)
    await fixture.server.drop()
    expect(await nextDelays(fixture, 1)).toEqual([1_000])
  })

  test.each([
    ['0', 100],
    ['7000', 7_000],
    ['99999999999', 600_000],
    ['1e1', 5],
    ['-5', 5],
    ['10ms', 5],
  ])('[F20] a reconnection time of %s makes the feed wait for %i ms', async (retry, expected) => {
    const fixture = await openBackoffFixture(
      open,
      { scenario: { retry, 'end-after': 1 } },
      { retry: { delay: 5, jitter: false, maxDelay: 5 } },
    )
    fixture.client.subscribe('/api/stream')
    expect(await nextDelays(fixture, 2)).toEqual([expected, expected])
  })

  test("[F20] the server's reconnection time is a minimum to which jitter is added", async () => {
    const fixture = await openBackoffFixture(open, { scenario: { retry: 3_000, 'end-after': 1 } })
    fixture.client.subscribe('/api/stream')
    expect(await nextDelays(fixture, 2)).toEqual([4_000, 5_000])
  })

  const now = Date.UTC(2027, 0, 15, 8, 0, 0)
  test.each([
    ['a number of seconds', 20, 20_000],
    ['too many seconds', 999_999_999, 600_000],
    ['a future date', new Date(now + 40_000).toUTCString(), 40_000],
    ['a past date', new Date(now - 40_000).toUTCString(), 100],
    ['an invalid format', 'soon', 5],
  ])('[F17][P1.4] Retry-After with %s (%s) delays the retry by %i ms', async (_, value, expected) => {
    vi.spyOn(Date, 'now').mockReturnValue(now)
    const scenario = { status: 503, 'retry-after': value, times: 1 }
    const fixture = await openBackoffFixture(open, { scenario }, { retry: { delay: 5, jitter: false } })
    const events = recordEvents(fixture.client.subscribe('/api/stream'))
    expect(await nextDelays(fixture, 1)).toEqual([expected])
    await waitUntil(() => events.length)
  })
})
