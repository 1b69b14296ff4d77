/** Network status: failures while offline do not count as attempts, and reconnect hints end the backoff early. */
import { describe, expect, test } from 'vitest'
import { StreamError } from '../../src/base/errors.ts'
import type { NetworkStatus } from '../../src/source/network-status.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { type TestSource, type TestSourceOptions, createTestSource } from '../support/test-source.ts'

interface TestSourceWithNetwork extends TestSource {
  isOffline: boolean
  /** Registered reconnect-hint listeners. */
  readonly listeners: ReadonlySet<() => void>
  emitReconnectHint(): Promise<void>
}

function createTestSourceWithNetwork(options: TestSourceOptions = {}): TestSourceWithNetwork {
  const listeners = new Set<() => void>()
  const environment: NetworkStatus = {
    isOffline: () => testSource.isOffline,
    onReconnectHint(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  const testSource: TestSourceWithNetwork = Object.assign(
    createTestSource({ networkStatus: environment, ...options }),
    {
      isOffline: false,
      listeners,
      async emitReconnectHint() {
        for (const listener of listeners) listener()
        await testSource.clock.advance(0)
        await flushMicrotasks()
      },
    },
  )
  return testSource
}

describe('[F40] offline', () => {
  test('failures while offline do not count as attempts, and going online reconnects immediately', async () => {
    const testSource = createTestSourceWithNetwork({ retry: { limit: 2 } })
    const connection = await testSource.open()
    connection.send({ data: '1', id: '1' })
    await flushMicrotasks()
    testSource.isOffline = true
    connection.disconnect()
    await flushMicrotasks()
    for (let minute = 0; minute < 10; minute++) {
      expect(testSource.source.state).toMatchObject({ status: 'waiting', attempt: 1 })
      // The source still retries occasionally, because the offline status may be wrong.
      await testSource.clock.advance(60_000)
      testSource.network.last.fail()
      await flushMicrotasks()
    }
    expect(testSource.network.attempts.length).toBe(11)
    testSource.isOffline = false
    await testSource.emitReconnectHint()
    expect(testSource.source.state).toEqual({ status: 'connecting', attempt: 1 })
    expect(testSource.network.last.request.lastEventId).toBe('1')
  })

  test('an error that must not be retried is final even while offline', async () => {
    const testSource = createTestSourceWithNetwork({ repeatable: () => false })
    testSource.source.start()
    await flushMicrotasks()
    testSource.isOffline = true
    testSource.network.last.fail()
    await flushMicrotasks()
    expect(testSource.endResults).toMatchObject([{ code: 'network' }])
  })

  test('`retry: 0` allows no retry, even while offline', async () => {
    const testSource = createTestSourceWithNetwork({ retry: { limit: 0 } })
    testSource.source.start()
    await flushMicrotasks()
    testSource.isOffline = true
    testSource.network.last.fail()
    await flushMicrotasks()
    expect(testSource.source.state.status).toBe('closed')
  })

  test('an open connection stays open while offline', async () => {
    const testSource = createTestSourceWithNetwork()
    const connection = await testSource.open()
    testSource.isOffline = true
    connection.send({ data: '1' })
    await flushMicrotasks()
    expect(testSource.events.length).toBe(1)
    expect(testSource.source.state.status).toBe('open')
  })
})

describe('[F41] reconnect hints', () => {
  test('a hint during backoff reconnects immediately and cancels the backoff', async () => {
    const testSource = createTestSourceWithNetwork()
    const connection = await testSource.open()
    connection.disconnect()
    await flushMicrotasks()
    expect(testSource.clock.pendingDelays).toEqual([1_000])
    await testSource.emitReconnectHint()
    expect(testSource.source.state).toEqual({ status: 'connecting', attempt: 2 })
    await testSource.clock.advance(5_000)
    expect(testSource.network.attempts.length).toBe(2)
  })

  test('repeated hints reconnect at most once per second', async () => {
    const testSource = createTestSourceWithNetwork()
    testSource.source.start()
    await flushMicrotasks()
    for (let times = 0; times < 3; times++) {
      testSource.network.last.fail()
      await flushMicrotasks()
      await testSource.emitReconnectHint()
    }
    expect(testSource.network.attempts.length).toBe(2)
    await testSource.clock.advance(999)
    expect(testSource.network.attempts.length).toBe(2)
    await testSource.clock.advance(1)
    expect(testSource.network.attempts.length).toBe(3)
  })

  test("a hint does not shorten the server's reconnection time", async () => {
    const testSource = createTestSourceWithNetwork()
    const connection = await testSource.open()
    connection.retry(5_000)
    connection.disconnect()
    await flushMicrotasks()
    await testSource.emitReconnectHint()
    await testSource.clock.advance(4_999)
    expect(testSource.network.attempts.length).toBe(1)
    await testSource.clock.advance(1)
    expect(testSource.network.attempts.length).toBe(2)
  })

  test('a hint does not shorten `Retry-After`', async () => {
    const testSource = createTestSourceWithNetwork()
    testSource.source.start()
    await flushMicrotasks()
    testSource.network.last.respond({ status: 503, headers: { 'retry-after': '60' } })
    await flushMicrotasks()
    await testSource.emitReconnectHint()
    await testSource.clock.advance(59_999)
    expect(testSource.network.attempts.length).toBe(1)
    await testSource.clock.advance(1)
    expect(testSource.network.attempts.length).toBe(2)
  })

  test('a hint replaces a connection that became idle while timers were suspended', async () => {
    const testSource = createTestSourceWithNetwork({ idleTimeout: 30_000 })
    const connection = await testSource.open()
    connection.send({ data: '1', id: '1' })
    await flushMicrotasks()
    testSource.clock.skip(100_000) // timers do not fire, as in a frozen page
    expect(testSource.source.state.status).toBe('open')
    await testSource.emitReconnectHint()
    expect(testSource.source.state).toEqual({ status: 'connecting', attempt: 2 })
    expect(testSource.network.last.request.lastEventId).toBe('1')
  })

  test('a connection that failed while the page was frozen, and is reported after the hint, is replaced at once', async () => {
    const testSource = createTestSourceWithNetwork()
    const connection = await testSource.open()
    await testSource.emitReconnectHint()
    await testSource.clock.advance(999)
    connection.disconnect()
    await flushMicrotasks()
    expect(testSource.clock.pendingDelays).toEqual([0])
  })

  test('a hint hurries only one failure, and only for a second', async () => {
    const testSource = createTestSourceWithNetwork()
    const connection = await testSource.open()
    await testSource.emitReconnectHint()
    connection.disconnect()
    await flushMicrotasks()
    await testSource.clock.advance(0)
    testSource.network.last.fail()
    await flushMicrotasks()
    expect(testSource.clock.pendingDelays).toEqual([2_000])
    await testSource.clock.advance(2_000)
    await testSource.emitReconnectHint()
    await testSource.clock.advance(1_000)
    testSource.network.last.fail()
    await flushMicrotasks()
    expect(testSource.clock.pendingDelays).toEqual([4_000])
  })

  test('a hint does not affect a connection that is not idle', async () => {
    const testSource = createTestSourceWithNetwork({ idleTimeout: 30_000 })
    await testSource.open()
    await testSource.clock.advance(29_000)
    await testSource.emitReconnectHint()
    expect(testSource.source.state.status).toBe('open')
    expect(testSource.network.attempts.length).toBe(1)
  })

  test.each(['close()', 'a clean end'] as const)('the hint listener is removed after %s', async (ending) => {
    const testSource = createTestSourceWithNetwork({ endOfConnection: () => undefined })
    const connection = await testSource.open()
    expect(testSource.listeners.size).toBe(1)
    if (ending === 'close()') testSource.source.close()
    else connection.end()
    await flushMicrotasks()
    expect(testSource.listeners.size).toBe(0)
  })

  test('a source closed before it started adds no hint listener', () => {
    const testSource = createTestSourceWithNetwork()
    testSource.source.finish(new StreamError('network', 'x'))
    testSource.source.start()
    expect(testSource.listeners.size).toBe(0)
  })
})
