/** Payloads against their schemas, with a published library and with a bare Standard Schema. */
import * as v from 'valibot'
import { describe, expect, test, vi } from 'vitest'
import type { StreamError } from '../../src/base/errors.ts'
import type { StandardSchema } from '../../src/base/events.ts'
import { delta, end, failure, start } from '../support/native-events.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { createTestClient } from '../support/test-client.ts'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()

const price = v.object({ value: v.pipe(v.string(), v.transform(Number), v.number()) })

/** A schema whose answer the test gives. */
const slow = () => {
  const answers: ((result: { value: unknown } | { issues: { message: string }[] }) => void)[] = []
  const schema: StandardSchema = {
    '~standard': { version: 1, vendor: 'test', validate: () => new Promise((resolve) => answers.push(resolve)) },
  }
  return { schema, answers }
}

describe('of a feed', () => {
  test('valid data becomes what the schema makes of it', async () => {
    const { client, open } = createTestClient()
    const listener = vi.fn()
    client.subscribe('/x', { schema: { price } }).on('price', listener)
    const connection = await open()
    connection.send({ type: 'price', data: '{"value":"1.5"}', id: '1' })
    await flushMicrotasks()
    expect(listener.mock.calls).toEqual([[{ type: 'price', data: { value: 1.5 }, id: '1' }]])
  })

  test('events without a schema pass as they are', async () => {
    const { client, open } = createTestClient()
    const listener = vi.fn()
    client.subscribe('/x', { schema: { price } }).onAny(listener)
    const connection = await open()
    connection.send({ type: 'other', data: '{"value":null}' })
    await flushMicrotasks()
    expect(listener.mock.calls).toMatchObject([[{ type: 'other', data: { value: null } }]])
  })

  test('[F30] invalid data: `invalid-data` with the issues as cause, and the feed goes on', async () => {
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
        throw new Error('of the schema')
      },
    ],
    ['rejects', () => Promise.reject(new Error('of the schema'))],
  ])('[F30] a schema that %s', async (_how, validate) => {
    const { client, open, errors } = createTestClient()
    client.subscribe('/x', { schema: { message: { '~standard': { version: 1, vendor: 'test', validate } } } })
    const connection = await open()
    connection.send({ data: '1', id: '1' })
    await flushMicrotasks()
    expect(errors).toMatchObject([{ code: 'invalid-data', lastEventId: '1', cause: { message: 'of the schema' } }])
  })

  test('an asynchronous one keeps the order, and holds the reading back', async () => {
    const { client, open } = createTestClient()
    const { schema, answers } = slow()
    const received: unknown[] = []
    client.subscribe('/x', { schema: { a: schema } }).onAny(({ data }) => received.push(data))
    const connection = await open()
    connection.send({ type: 'a', data: '1' }, { type: 'b', data: '2' })
    connection.send({ type: 'b', data: '3' })
    await flushMicrotasks()
    expect(received).toEqual([])
    expect(connection.unreadBatches).toBe(1)
    answers[0]!({ value: 'one' })
    await flushMicrotasks()
    expect(received).toEqual(['one', 2, 3])
  })

  test.each([{ value: 1 }, { issues: [{ message: 'bad' }] }])(
    '[F36] close() while it thinks: silence, whatever it says (%o)',
    async (answer) => {
      const { client, open, errors } = createTestClient()
      const { schema, answers } = slow()
      const listener = vi.fn()
      const feed = client.subscribe('/x', { schema: { a: schema } })
      feed.on('a', listener)
      const connection = await open()
      connection.send({ type: 'a', data: '1' })
      await flushMicrotasks()
      feed.close()
      answers[0]!(answer)
      await flushMicrotasks()
      expect(listener).not.toHaveBeenCalled()
      expect(errors).toEqual([])
    },
  )
})

describe('of a run', () => {
  const reasoning = v.object({ text: v.string() })

  test('valid data arrives, and deltas as ever', async () => {
    const { client, open } = createTestClient()
    const run = client.stream('/x', { schema: { reasoning } })
    const listener = vi.fn()
    run.on('reasoning', listener)
    const connection = await open()
    connection.send(start(), { type: 'reasoning', data: '{"text":"hm"}' }, delta(0, 'a'), end())
    expect(await run.final()).toMatchObject({ text: 'a' })
    expect(listener.mock.calls).toMatchObject([[{ data: { text: 'hm' } }]])
  })

  test('[F30] invalid data ends it: `invalid-data`, with what it had', async () => {
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
    ['another event', { type: 'tool', data: '{}', id: 'r1:tool' }, 'b', 1],
    ['a delta', delta(1, 'invalid'), 'b', 2],
  ])(
    '[F30] invalid is %s in the middle of a read: what resumes behind it gets all that was not told',
    async (_, invalid, next, due) => {
      const { client, open } = createTestClient()
      const good = v.object({ content: v.picklist(['a', 'b']) })
      const run = client.stream('/x', { json: {}, schema: { tool: v.object({ name: v.string() }), delta: good } })
      const reported = vi.fn()
      run.on('delta', reported)
      const first = await open()
      first.send(start(), delta(0, 'a'), invalid, delta(due, next), end())
      const error = await run.final().catch((reason: unknown) => reason)
      expect(error).toMatchObject({
        code: 'invalid-data',
        partial: 'a',
        cursor: { lastEventId: invalid.id, index: due },
      })
      expect(reported).toHaveBeenCalledOnce()
      const rest = client.resume((error as StreamError).cursor!)
      const second = await open()
      second.send(delta(due, next), end())
      await expect(rest.final()).resolves.toMatchObject({ text: next })
    },
  )

  test('[F36] detach() while it thinks: nor is the error told that the server had sent behind it', async () => {
    const { client, open, errors } = createTestClient()
    const { schema, answers } = slow()
    const run = client.stream('/x', { schema: { reasoning: schema } })
    const final = run.final()
    const connection = await open()
    connection.send(start(), { type: 'reasoning', data: '1' }, failure())
    await flushMicrotasks()
    run.detach()
    answers[0]!({ value: 1 })
    await expect(final).rejects.toMatchObject({ name: 'AbortError' })
    await flushMicrotasks()
    expect(errors).toEqual([])
  })

  test('[F36] detach() while it thinks: nothing is told afterwards', async () => {
    const { client, open, errors } = createTestClient()
    const { schema, answers } = slow()
    const run = client.stream('/x', { schema: { reasoning: schema } })
    const final = run.final()
    const connection = await open()
    connection.send(start(), { type: 'reasoning', data: '1' })
    await flushMicrotasks()
    run.detach()
    answers[0]!({ issues: [{ message: 'bad' }] })
    await expect(final).rejects.toMatchObject({ name: 'AbortError' })
    await flushMicrotasks()
    expect(errors).toEqual([])
  })
})
