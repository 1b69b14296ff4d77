/** The bounded queue between a socket and a loop. */
import { describe, expect, test } from 'vitest'
import { createQueue } from '../../src/base/queue.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()

const createTestQueue = (maxItems = 4, maxBytes = 100) =>
  createQueue<number, number>(maxItems, maxBytes, (item) => item)

/** Whether `promise` is still pending once all work is done. */
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
  test('items come out one by one, in the order of their batches', async () => {
    const queue = createTestQueue()
    queue.push([1, 2], 2)
    queue.push([3], 1)
    expect([await queue.next(), await queue.next(), await queue.next()].map(({ value }) => value)).toEqual([1, 2, 3])
  })

  test('[F39] consumers that wait are served in the order in which they asked', async () => {
    const queue = createTestQueue()
    const asked = [queue.next(), queue.next(), queue.next()]
    queue.push([1, 2], 2)
    queue.push([3], 1)
    expect((await Promise.all(asked)).map(({ value }) => value)).toEqual([1, 2, 3])
  })

  test('an empty batch serves nobody', async () => {
    const queue = createTestQueue()
    const asked = queue.next()
    queue.push([], 50)
    expect(await isPending(asked)).toBe(true)
    expect(queue.waitForRoom()).toBeUndefined()
    queue.push([1], 1)
    expect(await asked).toEqual({ value: 1, done: false })
  })

  test('what `pick` drops is passed over, and what it makes is given out', async () => {
    const queue = createQueue<number, string>(4, 100, (item) => (item % 2 ? `odd ${item}` : undefined))
    const asked = queue.next()
    queue.push([2, 4], 2)
    expect(await isPending(asked)).toBe(true)
    queue.push([6, 7, 8], 3)
    expect(await asked).toEqual({ value: 'odd 7', done: false })
    queue.finish()
    expect(await queue.next()).toEqual({ value: undefined, done: true })
  })
})

describe('bounds [F33]', () => {
  test('of nothing are bounds of one: what is empty has room', async () => {
    for (const queue of [createTestQueue(0), createTestQueue(4, 0)]) {
      expect(queue.waitForRoom()).toBeUndefined()
      queue.push([1], 1)
      const room = queue.waitForRoom()
      expect(await isPending(room)).toBe(true)
      expect(await queue.next()).toEqual({ value: 1, done: false })
      expect(await isPending(room)).toBe(false)
    }
  })

  test('full by count: room comes when one item was taken', async () => {
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

  test('full by bytes: a batch counts until its last item is taken', async () => {
    const queue = createTestQueue(100, 10)
    queue.push([1, 2], 10)
    const room = queue.waitForRoom()
    await queue.next()
    expect(await isPending(room)).toBe(true)
    await queue.next()
    expect(await isPending(room)).toBe(false)
  })

  test('one batch may exceed both bounds, and nothing of it is lost', async () => {
    const queue = createTestQueue(2, 2)
    queue.push([1, 2, 3, 4, 5], 5_000)
    queue.finish()
    const values: (number | undefined)[] = []
    for (let result = await queue.next(); !result.done; result = await queue.next()) values.push(result.value)
    expect(values).toEqual([1, 2, 3, 4, 5])
  })

  test('everybody who waits for room gets it', async () => {
    const queue = createTestQueue(1)
    queue.push([1], 1)
    const rooms = [queue.waitForRoom(), queue.waitForRoom()]
    await queue.next()
    for (const room of rooms) expect(await isPending(room)).toBe(false)
  })

  test.each(['clear', 'finish'] as const)('%s() makes room', async (verb) => {
    const queue = createTestQueue(1)
    queue.push([1], 1)
    const room = queue.waitForRoom()
    queue[verb]()
    expect(await isPending(room)).toBe(false)
    expect(queue.waitForRoom()).toBeUndefined()
  })

  test('a consumer that waits empties the queue at once', () => {
    const queue = createTestQueue(1, 1)
    void queue.next()
    queue.push([1], 1)
    expect(queue.waitForRoom()).toBeUndefined()
  })
})

describe('what is queued', () => {
  test('peek shows what has not been taken, over batches, and leaves it', async () => {
    const queue = createTestQueue()
    queue.push([1, 2], 2)
    queue.push([3, 4], 2)
    await queue.next()
    expect(queue.peek()).toEqual([2, 3, 4])
    expect(queue.peek()).toEqual([2, 3, 4])
  })

  test('clear forgets it, its bytes too, and what comes later starts anew', async () => {
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
  test('comes after what is queued, and again for each further consumer', async () => {
    const queue = createTestQueue()
    queue.push([1], 1)
    queue.finish()
    expect(await queue.next()).toEqual({ value: 1, done: false })
    expect(await queue.next()).toEqual({ value: undefined, done: true })
    expect(await queue.next()).toEqual({ value: undefined, done: true })
  })

  test('[F39] with an error: after what is queued, to one consumer, once', async () => {
    const queue = createTestQueue()
    queue.push([1], 1)
    const error = new Error('cut')
    queue.finish({ error })
    expect(await queue.next()).toEqual({ value: 1, done: false })
    await expect(queue.next()).rejects.toBe(error)
    expect(await queue.next()).toEqual({ value: undefined, done: true })
  })

  test('[F39] all who wait settle: the first with the error, the others with the end', async () => {
    const queue = createTestQueue()
    const asked = [queue.next(), queue.next(), queue.next()]
    const error = new Error('cut')
    queue.finish({ error })
    expect(await Promise.allSettled(asked)).toEqual([
      { status: 'rejected', reason: error },
      { status: 'fulfilled', value: { value: undefined, done: true } },
      { status: 'fulfilled', value: { value: undefined, done: true } },
    ])
  })

  test('an error of `undefined` is an error', async () => {
    const queue = createTestQueue()
    queue.finish({ error: undefined })
    await expect(queue.next()).rejects.toBeUndefined()
  })

  test('is final: nothing is pushed after it, and a second end changes nothing', async () => {
    const queue = createTestQueue()
    queue.finish()
    queue.push([1], 1)
    queue.finish({ error: new Error('late') })
    expect(queue.peek()).toEqual([])
    expect(await queue.next()).toEqual({ value: undefined, done: true })
  })
})
