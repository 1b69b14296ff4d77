/** How attempts are counted, how far apart they are, and what ends them for good. */
import { describe, expect, test, vi } from 'vitest'
import { createSourceRig } from '../support/test-source.ts'
import { settled } from '../support/flush-microtasks.ts'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()

describe('[F19] attempts', () => {
  test('grow while the server accepts and drops: 1 s, 2 s, 4 s', async () => {
    const { source, network, clock } = createSourceRig()
    source.start()
    for (const delay of [1_000, 2_000, 4_000, 8_000]) {
      await settled()
      network.last.answer().end()
      await settled()
      expect(clock.due).toEqual([delay])
      await clock.advance(delay)
    }
    expect(source.state.attempt).toBe(5)
  })

  test.each([
    ['an event with a new id', { data: 'a', id: '1' }, 1],
    ['an id-only block', { id: '1' }, 1],
    ['an event without an id', { data: 'a' }, 3],
    ['an event with the id that was known', { data: 'a', id: '0' }, 3],
  ])('%s: attempt %#', async (_what, block, attempt) => {
    const { source, network, clock } = createSourceRig({ lastEventId: '0' })
    source.start()
    for (const delay of [1_000, 2_000]) {
      await settled()
      network.last.refuse()
      await clock.advance(delay)
    }
    expect(source.state.attempt).toBe(3)
    const connection = network.last.answer()
    connection.send(block)
    await settled()
    expect(source.state).toEqual({ status: 'open', attempt })
    connection.end()
    await settled()
    expect(source.state.attempt).toBe(attempt + 1)
  })

  test.each([
    [9_999, 3],
    [10_000, 2],
  ])('open for %d ms: the next attempt is number %d', async (ms, attempt) => {
    const { source, network, clock } = createSourceRig()
    source.start()
    await settled()
    network.last.refuse()
    await clock.advance(1_000)
    const connection = network.last.answer()
    await clock.advance(ms)
    connection.end()
    await settled()
    expect(source.state.attempt).toBe(attempt)
  })

  test('time spent connecting is not time open', async () => {
    const { source, network, clock } = createSourceRig({ connectTimeout: 60_000 })
    source.start()
    await clock.advance(20_000)
    network.last.refuse()
    await settled()
    expect(source.state.attempt).toBe(2)
    await clock.advance(1_000)
    await clock.advance(20_000)
    network.last.refuse()
    await settled()
    expect(source.state.attempt).toBe(3)
  })
})

describe('the state while waiting', () => {
  test('says why, and when it goes on, by the wall clock', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 })
    const { open, source } = createSourceRig()
    const connection = await open()
    connection.cut()
    await settled()
    expect(source.state).toMatchObject({
      status: 'waiting',
      attempt: 2,
      retryAt: 1_001_000,
      error: { code: 'network' },
    })
    vi.useRealTimers()
  })

  test('also where it goes on at once', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 })
    const { open, states, clock } = createSourceRig({ retry: { delay: 0 } })
    const connection = await open()
    connection.cut()
    await settled()
    expect(states.at(-1)).toMatchObject({ status: 'waiting', retryAt: 1_000_000 })
    expect(clock.due).toEqual([0])
    vi.useRealTimers()
  })

  test('and forgets it with the next attempt', async () => {
    const { open, source, clock } = createSourceRig()
    const connection = await open()
    connection.cut()
    await clock.advance(1_000)
    expect(source.state).toEqual({ status: 'connecting', attempt: 2 })
  })
})

describe('the end of attempts', () => {
  test('limit: `retries-exhausted`, its cause the last failure', async () => {
    const { source, network, clock, settlements } = createSourceRig({ retry: { limit: 2 } })
    source.start()
    for (const delay of [1_000, 2_000, 0]) {
      await settled()
      network.last.refuse()
      await clock.advance(delay)
    }
    expect(network.attempts).toHaveLength(3)
    expect(settlements).toMatchObject([{ code: 'retries-exhausted', cause: { code: 'network' }, retryable: true }])
    expect(settlements[0]!.message).toContain('GET https://api.test/stream')
    expect(source.state).toMatchObject({ status: 'closed', error: { code: 'retries-exhausted' } })
    expect(clock.due).toEqual([])
  })

  test('limit 0: the failure itself', async () => {
    const { source, network, settlements } = createSourceRig({ retry: { limit: 0 } })
    source.start()
    await settled()
    network.last.refuse()
    await settled()
    expect(settlements).toMatchObject([{ code: 'network' }])
  })

  test('[F15] a final answer on the last attempt is told as what it is', async () => {
    const { source, network, clock, settlements } = createSourceRig({ retry: { limit: 1 } })
    source.start()
    await settled()
    network.last.refuse()
    await clock.advance(1_000)
    network.last.answer({ status: 404 })
    await settled()
    expect(settlements).toMatchObject([{ code: 'http', status: 404 }])
  })

  test('[F38] credentials that can never be had: `auth` at the limit', async () => {
    const { source, clock, settlements } = createSourceRig({
      retry: { limit: 2 },
      request: () => new Promise(() => {}),
    })
    source.start()
    await clock.advance(100_000)
    expect(settlements).toMatchObject([{ code: 'auth' }])
  })

  test('what must not be repeated ends with the first failure', async () => {
    const { source, network, clock, settlements } = createSourceRig({ repeatable: () => false })
    source.start()
    await settled()
    network.last.refuse()
    await clock.advance(60_000)
    expect(network.attempts).toHaveLength(1)
    expect(settlements).toMatchObject([{ code: 'network' }])
  })

  test('progress gives all attempts back', async () => {
    const { source, network, clock, settlements } = createSourceRig({ retry: { limit: 1 } })
    source.start()
    for (let id = 1; id < 6; id++) {
      await settled()
      const connection = network.last.answer()
      connection.send({ data: 'a', id: `${id}` })
      connection.end()
      await clock.advance(1_000)
    }
    expect(network.attempts).toHaveLength(6)
    expect(settlements).toEqual([])
  })
})

describe('[F20] a reconnection time that the server gives', () => {
  test.each([
    [5_000, 6_000],
    [0, 1_100],
    [99_999_999_999, 601_000],
  ])('retry: %d → at most %d ms, jitter on top', async (ms, delay) => {
    const { open, clock } = createSourceRig()
    const connection = await open()
    connection.retry(ms)
    connection.end()
    await settled()
    expect(clock.due).toEqual([delay])
  })

  test('holds for later attempts too, until another is given', async () => {
    const { open, network, clock } = createSourceRig()
    const connection = await open()
    connection.retry(5_000)
    connection.end()
    await clock.advance(6_000)
    network.last.refuse()
    await settled()
    expect(clock.due).toEqual([7_000])
    await clock.advance(7_000)
    const another = network.last.answer()
    another.retry(500)
    another.end()
    await settled()
    expect(clock.due).toEqual([4_500])
  })

  test('`Retry-After` holds for that refusal alone; the longer of the two counts', async () => {
    const { open, network, clock } = createSourceRig({ retry: { jitter: () => 0 } })
    const connection = await open()
    connection.retry(2_000)
    connection.end()
    await clock.advance(2_000)
    network.last.answer({ status: 503, headers: { 'retry-after': '7' } })
    await settled()
    expect(clock.due).toEqual([7_000])
    await clock.advance(7_000)
    network.last.answer({ status: 503, headers: { 'retry-after': '1' } })
    await settled()
    expect(clock.due).toEqual([2_000])
  })
})
