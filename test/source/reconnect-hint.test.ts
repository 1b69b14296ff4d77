/** The network and the page: offline costs no attempts, and what is back is tried at once. */
import { describe, expect, test } from 'vitest'
import { StreamError } from '../../src/base/errors.ts'
import type { NetworkStatus } from '../../src/source/network-status.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { type TestSource, type TestSourceOptions, createTestSource } from '../support/test-source.ts'

interface TestSourceWithNetwork extends TestSource {
  isOffline: boolean
  /** Who listens. */
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
  test('no attempt is spent, however long it lasts; online is tried at once', async () => {
    const testSource = createTestSourceWithNetwork({ retry: { limit: 2 } })
    const connection = await testSource.open()
    connection.send({ data: '1', id: '1' })
    await flushMicrotasks()
    testSource.isOffline = true
    connection.disconnect()
    await flushMicrotasks()
    for (let minute = 0; minute < 10; minute++) {
      expect(testSource.source.state).toMatchObject({ status: 'waiting', attempt: 1 })
      // Now and then it is tried all the same: what says that there is no network may be wrong.
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

  test('what is final otherwise is final offline as well', async () => {
    const testSource = createTestSourceWithNetwork({ repeatable: () => false })
    testSource.source.start()
    await flushMicrotasks()
    testSource.isOffline = true
    testSource.network.last.fail()
    await flushMicrotasks()
    expect(testSource.endResults).toMatchObject([{ code: 'network' }])
  })

  test('`retry: 0` means no attempt, offline as well', async () => {
    const testSource = createTestSourceWithNetwork({ retry: { limit: 0 } })
    testSource.source.start()
    await flushMicrotasks()
    testSource.isOffline = true
    testSource.network.last.fail()
    await flushMicrotasks()
    expect(testSource.source.state.status).toBe('closed')
  })

  test('a connection that lives goes on', async () => {
    const testSource = createTestSourceWithNetwork()
    const connection = await testSource.open()
    testSource.isOffline = true
    connection.send({ data: '1' })
    await flushMicrotasks()
    expect(testSource.events.length).toBe(1)
    expect(testSource.source.state.status).toBe('open')
  })
})

describe('[F41] awake', () => {
  test('a stream that waits tries at once; of the wait nothing is left', async () => {
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

  test('again and again is tried once a second, not at each', async () => {
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

  test('what a server asked for is waited for all the same', async () => {
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

  test('`Retry-After`, too', async () => {
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

  test('a connection that died meanwhile is noticed by the clock, and replaced at once', async () => {
    const testSource = createTestSourceWithNetwork({ idleTimeout: 30_000 })
    const connection = await testSource.open()
    connection.send({ data: '1', id: '1' })
    await flushMicrotasks()
    testSource.clock.skip(100_000) // timers are held back, as in a frozen page
    expect(testSource.source.state.status).toBe('open')
    await testSource.emitReconnectHint()
    expect(testSource.source.state).toEqual({ status: 'connecting', attempt: 2 })
    expect(testSource.network.last.request.lastEventId).toBe('1')
  })

  test('a connection that lives is left alone', async () => {
    const testSource = createTestSourceWithNetwork({ idleTimeout: 30_000 })
    await testSource.open()
    await testSource.clock.advance(29_000)
    await testSource.emitReconnectHint()
    expect(testSource.source.state.status).toBe('open')
    expect(testSource.network.attempts.length).toBe(1)
  })

  test.each(['close', 'ended'] as const)('nobody listens after %s', async (how) => {
    const testSource = createTestSourceWithNetwork({ onConnectionEnd: () => undefined })
    const connection = await testSource.open()
    expect(testSource.listeners.size).toBe(1)
    if (how === 'close') testSource.source.close()
    else connection.end()
    await flushMicrotasks()
    expect(testSource.listeners.size).toBe(0)
  })

  test('nobody listens to a source that was closed before it started', () => {
    const testSource = createTestSourceWithNetwork()
    testSource.source.close(new StreamError('network', 'x'))
    testSource.source.start()
    expect(testSource.listeners.size).toBe(0)
  })
})
