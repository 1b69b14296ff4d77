/** One logical stream over many connections: attempts, deadlines, and what counts as progress. */
import { describe, expect, test } from 'vitest'
import { StreamError } from '../../src/base/errors.ts'
import { createTestSource } from '../support/test-source.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()

describe('a connection', () => {
  test('begins with start() and not before', async () => {
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

  test('brings events in order, each with the last event ID as of it', async () => {
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

  test('[F23] an id-only block moves the cursor, an empty id clears it', async () => {
    const { open, source, network, clock } = createTestSource()
    const connection = await open()
    connection.send({ id: '8' })
    await flushMicrotasks()
    expect(source.lastEventId).toBe('8')
    connection.send({ id: '' })
    connection.end()
    await clock.advance(1_000)
    expect(source.lastEventId).toBe('')
    expect(network.last.request.lastEventId).toBe('')
  })

  test('the next attempt asks for what comes after the last event', async () => {
    const { open, network, clock } = createTestSource()
    const connection = await open()
    connection.send({ data: 'a', id: '1' }, { data: 'b', id: '2' })
    connection.disconnect()
    await clock.advance(1_000)
    expect(network.attempts.map(({ request }) => request.lastEventId)).toEqual(['', '2'])
  })

  test('is let go of when its attempt is over, cleanly or not', async () => {
    for (const how of ['end', 'disconnect'] as const) {
      const { open, clock } = createTestSource()
      const connection = await open()
      connection[how]()
      await flushMicrotasks()
      expect(connection.cancelled).toBe(true)
      expect(clock.pendingDelays).toEqual([1_000])
    }
  })

  test('an event that is refused ends the connection, after what came before it, and does not count as received', async () => {
    const refusal = new StreamError('gap', 'Missing', { retryable: true })
    const { open, source, flushedBytes, endResults, events } = createTestSource({
      event: ({ data }) => {
        if (data === 'bad') throw refusal
      },
    })
    const connection = await open()
    connection.send({ data: 'a', id: '1' }, { data: 'bad', id: '2' }, { data: 'c', id: '3' })
    await flushMicrotasks()
    expect(events.map(({ data }) => data)).toEqual(['a', 'bad'])
    expect(source.lastEventId).toBe('1')
    expect(flushedBytes).toHaveLength(1)
    expect(source.state).toMatchObject({ status: 'waiting', error: refusal })
    expect(endResults).toEqual([])
  })
})

describe('[F6] deadline', () => {
  test('a server that accepts and never answers: `network`, and another attempt', async () => {
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

  test('holds where the Connect ignores its signal, and what comes late is let go of', async () => {
    const { source, network, clock } = createTestSource({ connectTimeout: 5_000, ignoreAbort: true })
    source.start()
    await clock.advance(5_000)
    expect(source.state.status).toBe('waiting')
    const late = network.attempts[0]!.respond()
    await flushMicrotasks()
    expect(late.cancelled).toBe(true)
    expect(source.state.status).toBe('waiting')
  })

  test('[F38] credentials that hang: `auth`, and another attempt', async () => {
    const { source, network, clock } = createTestSource({ connectTimeout: 5_000, request: () => new Promise(() => {}) })
    source.start()
    await clock.advance(5_000)
    expect(source.state).toMatchObject({ status: 'waiting', attempt: 2, error: { code: 'auth', retryable: true } })
    expect(network.attempts).toHaveLength(0)
  })

  test('a problem document that never ends does not hold the attempt', async () => {
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

  test('is over when the head of the answer is there', async () => {
    const { open, source, clock } = createTestSource({ connectTimeout: 5_000 })
    await open()
    await clock.advance(60_000)
    expect(source.state.status).toBe('open')
    expect(clock.pendingDelays).toEqual([])
  })
})

describe('close() [F36]', () => {
  test('before start(): nothing ever happens', async () => {
    const { source, network, clock } = createTestSource()
    source.close()
    source.start()
    await clock.advance(60_000)
    expect(network.attempts).toHaveLength(0)
    expect(source.state.status).toBe('closed')
  })

  test.each(['connecting', 'open', 'waiting'] as const)(
    'while %s: signal aborted, no timer, no request, no word',
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

  test('in the middle of a batch: the rest of it is not told', async () => {
    const testSource = createTestSource({ event: ({ data }) => void (data === 'b' && testSource.source.close()) })
    const connection = await testSource.open()
    connection.send({ data: 'a', id: '1' }, { data: 'b', id: '2' }, { data: 'c', id: '3' })
    await flushMicrotasks()
    expect(testSource.events.map(({ data }) => data)).toEqual(['a', 'b'])
  })

  test('while credentials are asked for: their answer comes too late', async () => {
    let give!: () => void
    const given = new Promise<void>((resolve) => (give = resolve))
    const { source, network } = createTestSource({ request: () => given.then(() => ({}) as never) })
    source.start()
    await flushMicrotasks()
    source.close()
    give()
    await flushMicrotasks()
    expect(network.attempts).toHaveLength(0)
  })

  test('while credentials are being asked for: the change to connecting is past, and not told', async () => {
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

  test('in the hook that tells of the change', async () => {
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
