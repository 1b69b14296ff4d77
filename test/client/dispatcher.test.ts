/** The dispatcher: a bounded queue between a connection and a loop. */
import { describe, expect, test } from 'vitest'
import type { StreamEvent } from '../../src/base/events.ts'
import { createDispatcher } from '../../src/client/dispatcher.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()

/** Creates an event with a number as its data. */
const event = (data: number): StreamEvent => ({ type: 'number', data, id: String(data) })

/** Creates a dispatcher with a loop over the numbers, or over what `take` returns for them. */
function createTestQueue(maxEvents = 4, maxBytes = 100, take: (data: number) => unknown = (data) => data) {
  const dispatcher = createDispatcher(
    { events: maxEvents, bytes: maxBytes },
    false,
    () => {},
    () => {},
  )
  const loop = dispatcher.iterate({ take: ({ data }) => take(data as number), onReturn: () => {} })
  return {
    dispatcher,
    /** Queues a batch. The promise, if any, resolves once there is room. */
    push: (items: number[], bytes: number) => dispatcher.accept(items.map(event), bytes, String(items.at(-1) ?? '')),
    next: () => loop.next(),
    finish: dispatcher.finish,
    close: dispatcher.close,
  }
}

/** Returns whether `promise` is still pending once all microtasks have run. */
const isPending = async (promise: Promise<unknown> | undefined): Promise<boolean> => {
  let pending = true
  promise?.then(
    () => (pending = false),
    () => (pending = false),
  )
  await flushMicrotasks()
  return pending
}

describe('order', () => {
  test('items are taken one by one in the order of their batches', async () => {
    const queue = createTestQueue()
    void queue.push([1, 2], 2)
    void queue.push([3], 1)
    expect([await queue.next(), await queue.next(), await queue.next()].map(({ value }) => value)).toEqual([1, 2, 3])
  })

  test('[F39] pending next() calls are served in order', async () => {
    const queue = createTestQueue()
    const pending = [queue.next(), queue.next(), queue.next()]
    void queue.push([1, 2], 2)
    void queue.push([3], 1)
    expect((await Promise.all(pending)).map(({ value }) => value)).toEqual([1, 2, 3])
  })

  test('an empty batch resolves no pending next()', async () => {
    const queue = createTestQueue()
    const pending = queue.next()
    expect(queue.push([], 50)).toBeUndefined()
    expect(await isPending(pending)).toBe(true)
    void queue.push([1], 1)
    expect(await pending).toEqual({ value: 1, done: false })
  })

  test('`take` drops or replaces items', async () => {
    const queue = createTestQueue(4, 100, (item) => (item % 2 ? `odd ${item}` : undefined))
    const pending = queue.next()
    void queue.push([2, 4], 2)
    expect(await isPending(pending)).toBe(true)
    void queue.push([6, 7, 8], 3)
    expect(await pending).toEqual({ value: 'odd 7', done: false })
    queue.finish()
    expect(await queue.next()).toEqual({ value: undefined, done: true })
  })
})

describe('bounds [F33]', () => {
  test('a bound of 0 acts as a bound of 1: an empty queue has room', async () => {
    for (const queue of [createTestQueue(0), createTestQueue(4, 0)]) {
      const room = queue.push([1], 1)
      expect(await isPending(room)).toBe(true)
      expect(await queue.next()).toEqual({ value: 1, done: false })
      expect(await isPending(room)).toBe(false)
    }
  })

  test('a queue full by count has room once an item is taken', async () => {
    const queue = createTestQueue(2, 1_000)
    expect(queue.push([1], 1)).toBeUndefined()
    const room = queue.push([2], 1)
    expect(await isPending(room)).toBe(true)
    await queue.next()
    expect(await isPending(room)).toBe(false)
  })

  test('the bytes of a batch count until its last item is taken', async () => {
    const queue = createTestQueue(100, 10)
    const room = queue.push([1, 2], 10)
    await queue.next()
    expect(await isPending(room)).toBe(true)
    await queue.next()
    expect(await isPending(room)).toBe(false)
  })

  test('one batch may exceed both bounds without losing items', async () => {
    const queue = createTestQueue(2, 2)
    void queue.push([1, 2, 3, 4, 5], 5_000)
    queue.finish()
    const values: unknown[] = []
    for (let result = await queue.next(); !result.done; result = await queue.next()) values.push(result.value)
    expect(values).toEqual([1, 2, 3, 4, 5])
  })

  test.each(['close', 'finish'] as const)('%s() makes room', async (method) => {
    const queue = createTestQueue(1)
    const room = queue.push([1], 1)
    queue[method]()
    expect(await isPending(room)).toBe(false)
  })

  test('a pending next() takes a pushed item immediately, so the queue still has room', () => {
    const queue = createTestQueue(1, 1)
    void queue.next()
    expect(queue.push([1], 1)).toBeUndefined()
  })
})

