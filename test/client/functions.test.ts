/** The functions `subscribe`, `stream` and `resume`, and `reconnect()`. */
import { expect, test } from 'vitest'
import { resume, stream, subscribe } from '../../src/index.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { delta, end, start } from '../support/native-events.ts'
import { createScriptedNetwork } from '../support/scripted-connect.ts'
import { createTestClient } from '../support/test-client.ts'

const createOptions = () => {
  const network = createScriptedNetwork()
  return { network, options: { baseUrl: 'https://api.test', connect: network.connect, clock: createManualClock() } }
}

test('subscribe() opens a feed with the options of a client', async () => {
  const { network, options } = createOptions()
  const feed = subscribe<{ price: number }>('/prices', options)
  const received: number[] = []
  feed.on('price', ({ data }) => received.push(data))
  await flushMicrotasks()
  expect(network.last.request).toMatchObject({ url: 'https://api.test/prices', method: 'GET' })
  network.last.respond().send({ type: 'price', data: '1' })
  await flushMicrotasks()
  feed.close()
  expect(received).toEqual([1])
})

test('stream() and resume() open runs with the options of a client', async () => {
  const { network, options } = createOptions()
  const run = stream('/api/generate', { ...options, json: {} })
  await flushMicrotasks()
  network.last.respond().send(start(), delta(0, 'a'))
  await flushMicrotasks()
  run.on('delta', () => {})
  await flushMicrotasks()
  const cursor = run.cursor!
  run.detach()
  const rest = resume(cursor, options)
  await flushMicrotasks()
  expect(network.last.request).toMatchObject({ url: 'https://api.test/api/generate/r1', lastEventId: 'r1:0' })
  network.last.respond().send(delta(1, 'b'), end())
  expect((await rest.final()).text).toBe('b')
})

test('batches() of a run yields the deltas of each read', async () => {
  const { client, open } = createTestClient()
  const run = client.stream('/api/generate', { json: {} })
  const batches: string[][] = []
  const reading = (async () => {
    for await (const deltas of run.batches()) batches.push(deltas.map(({ content }) => content))
  })()
  const connection = await open()
  connection.send(start(), delta(0, 'a'), delta(1, 'b'))
  connection.send(delta(2, 'c'), end())
  await reading
  expect(batches).toEqual([['a', 'b'], ['c']])
  expect(run.text).toBe('abc')
})

test('reconnect() of a POST feed that may not be repeated, or of a closed stream, does nothing', async () => {
  const { client, open, network } = createTestClient()
  const feed = client.subscribe('/x', { json: {} })
  await open()
  expect(feed.reconnect()).toBe(false)
  const repeatable = client.subscribe('/y', { json: {}, repeatable: true })
  await open()
  expect(repeatable.reconnect()).toBe(true)
  await flushMicrotasks()
  expect(network.attempts.map(({ request: { url } }) => new URL(url).pathname)).toEqual(['/x', '/y', '/y'])
  client.close()
  expect([feed.reconnect(), repeatable.reconnect()]).toEqual([false, false])
})

test('reconnect() of a run resumes it and does not start it twice', async () => {
  const { client, open, network } = createTestClient()
  const run = client.stream('/api/generate', { json: {} })
  const final = run.final()
  const connection = await open()
  connection.send(start(), delta(0, 'a'))
  await flushMicrotasks()
  expect(run.reconnect()).toBe(true)
  await flushMicrotasks()
  expect(network.last.request).toMatchObject({ method: 'GET', lastEventId: 'r1:0' })
  network.last.respond().send(delta(1, 'b'), end())
  expect((await final).text).toBe('ab')
  expect(connection.cancelled).toBe(true)
})

test('reconnect() of a run that could be started twice does nothing', async () => {
  const { client, open } = createTestClient()
  const run = client.stream('/api/generate', { json: {}, idempotencyKey: false })
  run.on('delta', () => {})
  await open()
  expect(run.reconnect()).toBe(false)
  run.detach()
})
