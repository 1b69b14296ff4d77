/** Protocol events of feeds: `reset` and `connected`, their IDs and heartbeats. */
import { describe, expect, test, vi } from 'vitest'
import type { SubscribeOptions } from '../../src/request/stream-options.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { connected } from '../support/native-events.ts'
import { createTestClient } from '../support/test-client.ts'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()

describe('resets', () => {
  test('[P2.3] a `reset` event calls onReset and is delivered as an event', async () => {
    const { client, open, resets } = createTestClient()
    const listener = vi.fn()
    client.subscribe('/x').on('reset', listener)
    const connection = await open()
    connection.send(connected('8'), { type: 'reset', data: '{"reason":"expired"}', id: '9' })
    await flushMicrotasks()
    expect(resets).toEqual([{ reason: 'expired' }])
    expect(listener).toHaveBeenCalledTimes(1)
  })

  test('a feed that reconnects without an ID calls onReset with `no-id`, because it may have missed events', async () => {
    const { client, open, network, clock, resets } = createTestClient()
    client.subscribe('/x')
    const connection = await open()
    connection.send({ data: '1' })
    connection.end()
    await clock.advance(1_000)
    expect(resets).toEqual([])
    network.last.respond()
    await flushMicrotasks()
    expect(resets).toEqual([{ reason: 'no-id' }])
  })

  test('a feed that reconnects with an ID, or connects for the first time, does not call onReset', async () => {
    const { client, open, network, clock, resets } = createTestClient()
    client.subscribe('/x')
    await flushMicrotasks()
    network.last.fail()
    await clock.advance(1_000)
    const connection = await open()
    connection.send({ data: '1', id: '1' })
    connection.end()
    await clock.advance(1_000)
    network.last.respond()
    await flushMicrotasks()
    expect(resets).toEqual([])
  })
})

describe('[F19] backoff', () => {
  test.each(['connected', 'reset'])('a `%s` event does not reset backoff, even when its ID changes', async (type) => {
    const { client, network, clock } = createTestClient()
    const feed = client.subscribe('/x')
    for (const [index, delay] of [1_000, 2_000, 4_000].entries()) {
      await flushMicrotasks()
      const connection = network.last.respond()
      if (type === 'reset') connection.send(connected())
      connection.send({ type, data: '{"protocol":1,"reason":"unknown"}', id: `head ${index}` })
      connection.end()
      await flushMicrotasks()
      expect(clock.pendingDelays).toEqual([delay])
      await clock.advance(delay)
    }
    expect(feed.state).toEqual({ status: 'connecting', attempt: 4 })
    // `connected` does not move an existing cursor: a `reset` may follow if the server cannot resume from that cursor.
    expect(network.last.request.lastEventId).toBe(type === 'reset' ? 'head 2' : 'head 0')
  })
})

describe('[P1.3] the heartbeat announced by `connected`', () => {
  const everySecond = connected('1', { heartbeat: 1_000 })

  test('a feed that is silent for three heartbeat intervals becomes idle', async () => {
    const { client, open, clock, states } = createTestClient()
    client.subscribe('/x')
    const connection = await open()
    connection.send(everySecond)
    await clock.advance(2_999)
    expect(states.at(-1)).toMatchObject({ status: 'open' })
    await clock.advance(1)
    expect(states.at(-1)).toMatchObject({ status: 'waiting', error: { code: 'idle' } })
  })

  test('the `idleTimeout` option takes precedence over the announced heartbeat', async () => {
    const { client, open, clock, states } = createTestClient({ idleTimeout: 60_000 })
    client.subscribe('/x')
    const connection = await open()
    connection.send(everySecond)
    await clock.advance(59_999)
    expect(states.at(-1)).toMatchObject({ status: 'open' })
  })

  test.each([0, -1, null, 'often', {}])('a heartbeat of %j is ignored', async (heartbeat) => {
    const { client, open, clock, states } = createTestClient()
    client.subscribe('/x')
    const connection = await open()
    connection.send(connected('1', { heartbeat }))
    await clock.advance(86_400_000)
    expect(states.at(-1)).toMatchObject({ status: 'open' })
  })
})

describe.each<{ name: string; parse: NonNullable<SubscribeOptions['parse']> }>([
  { name: 'text', parse: 'text' },
  { name: 'a function', parse: (data) => data },
])('a feed whose `parse` option is $name', ({ parse }) => {
  test('[P1.3] the heartbeat of `connected` is still read', async () => {
    const { client, open, clock, states } = createTestClient()
    const feed = client.subscribe('/x', { parse })
    const next = feed[Symbol.asyncIterator]().next()
    const connection = await open()
    connection.send({ type: 'connected', data: '{"protocol":1,"heartbeat":1000}', id: '1' })
    expect(await next).toMatchObject({ value: { type: 'connected', data: '{"protocol":1,"heartbeat":1000}' } })
    await clock.advance(3_000)
    expect(states.at(-1)).toMatchObject({ status: 'waiting', error: { code: 'idle' } })
    feed.close()
  })

  test('[P2.3] the reason of `reset` is still read, and is `unknown` if the data is not JSON', async () => {
    const { client, open, resets } = createTestClient()
    const listener = vi.fn<(event: { data: unknown }) => void>()
    client.subscribe('/x', { parse }).on('reset', listener)
    const connection = await open()
    connection.send(connected(), { type: 'reset', data: '{"reason":"expired"}' }, { type: 'reset', data: 'restarted' })
    await flushMicrotasks()
    expect(resets).toEqual([{ reason: 'expired' }, { reason: 'unknown' }])
    expect(listener.mock.calls.map(([{ data }]) => data)).toEqual(['{"reason":"expired"}', 'restarted'])
  })
})

test('[P1.3] a heartbeat below 100 ms is treated as 100 ms', async () => {
  for (const kind of ['feed', 'run'] as const) {
    const { client, open, clock } = createTestClient()
    const stream = kind === 'feed' ? client.subscribe('/x') : client.stream('/x')
    const connection = await open()
    connection.send({
      type: kind === 'feed' ? 'connected' : 'start',
      data: '{"protocol":1,"heartbeat":1,"resume":"/r"}',
      id: '1',
    })
    await clock.advance(299)
    expect(stream.state.status).toBe('open')
    await clock.advance(1)
    expect(stream.state).toMatchObject({ status: 'waiting', error: { code: 'idle' } })
    client.close()
  }
})

test('[P2.3] a `reset` without an ID moves the cursor to the ID of `connected`', async () => {
  const { client, clock, network, open } = createTestClient()
  client.subscribe('/x', { lastEventId: '5' })
  const connection = await open()
  connection.send(connected('new:9'), { type: 'reset', data: '{"reason":"unknown"}' })
  connection.end()
  await clock.advance(1_000)
  expect(network.last.request.lastEventId).toBe('new:9')
})

test('[F19] a `connected` event that cannot be parsed does not reset backoff', async () => {
  const { client, clock, network, states } = createTestClient()
  client.subscribe('/x', { parse: () => JSON.parse('{') as unknown })
  for (let attempt = 1; attempt < 6; attempt++) {
    await flushMicrotasks()
    const connection = network.last.respond()
    connection.send(connected(`${attempt}`))
    connection.end()
    await clock.advance(1_000 * 2 ** (attempt - 1))
  }
  expect(states.filter(({ status }) => status === 'waiting').map(({ attempt }) => attempt)).toEqual([2, 3, 4, 5, 6])
})
