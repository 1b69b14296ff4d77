/** Two clocks for silence, and when they stand still. */
import { describe, expect, test } from 'vitest'
import { createTestSource, type TestSourceOptions } from '../support/test-source.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()

const open = async (options: TestSourceOptions) => {
  const testSource = createTestSource(options)
  return { ...testSource, connection: await testSource.open() }
}

describe('[F4] idleTimeout', () => {
  test('a half-open connection: `idle`, and another attempt with the cursor', async () => {
    const { connection, source, clock, network } = await open({ idleTimeout: 5_000 })
    connection.send({ data: 'a', id: '3' })
    await clock.advance(4_999)
    expect(source.state.status).toBe('open')
    await clock.advance(1)
    expect(source.state).toMatchObject({ status: 'waiting', error: { code: 'idle', retryable: true } })
    expect(connection.cancelled).toBe(true)
    await clock.advance(1_000)
    expect(network.last.request.lastEventId).toBe('3')
  })

  test('[F7] its message names a proxy that buffers', async () => {
    const { source, clock } = await open({ idleTimeout: 5_000 })
    await clock.advance(5_000)
    expect(source.state.error!.message).toMatch(/proxy.*GET https:\/\/api\.test\/stream$/)
  })

  test('[F5] heartbeats are bytes: nothing is idle as long as they come', async () => {
    const { connection, source, clock } = await open({ idleTimeout: 5_000 })
    for (let beat = 0; beat < 20; beat++) {
      await clock.advance(4_999)
      connection.comment()
      await flushMicrotasks()
    }
    expect(source.state.status).toBe('open')
    await clock.advance(5_000)
    expect(source.state.status).toBe('waiting')
  })

  test('runs anew on each connection', async () => {
    const { source, clock, network } = await open({ idleTimeout: 5_000 })
    await clock.advance(6_000)
    network.last.respond()
    await clock.advance(4_999)
    expect(source.state.status).toBe('open')
    await clock.advance(1)
    expect(source.state.status).toBe('waiting')
  })

  test('stands still while the consumer holds the reading back', async () => {
    let go!: () => void
    const held = new Promise<void>((resolve) => (go = resolve))
    const { connection, source, clock } = await open({
      idleTimeout: 5_000,
      stallTimeout: 7_000,
      onBatchEnd: () => held,
    })
    connection.send({ data: 'a' })
    await clock.advance(600_000)
    expect(source.state.status).toBe('open')
    go()
    await clock.advance(4_999)
    expect(source.state.status).toBe('open')
    await clock.advance(1)
    expect(source.state).toMatchObject({ status: 'waiting', error: { code: 'idle' } })
  })

  test('is off unless it is set: no timer runs', async () => {
    const { source, clock } = await open({})
    expect(clock.pendingDelays).toEqual([])
    await clock.advance(86_400_000)
    expect(source.state.status).toBe('open')
  })

  test('can be set while a connection is open, and holds for the next as well', async () => {
    const { connection, source, clock, network } = await open({})
    await clock.advance(60_000)
    connection.comment()
    await flushMicrotasks()
    source.setIdleTimeout(3_000)
    await clock.advance(2_999)
    expect(source.state.status).toBe('open')
    await clock.advance(1)
    expect(source.state).toMatchObject({ status: 'waiting', error: { code: 'idle' } })
    await clock.advance(clock.pendingDelays[0]!)
    network.last.respond()
    await clock.advance(3_000)
    expect(source.state.status).toBe('waiting')
  })

  test('can be set longer, too', async () => {
    const { source, clock } = await open({ idleTimeout: 3_000 })
    await clock.advance(2_000)
    source.setIdleTimeout(9_000)
    await clock.advance(6_999)
    expect(source.state.status).toBe('open')
    await clock.advance(1)
    expect(source.state.status).toBe('waiting')
  })

  test('[F36] leaves no timer behind a close, not even when set in the very event that closes', async () => {
    const testSource = await open({
      event: () => {
        testSource.source.close()
        testSource.source.setIdleTimeout(3_000)
      },
    })
    testSource.connection.send({ data: 'a' })
    await flushMicrotasks()
    expect(testSource.clock.pendingDelays).toEqual([])
  })
})

describe('[F5] stallTimeout', () => {
  test('heartbeats do not count: a dead producer is seen behind them', async () => {
    const { connection, source, clock } = await open({ idleTimeout: 5_000, stallTimeout: 12_000 })
    connection.send({ data: 'a' })
    for (const ms of [4_000, 4_000, 3_999]) {
      await clock.advance(ms)
      connection.comment()
      await flushMicrotasks()
    }
    expect(source.state.status).toBe('open')
    await clock.advance(1)
    expect(source.state).toMatchObject({ status: 'waiting', error: { code: 'stalled', retryable: true } })
  })

  test('events do', async () => {
    const { connection, source, clock } = await open({ stallTimeout: 12_000 })
    for (let beat = 0; beat < 5; beat++) {
      await clock.advance(11_999)
      connection.send({ data: 'a' })
      await flushMicrotasks()
    }
    expect(source.state.status).toBe('open')
  })

  test('counts from the opening where no event ever comes', async () => {
    const { connection, source, clock } = await open({ stallTimeout: 12_000 })
    connection.comment()
    await clock.advance(12_000)
    expect(source.state).toMatchObject({ status: 'waiting', error: { code: 'stalled' } })
  })

  test('stands still while the consumer holds the reading back', async () => {
    let go!: () => void
    const held = new Promise<void>((resolve) => (go = resolve))
    const { connection, source, clock } = await open({ stallTimeout: 5_000, onBatchEnd: () => held })
    connection.send({ data: 'a' })
    await clock.advance(60_000)
    go()
    await clock.advance(4_999)
    expect(source.state.status).toBe('open')
    await clock.advance(1)
    expect(source.state.status).toBe('waiting')
  })
})
