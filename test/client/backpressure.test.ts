/** [F33] Backpressure: a slow consumer pauses reading, so nothing is lost and nothing accumulates. */
import { describe, expect, test } from 'vitest'
import type { SubscribeOptions } from '../../src/request/stream-options.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { createScriptedFetch } from '../support/scripted-fetch.ts'
import { createTestClient } from '../support/test-client.ts'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()

const open = async (options: SubscribeOptions = {}) => {
  const testClient = createTestClient()
  const feed = testClient.client.subscribe('/x', options)
  return { ...testClient, feed, connection: await testClient.open() }
}

describe('a feed without a consumer', () => {
  test('reading stops once the queue is full', async () => {
    const { connection } = await open({ queue: { events: 3 } })
    for (let event = 0; event < 10; event++) connection.send({ data: `${event}` })
    await flushMicrotasks()
    expect(connection.unreadBatches).toBe(7)
  })

  test('the queue holds 1,024 events by default', async () => {
    const { connection } = await open()
    for (let event = 0; event < 2_000; event++) connection.send({ data: '0' })
    await flushMicrotasks()
    expect(connection.unreadBatches).toBe(2_000 - 1_024)
  })

  test('the queue holds 1 MiB by default, which a single event may exceed', async () => {
    const { connection } = await open({ parse: 'text' })
    connection.send({ data: 'x'.repeat(2_000_000) })
    connection.send({ data: 'y' })
    await flushMicrotasks()
    expect(connection.unreadBatches).toBe(1)
  })

  test('all bytes read before an event count toward the size of that event', async () => {
    const { connection } = await open()
    connection.comment(600_000)
    connection.comment(600_000)
    connection.send({ data: '1' })
    connection.send({ data: '2' })
    await flushMicrotasks()
    expect(connection.unreadBatches).toBe(1)
  })

  test('bytes counted toward one event do not count toward the next', async () => {
    const { connection } = await open()
    connection.comment(600_000)
    for (let event = 0; event < 3; event++) connection.send({ data: '1' })
    await flushMicrotasks()
    expect(connection.unreadBatches).toBe(0)
  })

  test('a listener drains the queue and lets reading continue', async () => {
    const { feed, connection } = await open({ queue: { events: 3 } })
    for (let event = 0; event < 10; event++) connection.send({ data: `${event}` })
    await flushMicrotasks()
    const received: unknown[] = []
    feed.on('message', ({ data }) => received.push(data))
    await flushMicrotasks()
    expect(received).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(connection.unreadBatches).toBe(0)
  })
})

describe('a feed with a loop', () => {
  test('reading continues only as fast as the loop takes events', async () => {
    const { feed, connection } = await open({ queue: { events: 2 } })
    for (let event = 0; event < 100; event++) connection.send({ data: `${event}` })
    const iterator = feed[Symbol.asyncIterator]()
    for (let taken = 0; taken < 97; taken++) {
      await flushMicrotasks()
      expect(connection.unreadBatches).toBe(98 - taken)
      expect((await iterator.next()).value).toMatchObject({ data: taken })
    }
  })

  test('the loop paces reading even when there are listeners', async () => {
    const { feed, connection } = await open({ queue: { events: 2 } })
    const received: unknown[] = []
    feed.on('message', ({ data }) => received.push(data))
    const iterator = feed[Symbol.asyncIterator]()
    for (let event = 0; event < 10; event++) connection.send({ data: `${event}` })
    await flushMicrotasks()
    expect(connection.unreadBatches).toBeGreaterThan(0)
    const taken: unknown[] = []
    for (let event = 0; event < 10; event++) taken.push((await iterator.next()).value?.data)
    expect(taken).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(received).toEqual(taken)
  })

  test('a loop that has stopped taking events triggers neither `idleTimeout` nor `stallTimeout` [F4]', async () => {
    const { feed, connection, clock } = await open({ queue: { events: 1 }, idleTimeout: 1_000, stallTimeout: 1_000 })
    connection.send({ data: '1' })
    await clock.advance(3_600_000)
    expect(feed.state.status).toBe('open')
  })

  test('the queue survives a reconnect, which resumes after the last queued event', async () => {
    const { feed, connection, network, clock } = await open({ queue: { events: 10 } })
    connection.send({ data: '1', id: '1' }, { data: '2', id: '2' })
    connection.disconnect()
    await clock.advance(1_000)
    expect(network.last.request.lastEventId).toBe('2')
    network.last.respond().send({ data: '3', id: '3' })
    await flushMicrotasks()
    const iterator = feed[Symbol.asyncIterator]()
    const taken: unknown[] = []
    for (let event = 0; event < 3; event++) taken.push((await iterator.next()).value?.data)
    expect(taken).toEqual([1, 2, 3])
  })

  test('[F34] leaving the loop cancels a connection on which reading is paused', async () => {
    const { feed, connection } = await open({ queue: { events: 1 } })
    connection.send({ data: '1' }, { data: '2' })
    connection.send({ data: '3' })
    await flushMicrotasks()
    for await (const _ of feed) break
    await flushMicrotasks()
    expect(connection.cancelled).toBe(true)
    expect(feed.state.status).toBe('closed')
  })
})

test('no chunk is pulled from the response body while the queue is full', async () => {
  const { fetch, calls } = createScriptedFetch()
  const { client } = createTestClient({ connect: undefined as never, fetch, queue: { events: 2 } })
  const feed = client.subscribe('/x')
  await flushMicrotasks()
  const body = calls[0]!.respond()
  await flushMicrotasks()
  for (let event = 0; event < 2; event++) {
    expect(body.pullCount).toBe(event + 1)
    body.write(`data: ${event}\n\n`)
    await flushMicrotasks()
  }
  expect(body.pullCount).toBe(2)
  await feed[Symbol.asyncIterator]().next()
  await flushMicrotasks()
  expect(body.pullCount).toBe(3)
  feed.close()
})
