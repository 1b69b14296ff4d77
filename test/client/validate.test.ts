/** Schema validation of payloads, with valibot and with a hand-written Standard Schema. */
import * as v from 'valibot'
import { describe, expect, test, vi } from 'vitest'
import type { StreamError } from '../../src/base/errors.ts'
import type { StandardSchema } from '../../src/base/events.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { delta, end, failure, start } from '../support/native-events.ts'
import { createTestClient } from '../support/test-client.ts'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()

const price = v.object({ value: v.pipe(v.string(), v.transform(Number), v.number()) })

/** Creates an asynchronous schema whose results are resolved by the test. */
const createPendingSchema = () => {
  const resolvers: ((result: { value: unknown } | { issues: { message: string }[] }) => void)[] = []
  const schema: StandardSchema = {
    '~standard': { version: 1, vendor: 'test', validate: () => new Promise((resolve) => resolvers.push(resolve)) },
  }
  return { schema, resolvers }
}

describe('feed events', () => {
  test("valid data is replaced by the schema's output", async () => {
    const { client, open } = createTestClient()
    const listener = vi.fn()
    client.subscribe('/x', { schema: { price } }).on('price', listener)
    const connection = await open()
    connection.send({ type: 'price', data: '{"value":"1.5"}', id: '1' })
    await flushMicrotasks()
    expect(listener.mock.calls).toEqual([[{ type: 'price', data: { value: 1.5 }, id: '1' }]])
  })

  test('events without a schema are delivered unchanged', async () => {
    const { client, open } = createTestClient()
    const listener = vi.fn()
    client.subscribe('/x', { schema: { price } }).onAny(listener)
    const connection = await open()
    connection.send({ type: 'other', data: '{"value":null}' })
    await flushMicrotasks()
    expect(listener.mock.calls).toMatchObject([[{ type: 'other', data: { value: null } }]])
  })

  test('[F30] invalid data is reported with the issues as the cause, and the feed continues', async () => {
    const { client, open, errors, network } = createTestClient()
    const listener = vi.fn()
    client.subscribe('/x', { schema: { price } }).on('price', listener)
    const connection = await open()
    connection.send({ type: 'price', data: '{"value":7}', id: '1' }, { type: 'price', data: '{"value":"8"}', id: '2' })
    await flushMicrotasks()
    expect(errors).toMatchObject([
      { code: 'invalid-data', lastEventId: '1', cause: [{ message: expect.any(String) as string }] },
    ])
    expect(listener.mock.calls).toMatchObject([[{ data: { value: 8 }, id: '2' }]])
    expect(network.attempts).toHaveLength(1)
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('from the schema')
      },
    ],
    ['rejects', () => Promise.reject(new Error('from the schema'))],
  ])('[F30] a schema that %s is reported as invalid-data', async (_name, validate) => {
    const { client, open, errors } = createTestClient()
    client.subscribe('/x', { schema: { message: { '~standard': { version: 1, vendor: 'test', validate } } } })
    const connection = await open()
    connection.send({ data: '1', id: '1' })
    await flushMicrotasks()
    expect(errors).toMatchObject([
      {
        code: 'invalid-data',
        message: 'Invalid data in event "message": GET https://api.test/x',
        lastEventId: '1',
        cause: { message: 'from the schema' },
      },
    ])
  })

  test('an asynchronous schema preserves the order of events and pauses reading', async () => {
    const { client, open } = createTestClient()
    const { schema, resolvers } = createPendingSchema()
    const received: unknown[] = []
    client.subscribe('/x', { schema: { a: schema } }).onAny(({ data }) => received.push(data))
    const connection = await open()
    connection.send({ type: 'a', data: '1' }, { type: 'b', data: '2' })
    connection.send({ type: 'b', data: '3' })
    await flushMicrotasks()
    expect(received).toEqual([])
    expect(connection.unreadBatches).toBe(1)
    resolvers[0]!({ value: 'one' })
    await flushMicrotasks()
    expect(received).toEqual(['one', 2, 3])
  })

  test.each([{ value: 1 }, { issues: [{ message: 'bad' }] }])(
    '[F36] a feed closed during validation delivers and reports nothing (%o)',
    async (result) => {
      const { client, open, errors } = createTestClient()
      const { schema, resolvers } = createPendingSchema()
      const listener = vi.fn()
      const feed = client.subscribe('/x', { schema: { a: schema } })
      feed.on('a', listener)
      const connection = await open()
      connection.send({ type: 'a', data: '1' })
      await flushMicrotasks()
      feed.close()
      resolvers[0]!(result)
      await flushMicrotasks()
      expect(listener).not.toHaveBeenCalled()
      expect(errors).toEqual([])
    },
  )
})

