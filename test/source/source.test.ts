/** Sources: one logical stream across many connections, its cursor, deadlines and close(). */
import { describe, expect, test } from 'vitest'
import { StreamError } from '../../src/base/errors.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { createTestSource } from '../support/test-source.ts'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()

describe('a connection', () => {
  test('start() opens the first connection', async () => {
    const { source, network, states } = createTestSource()
    await flushMicrotasks()
    expect(network.attempts).toHaveLength(0)
    expect(source.state).toEqual({ status: 'idle', attempt: 1 })
    source.start()
    await flushMicrotasks()
    expect(network.attempts).toHaveLength(1)
    network.last.respond()
    await flushMicrotasks()
    expect(states).toEqual([
      { status: 'connecting', attempt: 1 },
      { status: 'open', attempt: 1 },
    ])
  })

  test('events are delivered in order, each with the last event ID at that point', async () => {
    const { open, events } = createTestSource({ lastEventId: '0' })
    const connection = await open()
    connection.send({ data: 'a' }, { data: 'b', id: '1' }, { id: '2' }, { data: 'c' }, { data: 'd', id: '' })
    await flushMicrotasks()
    expect(events.map(({ data, id }) => [data, id])).toEqual([
      ['a', '0'],
      ['b', '1'],
      ['c', '2'],
      ['d', ''],
    ])
  })

  test('[F23] an ID-only block moves the cursor, and an empty ID clears it', async () => {
    const { open, position, network, clock } = createTestSource()
    const connection = await open()
    connection.send({ id: '8' })
    await flushMicrotasks()
    expect(position.lastEventId).toBe('8')
    connection.send({ id: '' })
    connection.end()
    await clock.advance(1_000)
    expect(position.lastEventId).toBe('')
    expect(network.last.request.lastEventId).toBe('')
  })

  test('the next attempt sends the ID of the last event', async () => {
    const { open, network, clock } = createTestSource()
    const connection = await open()
    connection.send({ data: 'a', id: '1' }, { data: 'b', id: '2' })
    connection.disconnect()
    await clock.advance(1_000)
    expect(network.attempts.map(({ request }) => request.lastEventId)).toEqual(['', '2'])
  })

  test('a connection is cancelled when its attempt ends, cleanly or not', async () => {
    for (const ending of ['end', 'disconnect'] as const) {
      const { open, clock } = createTestSource()
      const connection = await open()
      connection[ending]()
      await flushMicrotasks()
      expect(connection.cancelled).toBe(true)
      expect(clock.pendingDelays).toEqual([1_000])
    }
  })

  test('a refused batch ends the connection after earlier events are delivered', async () => {
    const refusal = new StreamError('gap', 'Missing', { retryable: true })
    const { open, source, position, flushedBytes, endResults, events } = createTestSource({
      event: ({ data }) => {
        if (data === 'bad') throw refusal
      },
    })
    const connection = await open()
    connection.send({ data: 'a', id: '1' }, { data: 'bad', id: '2' }, { data: 'c', id: '3' })
    await flushMicrotasks()
    expect(events.map(({ data }) => data)).toEqual(['a', 'bad'])
    expect(position.lastEventId).toBe('1')
    expect(flushedBytes).toHaveLength(1)
    expect(source.state).toMatchObject({ status: 'waiting', error: refusal })
    expect(endResults).toEqual([])
  })
})

describe('[F6] connectTimeout', () => {
  test('a request without a response fails with a network error and is retried', async () => {
    const { source, network, clock, states } = createTestSource({ connectTimeout: 5_000 })
    source.start()
    await clock.advance(4_999)
    expect(source.state.status).toBe('connecting')
    await clock.advance(1)
    expect(states.at(-1)).toMatchObject({ status: 'waiting', attempt: 2, error: { code: 'network', retryable: true } })
    expect(network.last.request.signal.aborted).toBe(true)
    await clock.advance(1_000)
    expect(network.attempts).toHaveLength(2)
  })

  test('a Connect that ignores its signal still times out, and a connection that it returns late is cancelled', async () => {
    const { source, network, clock } = createTestSource({ connectTimeout: 5_000, ignoreAbort: true })
    source.start()
    await clock.advance(5_000)
    expect(source.state.status).toBe('waiting')
    const late = network.attempts[0]!.respond()
    await flushMicrotasks()
    expect(late.cancelled).toBe(true)
    expect(source.state.status).toBe('waiting')
  })

  test('[F38] an attempt with hanging credentials fails with an auth error and is retried', async () => {
    const { source, network, clock } = createTestSource({ connectTimeout: 5_000, request: () => new Promise(() => {}) })
    source.start()
    await clock.advance(5_000)
    expect(source.state).toMatchObject({ status: 'waiting', attempt: 2, error: { code: 'auth', retryable: true } })
    expect(network.attempts).toHaveLength(0)
  })

  test('an endless problem document does not hold up the attempt', async () => {
    const { source, network, clock } = createTestSource({ connectTimeout: 5_000 })
    source.start()
    await flushMicrotasks()
    network.last.respond({
      status: 503,
      headers: { 'content-type': 'application/problem+json' },
      problem: new Promise(() => {}),
    })
    await clock.advance(1_000)
    expect(source.state.status).toBe('waiting')
  })

  test('connectTimeout no longer applies once the response headers have arrived', async () => {
    const { open, source, clock } = createTestSource({ connectTimeout: 5_000 })
    await open()
    await clock.advance(60_000)
    expect(source.state.status).toBe('open')
    expect(clock.pendingDelays).toEqual([])
  })
})

