/** Closing or aborting a stream whose connection has ended while its loop still has queued events. */
import { describe, expect, test } from 'vitest'
import type { ClientOptions } from '../../src/request/options.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { delta, end, failure, start } from '../support/native-events.ts'
import { createTestClient } from '../support/test-client.ts'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()

const reason = new Error('enough')
const done = { value: undefined, done: true }
const rejectionOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no rejection',
    (error: unknown) => error,
  )

/** Opens a run that has ended after three deltas, one of which the loop has taken. */
const openEndedRun = async (terminal = end(), options: ClientOptions = {}) => {
  const controller = new AbortController()
  const testClient = createTestClient(options)
  const run = testClient.client.stream('/api/generate', { json: {}, signal: controller.signal })
  const connection = await testClient.open()
  const loop = run[Symbol.asyncIterator]()
  connection.send(start(), delta(0, 'a'), delta(1, 'b'), delta(2, 'c'), terminal)
  connection.end()
  expect(await loop.next()).toMatchObject({ value: { content: 'a' } })
  await flushMicrotasks()
  expect(run.state.status).toBe('closed')
  return { ...testClient, run, loop, controller }
}

/** Opens a feed that a 204 has ended after three events, one of which the loop has taken. */
const openEndedFeed = async () => {
  const controller = new AbortController()
  const testClient = createTestClient()
  const feed = testClient.client.subscribe('/x', { signal: controller.signal })
  const connection = await testClient.open()
  const loop = feed[Symbol.asyncIterator]()
  connection.send({ data: '1', id: '1' }, { data: '2', id: '2' }, { data: '3', id: '3' })
  connection.end()
  await testClient.clock.advance(1_000)
  testClient.network.last.respond({ status: 204, headers: {} })
  expect(await loop.next()).toMatchObject({ value: { data: 1 } })
  await flushMicrotasks()
  expect(feed.state.status).toBe('closed')
  return { ...testClient, feed, loop, controller }
}

describe('a run that has ended', () => {
  test('[F37] an abort after the end rejects the loop with the reason, and final() keeps its result', async () => {
    const { run, loop, controller, errors, clock } = await openEndedRun()
    controller.abort(reason)
    expect(await rejectionOf(loop.next())).toBe(reason)
    expect(await loop.next()).toEqual(done)
    expect(await run.final()).toEqual({ text: 'abc', finishReason: 'stop' })
    expect(errors).toEqual([])
    expect(clock.pendingDelays).toEqual([])
  })

  test('[F37] an abort after a failure rejects the loop with the reason, and final() keeps its error', async () => {
    const { run, loop, controller, errors } = await openEndedRun(failure())
    controller.abort(reason)
    expect(await rejectionOf(loop.next())).toBe(reason)
    expect(await loop.next()).toEqual(done)
    expect(await rejectionOf(run.final())).toMatchObject({ code: 'server', partial: 'abc' })
    expect(errors).toHaveLength(1)
  })

  test('[F36] client.close() ends the loop of the run immediately', async () => {
    const { client, run, loop } = await openEndedRun()
    client.close()
    expect(await loop.next()).toEqual(done)
    expect(await run.final()).toEqual({ text: 'abc', finishReason: 'stop' })
  })

  test('[F37] an abort after the loop has finished changes nothing', async () => {
    const { run, loop, controller } = await openEndedRun()
    for (let result = await loop.next(); !result.done; result = await loop.next());
    controller.abort(reason)
    expect(await loop.next()).toEqual(done)
    expect((await run.final()).finishReason).toBe('stop')
  })
})

describe('a feed ended by the server', () => {
  test('[F37] an abort rejects the loop with the reason', async () => {
    const { feed, loop, controller, errors } = await openEndedFeed()
    controller.abort(reason)
    expect(await rejectionOf(loop.next())).toBe(reason)
    expect(await loop.next()).toEqual(done)
    expect(await feed.closed).toBeUndefined()
    expect(errors).toEqual([])
  })

  test('[F36] client.close() ends the loop of the feed immediately', async () => {
    const { client, feed, loop } = await openEndedFeed()
    client.close()
    expect(await loop.next()).toEqual(done)
    expect(await feed.closed).toBeUndefined()
  })
})
