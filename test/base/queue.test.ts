/** The bounded queue between a connection and a loop. */
import { describe, expect, test } from 'vitest'
import { createQueue } from '../../src/base/queue.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()

const createTestQueue = (maxItems = 4, maxBytes = 100) =>
  createQueue<number, number>(maxItems, maxBytes, (item) => item)

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
    queue.push([1, 2], 2)
    queue.push([3], 1)
    expect([await queue.next(), await queue.next(), await queue.next()].map(({ value }) => value)).toEqual([1, 2, 3])
  })

  test('[F39] pending next() calls are served in order', async () => {
    const queue = createTestQueue()
    const pending = [queue.next(), queue.next(), queue.next()]
    queue.push([1, 2], 2)
    queue.push([3], 1)
    expect((await Promise.all(pending)).map(({ value }) => value)).toEqual([1, 2, 3])
  })

  test('an empty batch resolves no pending next()', async () => {
    const queue = createTestQueue()
    const pending = queue.next()
    queue.push([], 50)
    expect(await isPending(pending)).toBe(true)
    expect(queue.waitForRoom()).toBeUndefined()
    queue.push([1], 1)
    expect(await pending).toEqual({ value: 1, done: false })
  })

  test('`pick` drops or replaces items', async () => {
    const queue = createQueue<number, string>(4, 100, (item) => (item % 2 ? `odd ${item}` : undefined))
    const pending = queue.next()
    queue.push([2, 4], 2)
    expect(await isPending(pending)).toBe(true)
    queue.push([6, 7, 8], 3)
    expect(await pending).toEqual({ value: 'odd 7', done: false })
    queue.finish()
    expect(await queue.next()).toEqual({ value: undefined, done: true })
  })
})

describe('bounds [F33]', () => {
  test('a bound of 0 acts as a bound of 1: an empty queue has room', async () => {
    for (const queue of [createTestQueue(0), createTestQueue(4, 0)]) {
      expect(queue.waitForRoom()).toBeUndefined()
      queue.push([1], 1)
      const room = queue.waitForRoom()
      expect(await isPending(room)).toBe(true)
      expect(await queue.next()).toEqual({ value: 1, done: false })
      expect(await isPending(room)).toBe(false)
    }
  })

  test('a queue full by count has room once an item is taken', async () => {
    const queue = createTestQueue(2, 1_000)
    queue.push([1], 1)
    expect(queue.waitForRoom()).toBeUndefined()
    queue.push([2], 1)
    const room = queue.waitForRoom()
    expect(await isPending(room)).toBe(true)
    await queue.next()
    expect(await isPending(room)).toBe(false)
    expect(queue.waitForRoom()).toBeUndefined()
  })

  test('the bytes of a batch count until its last item is taken', async () => {
    const queue = createTestQueue(100, 10)
    queue.push([1, 2], 10)
    const room = queue.waitForRoom()
    await queue.next()
    expect(await isPending(room)).toBe(true)
    await queue.next()
    expect(await isPending(room)).toBe(false)
  })

  test('one batch may exceed both bounds without losing items', async () => {
    const queue = createTestQueue(2, 2)
    queue.push([1, 2, 3, 4, 5], 5_000)
    queue.finish()
    const values: (number | undefined)[] = []
    for (let result = await queue.next(); !result.done; result = await queue.next()) values.push(result.value)
    expect(values).toEqual([1, 2, 3, 4, 5])
  })

  test('all waitForRoom() calls resolve when there is room', async () => {
    const queue = createTestQueue(1)
    queue.push([1], 1)
    const rooms = [queue.waitForRoom(), queue.waitForRoom()]
    await queue.next()
    for (const room of rooms) expect(await isPending(room)).toBe(false)
  })

  test.each(['clear', 'finish'] as const)('%s() makes room', async (method) => {
    const queue = createTestQueue(1)
    queue.push([1], 1)
    const room = queue.waitForRoom()
    queue[method]()
    expect(await isPending(room)).toBe(false)
    expect(queue.waitForRoom()).toBeUndefined()
  })

  test('a pending next() takes a pushed item immediately, so the queue still has room', () => {
    const queue = createTestQueue(1, 1)
    void queue.next()
    queue.push([1], 1)
    expect(queue.waitForRoom()).toBeUndefined()
  })
})

describe('queued items', () => {
  test('peek() returns the queued items of all batches without taking them', async () => {
    const queue = createTestQueue()
    queue.push([1, 2], 2)
    queue.push([3, 4], 2)
    await queue.next()
    expect(queue.peek()).toEqual([2, 3, 4])
    expect(queue.peek()).toEqual([2, 3, 4])
  })

  test('clear() drops the queued items and their bytes, and the queue remains usable', async () => {
    const queue = createTestQueue(10, 10)
    queue.push([1, 2, 3], 9)
    await queue.next()
    queue.clear()
    expect(queue.peek()).toEqual([])
    queue.push([4], 9)
    expect(queue.waitForRoom()).toBeUndefined()
    expect(await queue.next()).toEqual({ value: 4, done: false })
  })
})

describe('the end', () => {
  test('finish() ends the queue after the queued items, for every next() call', async () => {
    const queue = createTestQueue()
    queue.push([1], 1)
    queue.finish()
    expect(await queue.next()).toEqual({ value: 1, done: false })
    expect(await queue.next()).toEqual({ value: undefined, done: true })
    expect(await queue.next()).toEqual({ value: undefined, done: true })
  })

  test('[F39] finish() with an error rejects one next() after the queued items', async () => {
    const queue = createTestQueue()
    queue.push([1], 1)
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
    queue.push([1], 1)
    queue.finish({ error: new Error('late') })
    expect(queue.peek()).toEqual([])
    expect(await queue.next()).toEqual({ value: undefined, done: true })
  })
})
