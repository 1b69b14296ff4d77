/** `run.subscribe` and `feed.subscribe`: listeners that are called when something has changed. */
import { expect, test, vi } from 'vitest'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { delta, end, start } from '../support/native-events.ts'
import { createTestClient } from '../support/test-client.ts'

test('a listener of a run is called after each read and each change of state, and sees the new text and state', async () => {
  const { client, open } = createTestClient()
  const run = client.stream('/x')
  const seen: string[] = []
  run.subscribe(() => seen.push(`${run.state.status} ${run.text}`))
  const connection = await open()
  connection.send(start())
  await flushMicrotasks()
  connection.send(delta(0, 'a'), delta(1, 'b'))
  await flushMicrotasks()
  connection.send(end())
  await flushMicrotasks()
  expect(seen).toEqual(['connecting ', 'open ', 'open ', 'open ab', 'open ab', 'closed ab'])
})

test('subscribing neither consumes a run nor prevents a loop', async () => {
  const { client, open } = createTestClient()
  const run = client.stream('/x')
  run.subscribe(() => {})
  const connection = await open()
  connection.send(start(), delta(0, 'a'), end())
  await flushMicrotasks()
  const texts: string[] = []
  for await (const { content } of run) texts.push(content)
  expect(texts).toEqual(['a'])
})

test('a listener of a feed is called after its events were delivered, and when the feed has ended with an error', async () => {
  const { client, network, clock, open, errors } = createTestClient({ retry: false })
  const feed = client.subscribe('/x')
  const values: unknown[] = []
  const seen: unknown[] = []
  feed.onAny(({ data }) => values.push(data))
  const connection = await open()
  feed.subscribe(() => seen.push([feed.state.status, feed.state.error?.code, ...values]))
  connection.send({ data: '1' }, { data: '2' })
  await flushMicrotasks()
  connection.disconnect()
  await clock.advance(0)
  expect(seen).toEqual([
    ['open', undefined, 1, 2],
    ['closed', 'network', 1, 2],
  ])
  expect([network.attempts.length, errors.length]).toEqual([1, 1])
})

test('the function that subscribe() returns removes the listener, and is idempotent', async () => {
  const { client } = createTestClient()
  const feed = client.subscribe('/x')
  const [removed, other] = [vi.fn(), vi.fn()]
  const remove = feed.subscribe(removed)
  feed.subscribe(other)
  remove()
  remove()
  await flushMicrotasks()
  expect([removed.mock.calls.length, other.mock.calls.length]).toEqual([0, 1])
})

test('an exception in a listener is reported and affects neither the stream nor other listeners', async () => {
  const reported = vi.fn()
  vi.stubGlobal('reportError', reported)
  const { client } = createTestClient()
  const run = client.stream('/x')
  const other = vi.fn()
  run.subscribe(() => {
    throw new Error('listener')
  })
  run.subscribe(other)
  await flushMicrotasks()
  expect(reported.mock.calls).toMatchObject([[{ message: 'listener' }]])
  expect(other).toHaveBeenCalledTimes(1)
})