describe('queued items', () => {
  test('close() drops the queued items', async () => {
    const queue = createTestQueue(10, 10)
    void queue.push([1, 2, 3], 9)
    await queue.next()
    queue.close()
    expect(await queue.next()).toEqual({ value: undefined, done: true })
    expect(queue.push([4], 9)).toBeUndefined()
  })
})

describe('batches', () => {
  const createTestBatches = () => {
    const dispatcher = createDispatcher(
      { events: 4, bytes: 100 },
      false,
      () => {},
      () => {},
    )
    const loop = dispatcher.iterateBatches({
      take: ({ data }) => ((data as number) % 2 ? data : undefined),
      onReturn: () => {},
    })
    return { dispatcher, loop }
  }

  test('each read becomes one array, and a read without a wanted item none', async () => {
    const { dispatcher, loop } = createTestBatches()
    void dispatcher.accept([event(1), event(2), event(3)], 3, '3')
    void dispatcher.accept([event(4)], 1, '4')
    void dispatcher.accept([event(5)], 1, '5')
    dispatcher.finish()
    expect([await loop.next(), await loop.next(), await loop.next()]).toEqual([
      { value: [1, 3], done: false },
      { value: [5], done: false },
      { value: undefined, done: true },
    ])
  })

  test('the events of an array are delivered once the next array is requested', async () => {
    const { dispatcher, loop } = createTestBatches()
    void dispatcher.accept([event(1), event(3)], 2, '3')
    await loop.next()
    expect(dispatcher.lastEventId).toBeUndefined()
    void loop.next()
    expect(dispatcher.lastEventId).toBe('3')
  })

  test('a stream is iterated only once, by events or by arrays', () => {
    const { dispatcher } = createTestBatches()
    const options = { take: ({ data }: StreamEvent) => data, onReturn: () => {} }
    expect(() => dispatcher.iterate(options)).toThrow(TypeError)
    expect(() => dispatcher.iterateBatches(options)).toThrow(TypeError)
  })
})

describe('the end', () => {
  test('finish() ends the queue after the queued items, for every next() call', async () => {
    const queue = createTestQueue()
    void queue.push([1], 1)
    queue.finish()
    expect(await queue.next()).toEqual({ value: 1, done: false })
    expect(await queue.next()).toEqual({ value: undefined, done: true })
    expect(await queue.next()).toEqual({ value: undefined, done: true })
  })

  test('[F39] finish() with an error rejects one next() after the queued items', async () => {
    const queue = createTestQueue()
    void queue.push([1], 1)
    const error = new Error('cut')
    queue.finish({ error })
    expect(await queue.next()).toEqual({ value: 1, done: false })
    await expect(queue.next()).rejects.toBe(error)
    expect(await queue.next()).toEqual({ value: undefined, done: true })
  })

  test('[F39] finish() with an error rejects the first pending next() and ends the others', async () => {
    const queue = createTestQueue()
    const pending = [queue.next(), queue.next(), queue.next()]
    const error = new Error('cut')
    queue.finish({ error })
    expect(await Promise.allSettled(pending)).toEqual([
      { status: 'rejected', reason: error },
      { status: 'fulfilled', value: { value: undefined, done: true } },
      { status: 'fulfilled', value: { value: undefined, done: true } },
    ])
  })

  test('finish() with an error of `undefined` still rejects', async () => {
    const queue = createTestQueue()
    queue.finish({ error: undefined })
    await expect(queue.next()).rejects.toBeUndefined()
  })

  test('push() and finish() after finish() have no effect', async () => {
    const queue = createTestQueue()
    queue.finish()
    void queue.push([1], 1)
    queue.finish({ error: new Error('late') })
    expect(await queue.next()).toEqual({ value: undefined, done: true })
  })
})
