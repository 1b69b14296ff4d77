/** `createFeed` and `createFeedStore` without a framework: when a feed is open, and what it continues. */
import { expect, test } from 'vitest'
import { createFeed, createFeedStore } from '../../src/store.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { createTestClient } from '../support/test-client.ts'

const event = (id: number) => ({ data: String(id), id: String(id) })
const options = {
  initial: 0,
  reduce: (sum: number, { data }: { data: unknown }) => sum + Number(data),
  pace: 'sync',
} as const

test('a shared feed has one connection from its first listener to its last, and lingers', async () => {
  const { client, network, clock, open } = createTestClient()
  const feed = createFeed(client, '/x', { ...options, clock, linger: 500 })
  await flushMicrotasks()
  expect([network.attempts.length, feed.get()]).toEqual([
    0,
    { value: 0, connection: { status: 'idle', attempt: 1 }, error: undefined },
  ])
  const removers = [feed.subscribe(() => {}), feed.subscribe(() => {})]
  const connection = await open()
  connection.send(event(1), event(2))
  await flushMicrotasks()
  expect(feed.get().value).toBe(3)
  for (const remove of removers) remove()
  removers[0]!()
  await clock.advance(499)
  expect(connection.cancelled).toBe(false)
  const remove = feed.subscribe(() => {})
  await clock.advance(10_000)
  expect([connection.cancelled, network.attempts.length]).toEqual([false, 1])
  remove()
  await clock.advance(500)
  expect(connection.cancelled).toBe(true)
})

test('a feed that is opened again continues after its last event', async () => {
  const { client, network, open } = createTestClient()
  const feed = createFeed(client, '/x', options)
  const remove = feed.subscribe(() => {})
  const first = await open()
  first.send(event(1), event(2))
  await flushMicrotasks()
  remove()
  await flushMicrotasks()
  feed.subscribe(() => {})
  const second = await open()
  expect(network.last.request.lastEventId).toBe('2')
  second.send(event(3))
  await flushMicrotasks()
  expect(feed.get().value).toBe(6)
})

test('a feed without IDs begins with the initial value when it is opened again', async () => {
  const { client, open } = createTestClient()
  const feed = createFeed(client, '/x', options)
  const remove = feed.subscribe(() => {})
  const connection = await open()
  connection.send({ data: '5' })
  await flushMicrotasks()
  remove()
  await flushMicrotasks()
  feed.subscribe(() => {})
  await flushMicrotasks()
  expect(feed.get().value).toBe(0)
})

test('another URL begins with the initial value, and null closes the feed', async () => {
  const { client, network, open } = createTestClient()
  const store = createFeedStore(client, options)
  const release = store.use('/x')
  const first = await open()
  first.send(event(1))
  await flushMicrotasks()
  release()
  const releaseSecond = store.use(new URL('https://api.test/y'))
  await flushMicrotasks()
  expect([first.cancelled, store.get().value, network.last.request.lastEventId]).toEqual([true, 0, ''])
  releaseSecond()
  store.use(null)
  await flushMicrotasks()
  expect([network.last.request.signal.aborted, store.get().connection.status]).toEqual([true, 'idle'])
})

test('the error that has ended a feed is shown', async () => {
  const { client, network } = createTestClient({ retry: false })
  const feed = createFeed(client, '/x', options)
  feed.subscribe(() => {})
  await flushMicrotasks()
  network.last.respond({ status: 404 })
  await flushMicrotasks()
  expect(feed.get()).toMatchObject({ error: { code: 'http', status: 404 }, connection: { status: 'closed' } })
})

test('listeners that are added and removed in one task open nothing', async () => {
  const { client, network } = createTestClient()
  createFeed(client, '/x', options).subscribe(() => {})()
  await flushMicrotasks()
  expect(network.attempts).toEqual([])
})