describe('run events', () => {
  const reasoning = v.object({ text: v.string() })

  test('valid events are delivered along with the deltas', async () => {
    const { client, open } = createTestClient()
    const run = client.stream('/x', { schema: { reasoning } })
    const listener = vi.fn()
    run.on('reasoning', listener)
    const connection = await open()
    connection.send(start(), { type: 'reasoning', data: '{"text":"hm"}' }, delta(0, 'a'), end())
    expect(await run.final()).toMatchObject({ text: 'a' })
    expect(listener.mock.calls).toMatchObject([[{ data: { text: 'hm' } }]])
  })

  test('[F30] invalid data ends the run with invalid-data and the partial text', async () => {
    const { client, open, errors, clock } = createTestClient()
    const run = client.stream('/x', { schema: { reasoning } })
    const final = run.final()
    const connection = await open()
    connection.send(start(), delta(0, 'a'), { type: 'reasoning', data: '{"text":7}', id: 'r1:q' })
    await expect(final).rejects.toMatchObject({ code: 'invalid-data', partial: 'a', lastEventId: 'r1:q' })
    await clock.advance(1_000)
    expect(errors).toHaveLength(1)
    expect(connection.cancelled).toBe(true)
  })

  test.each([
    ['a custom event', { type: 'tool', data: '{}', id: 'r1:tool' }, 'b', 1],
    ['a delta', delta(1, 'invalid'), 'b', 2],
  ])(
    '[F30] resuming after %s with invalid data in the middle of a read delivers all later events',
    async (_, invalid, next, nextIndex) => {
      const { client, open } = createTestClient()
      const good = v.object({ content: v.picklist(['a', 'b']) })
      const run = client.stream('/x', { json: {}, schema: { tool: v.object({ name: v.string() }), delta: good } })
      const reported = vi.fn()
      run.on('delta', reported)
      const first = await open()
      first.send(start(), delta(0, 'a'), invalid, delta(nextIndex, next), end())
      const error = await run.final().catch((reason: unknown) => reason)
      expect(error).toMatchObject({
        code: 'invalid-data',
        partial: 'a',
        cursor: { lastEventId: invalid.id, index: nextIndex },
      })
      expect(reported).toHaveBeenCalledOnce()
      const rest = client.resume((error as StreamError).cursor!)
      const second = await open()
      second.send(delta(nextIndex, next), end())
      await expect(rest.final()).resolves.toMatchObject({ text: next })
    },
  )

  test('[F36] a run detached during validation does not report an error event queued behind the pending event', async () => {
    const { client, open, errors } = createTestClient()
    const { schema, resolvers } = createPendingSchema()
    const run = client.stream('/x', { schema: { reasoning: schema } })
    const final = run.final()
    const connection = await open()
    connection.send(start(), { type: 'reasoning', data: '1' }, failure())
    await flushMicrotasks()
    run.detach()
    resolvers[0]!({ value: 1 })
    await expect(final).rejects.toMatchObject({ name: 'AbortError' })
    await flushMicrotasks()
    expect(errors).toEqual([])
  })

  test('[F36] a run detached during validation does not report a failed validation', async () => {
    const { client, open, errors } = createTestClient()
    const { schema, resolvers } = createPendingSchema()
    const run = client.stream('/x', { schema: { reasoning: schema } })
    const final = run.final()
    const connection = await open()
    connection.send(start(), { type: 'reasoning', data: '1' })
    await flushMicrotasks()
    run.detach()
    resolvers[0]!({ issues: [{ message: 'bad' }] })
    await expect(final).rejects.toMatchObject({ name: 'AbortError' })
    await flushMicrotasks()
    expect(errors).toEqual([])
  })
})
