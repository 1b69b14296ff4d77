/** Attempt counting: backoff between attempts, resets of the count, and the retry limit. */
import { describe, expect, test, vi } from 'vitest'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { createTestSource } from '../support/test-source.ts'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()

describe('[F19] attempts', () => {
  test('backoff doubles while the server accepts connections and drops them', async () => {
    const { source, network, clock } = createTestSource()
    source.start()
    for (const delay of [1_000, 2_000, 4_000, 8_000]) {
      await flushMicrotasks()
      network.last.respond().end()
      await flushMicrotasks()
      expect(clock.pendingDelays).toEqual([delay])
      await clock.advance(delay)
    }
    expect(source.state.attempt).toBe(5)
  })

  test.each([
    ['an event with a new ID', 1, { data: 'a', id: '1' }],
    ['an ID-only block', 1, { id: '1' }],
    ['an event without an ID', 3, { data: 'a' }],
    ['an event with a known ID', 3, { data: 'a', id: '0' }],
  ])('after %s, a source that was on attempt 3 is on attempt %i', async (_name, attempt, block) => {
    const { source, network, clock } = createTestSource({ lastEventId: '0' })
    source.start()
    for (const delay of [1_000, 2_000]) {
      await flushMicrotasks()
      network.last.fail()
      await clock.advance(delay)
    }
    expect(source.state.attempt).toBe(3)
    const connection = network.last.respond()
    connection.send(block)
    await flushMicrotasks()
    expect(source.state).toEqual({ status: 'open', attempt })
    connection.end()
    await flushMicrotasks()
    expect(source.state.attempt).toBe(attempt + 1)
  })

  test.each([
    [9_999, 3],
    [10_000, 2],
  ])('after a connection that was open for %d ms, the next attempt is number %d', async (ms, attempt) => {
    const { source, network, clock } = createTestSource()
    source.start()
    await flushMicrotasks()
    network.last.fail()
    await clock.advance(1_000)
    const connection = network.last.respond()
    await clock.advance(ms)
    connection.end()
    await flushMicrotasks()
    expect(source.state.attempt).toBe(attempt)
  })

  test('time spent connecting does not reset the attempt count', async () => {
    const { source, network, clock } = createTestSource({ connectTimeout: 60_000 })
    source.start()
    await clock.advance(20_000)
    network.last.fail()
    await flushMicrotasks()
    expect(source.state.attempt).toBe(2)
    await clock.advance(1_000)
    await clock.advance(20_000)
    network.last.fail()
    await flushMicrotasks()
    expect(source.state.attempt).toBe(3)
  })
})

describe('the state while waiting', () => {
  test('the waiting state has the error and the wall-clock time of the next attempt', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 })
    const { open, source } = createTestSource()
    const connection = await open()
    connection.disconnect()
    await flushMicrotasks()
    expect(source.state).toMatchObject({
      status: 'waiting',
      attempt: 2,
      nextAttemptAt: 1_001_000,
      error: { code: 'network' },
    })
    vi.useRealTimers()
  })

  test('the waiting state has the time of the next attempt even with a delay of 0', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 })
    const { open, states, clock } = createTestSource({ retry: { delay: 0 } })
    const connection = await open()
    connection.disconnect()
    await flushMicrotasks()
    expect(states.at(-1)).toMatchObject({ status: 'waiting', nextAttemptAt: 1_000_000 })
    expect(clock.pendingDelays).toEqual([0])
    vi.useRealTimers()
  })

  test('the next attempt clears the error and the time from the state', async () => {
    const { open, source, clock } = createTestSource()
    const connection = await open()
    connection.disconnect()
    await clock.advance(1_000)
    expect(source.state).toEqual({ status: 'connecting', attempt: 2 })
  })
})

