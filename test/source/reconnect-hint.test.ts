/** The network and the page: offline costs no attempts, and what is back is tried at once. */
import { describe, expect, test } from 'vitest'
import { StreamError } from '../../src/base/errors.ts'
import type { Environment } from '../../src/source/network-status.ts'
import { settled } from '../support/flush-microtasks.ts'
import { type SourceRig, type SourceRigOptions, createSourceRig } from '../support/test-source.ts'

interface Steered extends SourceRig {
  offline: boolean
  /** Who listens. */
  readonly listeners: ReadonlySet<() => void>
  wake(): Promise<void>
}

function createRig(options: SourceRigOptions = {}): Steered {
  const listeners = new Set<() => void>()
  const environment: Environment = {
    isOffline: () => rig.offline,
    onWake(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  const rig: Steered = Object.assign(createSourceRig({ environment, ...options }), {
    offline: false,
    listeners,
    async wake() {
      for (const listener of listeners) listener()
      await rig.clock.advance(0)
      await settled()
    },
  })
  return rig
}

describe('[F40] offline', () => {
  test('no attempt is spent, however long it lasts; online is tried at once', async () => {
    const rig = createRig({ retry: { limit: 2 } })
    const connection = await rig.open()
    connection.send({ data: '1', id: '1' })
    await settled()
    rig.offline = true
    connection.cut()
    await settled()
    for (let minute = 0; minute < 10; minute++) {
      expect(rig.source.state).toMatchObject({ status: 'waiting', attempt: 1 })
      // Now and then it is tried all the same: what says that there is no network may be wrong.
      await rig.clock.advance(60_000)
      rig.network.last.refuse()
      await settled()
    }
    expect(rig.network.attempts.length).toBe(11)
    rig.offline = false
    await rig.wake()
    expect(rig.source.state).toEqual({ status: 'connecting', attempt: 1 })
    expect(rig.network.last.request.lastEventId).toBe('1')
  })

  test('what is final otherwise is final offline as well', async () => {
    const rig = createRig({ repeatable: () => false })
    rig.source.start()
    await settled()
    rig.offline = true
    rig.network.last.refuse()
    await settled()
    expect(rig.settlements).toMatchObject([{ code: 'network' }])
  })

  test('`retry: 0` means no attempt, offline as well', async () => {
    const rig = createRig({ retry: { limit: 0 } })
    rig.source.start()
    await settled()
    rig.offline = true
    rig.network.last.refuse()
    await settled()
    expect(rig.source.state.status).toBe('closed')
  })

  test('a connection that lives goes on', async () => {
    const rig = createRig()
    const connection = await rig.open()
    rig.offline = true
    connection.send({ data: '1' })
    await settled()
    expect(rig.events.length).toBe(1)
    expect(rig.source.state.status).toBe('open')
  })
})

describe('[F41] awake', () => {
  test('a stream that waits tries at once; of the wait nothing is left', async () => {
    const rig = createRig()
    const connection = await rig.open()
    connection.cut()
    await settled()
    expect(rig.clock.due).toEqual([1_000])
    await rig.wake()
    expect(rig.source.state).toEqual({ status: 'connecting', attempt: 2 })
    await rig.clock.advance(5_000)
    expect(rig.network.attempts.length).toBe(2)
  })

  test('again and again is tried once a second, not at each', async () => {
    const rig = createRig()
    rig.source.start()
    await settled()
    for (let times = 0; times < 3; times++) {
      rig.network.last.refuse()
      await settled()
      await rig.wake()
    }
    expect(rig.network.attempts.length).toBe(2)
    await rig.clock.advance(999)
    expect(rig.network.attempts.length).toBe(2)
    await rig.clock.advance(1)
    expect(rig.network.attempts.length).toBe(3)
  })

  test('what a server asked for is waited for all the same', async () => {
    const rig = createRig()
    const connection = await rig.open()
    connection.retry(5_000)
    connection.cut()
    await settled()
    await rig.wake()
    await rig.clock.advance(4_999)
    expect(rig.network.attempts.length).toBe(1)
    await rig.clock.advance(1)
    expect(rig.network.attempts.length).toBe(2)
  })

  test('`Retry-After`, too', async () => {
    const rig = createRig()
    rig.source.start()
    await settled()
    rig.network.last.answer({ status: 503, headers: { 'retry-after': '60' } })
    await settled()
    await rig.wake()
    await rig.clock.advance(59_999)
    expect(rig.network.attempts.length).toBe(1)
    await rig.clock.advance(1)
    expect(rig.network.attempts.length).toBe(2)
  })

  test('a connection that died meanwhile is noticed by the clock, and replaced at once', async () => {
    const rig = createRig({ idleTimeout: 30_000 })
    const connection = await rig.open()
    connection.send({ data: '1', id: '1' })
    await settled()
    rig.clock.sleep(100_000) // timers are held back, as in a frozen page
    expect(rig.source.state.status).toBe('open')
    await rig.wake()
    expect(rig.source.state).toEqual({ status: 'connecting', attempt: 2 })
    expect(rig.network.last.request.lastEventId).toBe('1')
  })

  test('a connection that lives is left alone', async () => {
    const rig = createRig({ idleTimeout: 30_000 })
    await rig.open()
    await rig.clock.advance(29_000)
    await rig.wake()
    expect(rig.source.state.status).toBe('open')
    expect(rig.network.attempts.length).toBe(1)
  })

  test.each(['close', 'ended'] as const)('nobody listens after %s', async (how) => {
    const rig = createRig({ ended: () => undefined })
    const connection = await rig.open()
    expect(rig.listeners.size).toBe(1)
    if (how === 'close') rig.source.close()
    else connection.end()
    await settled()
    expect(rig.listeners.size).toBe(0)
  })

  test('nobody listens to a source that was closed before it started', () => {
    const rig = createRig()
    rig.source.close(new StreamError('network', 'x'))
    rig.source.start()
    expect(rig.listeners.size).toBe(0)
  })
})
