/** Watchdog: `idleTimeout` and `stallTimeout`, and when they are paused. */
import { describe, expect, test } from 'vitest'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { createTestSource, type TestSourceOptions } from '../support/test-source.ts'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()

const open = async (options: TestSourceOptions) => {
  const testSource = createTestSource(options)
  return { ...testSource, connection: await testSource.open() }
}

describe('[F4] idleTimeout', () => {
  test('a half-open connection fails with code idle, and the retry sends the cursor', async () => {
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

  test('[F7] the message of an idle error mentions a buffering proxy', async () => {
    const { source, clock } = await open({ idleTimeout: 5_000 })
    await clock.advance(5_000)
    expect(source.state.error!.message).toMatch(/proxy.*GET https:\/\/api\.test\/stream$/)
  })

  test('[F5] heartbeats prevent an idle error', async () => {
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

  test('idleTimeout restarts with each connection', async () => {
    const { source, clock, network } = await open({ idleTimeout: 5_000 })
    await clock.advance(6_000)
    network.last.respond()
    await clock.advance(4_999)
    expect(source.state.status).toBe('open')
    await clock.advance(1)
    expect(source.state.status).toBe('waiting')
  })

  test('idleTimeout is paused while the consumer delays reading', async () => {
    let release!: () => void
    const blocked = new Promise<void>((resolve) => (release = resolve))
    const { connection, source, clock } = await open({
      idleTimeout: 5_000,
      stallTimeout: 7_000,
      flush: () => blocked,
    })
    connection.send({ data: 'a' })
    await clock.advance(600_000)
    expect(source.state.status).toBe('open')
    release()
    await clock.advance(4_999)
    expect(source.state.status).toBe('open')
    await clock.advance(1)
    expect(source.state).toMatchObject({ status: 'waiting', error: { code: 'idle' } })
  })

  test('idleTimeout is off by default and sets no timer', async () => {
    const { source, clock } = await open({})
    expect(clock.pendingDelays).toEqual([])
    await clock.advance(86_400_000)
    expect(source.state.status).toBe('open')
  })

  test('setIdleTimeout() applies to the open connection and to later connections', async () => {
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

  test('setIdleTimeout() can extend a running timeout', async () => {
    const { source, clock } = await open({ idleTimeout: 3_000 })
    await clock.advance(2_000)
    source.setIdleTimeout(9_000)
    await clock.advance(6_999)
    expect(source.state.status).toBe('open')
    await clock.advance(1)
    expect(source.state.status).toBe('waiting')
  })

  test('[F36] setIdleTimeout() after close() in the same event handler sets no timer', async () => {
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
  test('heartbeats do not prevent a stalled error, so a dead producer is detected', async () => {
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

  test('events prevent a stalled error', async () => {
    const { connection, source, clock } = await open({ stallTimeout: 12_000 })
    for (let beat = 0; beat < 5; beat++) {
      await clock.advance(11_999)
      connection.send({ data: 'a' })
      await flushMicrotasks()
    }
    expect(source.state.status).toBe('open')
  })

  test('stallTimeout counts from the opening of the connection if no event has arrived', async () => {
    const { connection, source, clock } = await open({ stallTimeout: 12_000 })
    connection.comment()
    await clock.advance(12_000)
    expect(source.state).toMatchObject({ status: 'waiting', error: { code: 'stalled' } })
  })

  test('stallTimeout is paused while the consumer delays reading', async () => {
    let release!: () => void
    const blocked = new Promise<void>((resolve) => (release = resolve))
    const { connection, source, clock } = await open({ stallTimeout: 5_000, flush: () => blocked })
    connection.send({ data: 'a' })
    await clock.advance(60_000)
    release()
    await clock.advance(4_999)
    expect(source.state.status).toBe('open')
    await clock.advance(1)
    expect(source.state.status).toBe('waiting')
  })
})