describe('close() [F36]', () => {
  test('close() before start() prevents all attempts', async () => {
    const { source, network, clock } = createTestSource()
    source.close()
    source.start()
    await clock.advance(60_000)
    expect(network.attempts).toHaveLength(0)
    expect(source.state.status).toBe('closed')
  })

  test.each(['connecting', 'open', 'waiting'] as const)(
    'close() while %s aborts the signal and leaves no timer, request or end notification',
    async (status) => {
      const { source, network, clock, endResults, states } = createTestSource()
      source.start()
      await flushMicrotasks()
      const connection = status === 'connecting' ? undefined : network.last.respond()
      await flushMicrotasks()
      if (status === 'waiting') connection?.disconnect()
      await flushMicrotasks()
      expect(source.state.status).toBe(status)
      source.close()
      source.close()
      await flushMicrotasks()
      expect(clock.pendingDelays).toEqual([])
      expect(source.state).toEqual({ status: 'closed', attempt: source.state.attempt })
      await clock.advance(600_000)
      expect(network.attempts).toHaveLength(1)
      expect(network.last.request.signal.aborted).toBe(true)
      if (connection) expect(connection.cancelled).toBe(true)
      expect(endResults).toEqual([])
      expect(states.filter((state) => state.status === 'closed')).toHaveLength(1)
    },
  )

  test('close() while the request hook is pending prevents the request', async () => {
    let resolveRequest!: () => void
    const pending = new Promise<void>((resolve) => (resolveRequest = resolve))
    const { source, network } = createTestSource({ request: () => pending.then(() => ({}) as never) })
    source.start()
    await flushMicrotasks()
    source.close()
    resolveRequest()
    await flushMicrotasks()
    expect(network.attempts).toHaveLength(0)
  })

  test('close() inside the request hook suppresses the outdated connecting state', async () => {
    const testSource = createTestSource({
      request: async () => {
        testSource.source.close()
        return new Promise(() => {})
      },
    })
    testSource.source.start()
    await flushMicrotasks()
    expect(testSource.states.map(({ status }) => status)).toEqual(['closed'])
    expect(testSource.clock.pendingDelays).toEqual([])
  })

  test('close() inside onStateChange drops later events', async () => {
    const testSource = createTestSource({
      idleTimeout: 1_000,
      changed: ({ status }) => void (status === 'open' && testSource.source.close()),
    })
    const connection = await testSource.open()
    connection.send({ data: 'a' })
    await flushMicrotasks()
    expect(testSource.events).toEqual([])
    expect(testSource.states.map(({ status }) => status)).toEqual(['connecting', 'open', 'closed'])
    expect(testSource.clock.pendingDelays).toEqual([])
  })
})

describe('reconnect()', () => {
  test('an open source drops its connection and continues from its cursor at once', async () => {
    const { open, source, network, clock, states } = createTestSource()
    const connection = await open()
    connection.send({ data: 'a', id: '1' })
    await flushMicrotasks()
    expect(source.reconnect()).toBe(true)
    await flushMicrotasks()
    expect([connection.cancelled, network.attempts.length, network.last.request.lastEventId]).toEqual([true, 2, '1'])
    expect(states.at(-1)).toEqual({ status: 'connecting', attempt: 1 })
    expect(clock.pendingDelays).toEqual([10_000])
  })

  test('a waiting source attempts at once', async () => {
    const { open, source, network, clock } = createTestSource()
    const connection = await open()
    connection.disconnect()
    await flushMicrotasks()
    expect(source.state.status).toBe('waiting')
    expect(source.reconnect()).toBe(true)
    await flushMicrotasks()
    expect(network.attempts.length).toBe(2)
    expect(clock.pendingDelays).toEqual([10_000])
  })

  test('a source waits as long as Retry-After demands', async () => {
    const { source, network, clock } = createTestSource()
    source.start()
    await flushMicrotasks()
    network.last.respond({ status: 503, headers: { 'retry-after': '5' } })
    await flushMicrotasks()
    await clock.advance(4_999)
    expect(source.reconnect()).toBe(false)
    expect(network.attempts.length).toBe(1)
    await clock.advance(1)
    expect(source.reconnect()).toBe(true)
    await flushMicrotasks()
    expect(network.attempts.length).toBe(2)
  })

  test('a closed source does nothing', async () => {
    const { source, network } = createTestSource()
    source.close()
    expect(source.reconnect()).toBe(false)
    await flushMicrotasks()
    expect(network.attempts).toEqual([])
  })

  test('a connecting source keeps its attempt', async () => {
    const { source, network } = createTestSource()
    source.start()
    await flushMicrotasks()
    expect(source.reconnect()).toBe(true)
    await flushMicrotasks()
    expect(network.attempts.length).toBe(1)
  })
})

test('a batch of a connection that was replaced cannot fail the new one, whose first batch waits for it', async () => {
  let accept!: () => void
  const accepted = new Promise<void>((resolve) => (accept = resolve))
  const { open, source, network, events, flushedBytes } = createTestSource({
    event({ data }) {
      if (data === 'bad') throw new StreamError('gap', 'late')
    },
    flush: () => accepted,
  })
  const connection = await open()
  connection.send({ data: 'bad' })
  await flushMicrotasks()
  source.reconnect()
  await flushMicrotasks()
  network.last.respond().send({ data: 'next' })
  await flushMicrotasks()
  expect([events.length, flushedBytes.length]).toEqual([1, 1])
  accept()
  await flushMicrotasks()
  expect(events.map(({ data }) => data)).toEqual(['bad', 'next'])
  expect([source.state.status, network.attempts.length]).toEqual(['open', 2])
})