describe('the last attempt', () => {
  test('a source that reaches the retry limit fails with retries-exhausted and the last error as its cause', async () => {
    const { source, network, clock, endResults } = createTestSource({ retry: { limit: 2 } })
    source.start()
    for (const delay of [1_000, 2_000, 0]) {
      await flushMicrotasks()
      network.last.fail()
      await clock.advance(delay)
    }
    expect(network.attempts).toHaveLength(3)
    expect(endResults).toMatchObject([{ code: 'retries-exhausted', cause: { code: 'network' }, retryable: true }])
    expect(endResults[0]!.message).toContain('GET https://api.test/stream')
    expect(source.state).toMatchObject({ status: 'closed', error: { code: 'retries-exhausted' } })
    expect(clock.pendingDelays).toEqual([])
  })

  test('a retry limit of 0 ends the source with the first error itself', async () => {
    const { source, network, endResults } = createTestSource({ retry: { limit: 0 } })
    source.start()
    await flushMicrotasks()
    network.last.fail()
    await flushMicrotasks()
    expect(endResults).toMatchObject([{ code: 'network' }])
  })

  test('[F15] on the last attempt, an error that is not retryable is reported unchanged', async () => {
    const { source, network, clock, endResults } = createTestSource({ retry: { limit: 1 } })
    source.start()
    await flushMicrotasks()
    network.last.fail()
    await clock.advance(1_000)
    network.last.respond({ status: 404 })
    await flushMicrotasks()
    expect(endResults).toMatchObject([{ code: 'http', status: 404 }])
  })

  test('[F38] credentials that never resolve end the source with code auth at the retry limit', async () => {
    const { source, clock, endResults } = createTestSource({
      retry: { limit: 2 },
      request: () => new Promise(() => {}),
    })
    source.start()
    await clock.advance(100_000)
    expect(endResults).toMatchObject([{ code: 'auth' }])
  })

  test('a source whose request must not be repeated ends with the first error', async () => {
    const { source, network, clock, endResults } = createTestSource({ repeatable: () => false })
    source.start()
    await flushMicrotasks()
    network.last.fail()
    await clock.advance(60_000)
    expect(network.attempts).toHaveLength(1)
    expect(endResults).toMatchObject([{ code: 'network' }])
  })

  test('progress resets the attempt count', async () => {
    const { source, network, clock, endResults } = createTestSource({ retry: { limit: 1 } })
    source.start()
    for (let id = 1; id < 6; id++) {
      await flushMicrotasks()
      const connection = network.last.respond()
      connection.send({ data: 'a', id: `${id}` })
      connection.end()
      await clock.advance(1_000)
    }
    expect(network.attempts).toHaveLength(6)
    expect(endResults).toEqual([])
  })
})

describe('[F20] reconnection time sent by the server', () => {
  test.each([
    [5_000, 6_000],
    [0, 1_100],
    [99_999_999_999, 601_000],
  ])('a reconnection time of %d ms gives a delay of at most %d ms, including jitter', async (ms, delay) => {
    const { open, clock } = createTestSource()
    const connection = await open()
    connection.retry(ms)
    connection.end()
    await flushMicrotasks()
    expect(clock.pendingDelays).toEqual([delay])
  })

  test('a reconnection time applies to all later attempts until the server sends another', async () => {
    const { open, network, clock } = createTestSource()
    const connection = await open()
    connection.retry(5_000)
    connection.end()
    await clock.advance(6_000)
    network.last.fail()
    await flushMicrotasks()
    expect(clock.pendingDelays).toEqual([7_000])
    await clock.advance(7_000)
    const another = network.last.respond()
    another.retry(500)
    another.end()
    await flushMicrotasks()
    expect(clock.pendingDelays).toEqual([4_500])
  })

  test('`Retry-After` applies to one retry, which uses the longer of `Retry-After` and the reconnection time', async () => {
    const { open, network, clock } = createTestSource({ retry: { jitter: () => 0 } })
    const connection = await open()
    connection.retry(2_000)
    connection.end()
    await clock.advance(2_000)
    network.last.respond({ status: 503, headers: { 'retry-after': '7' } })
    await flushMicrotasks()
    expect(clock.pendingDelays).toEqual([7_000])
    await clock.advance(7_000)
    network.last.respond({ status: 503, headers: { 'retry-after': '1' } })
    await flushMicrotasks()
    expect(clock.pendingDelays).toEqual([2_000])
  })
})
