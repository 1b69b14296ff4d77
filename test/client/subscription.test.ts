/** A feed's events: who hears which, in what order, parsed how. */
import { describe, expect, test, vi } from 'vitest'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { createTestClient } from '../support/test-client.ts'
import { trapUnhandled } from '../support/unhandled.ts'

const unhandled = trapUnhandled()

describe('on', () => {
  test('hears events of its type, before and after the feed is open', async () => {
    const { client, open } = createTestClient()
    const feed = client.subscribe('/x')
    const early = vi.fn()
    feed.on('price', early)
    const connection = await open()
    connection.send({ type: 'price', data: '{"value":1}', id: '1' }, { type: 'other', data: '0' })
    await flushMicrotasks()
    const late = vi.fn()
    feed.on('price', late)
    connection.send({ type: 'price', data: '{"value":2}' })
    await flushMicrotasks()
    expect(early.mock.calls).toMatchObject([
      [{ type: 'price', data: { value: 1 }, id: '1' }],
      [{ type: 'price', data: { value: 2 }, id: '1' }],
    ])
    expect(late.mock.calls).toMatchObject([[{ data: { value: 2 } }]])
  })

  test('nothing is lost before the first listener; all that are added in its task hear it', async () => {
    const { client, open } = createTestClient()
    const feed = client.subscribe('/x')
    const connection = await open()
    connection.send({ data: '1' }, { type: 'b', data: '2' })
    connection.send({ data: '3' })
    await flushMicrotasks()
    const received: unknown[] = []
    feed.on('message', ({ data }) => received.push(data))
    feed.on('b', ({ data }) => received.push(data))
    expect(received).toEqual([])
    await flushMicrotasks()
    expect(received).toEqual([1, 2, 3])
  })

  test('unsubscribe is idempotent, and leaves the others', async () => {
    const { client, open } = createTestClient()
    const feed = client.subscribe('/x')
    const [one, other] = [vi.fn(), vi.fn()]
    const off = feed.on('message', one)
    feed.on('message', other)
    off()
    off()
    const connection = await open()
    connection.send({ data: '1' })
    await flushMicrotasks()
    expect(one).not.toHaveBeenCalled()
    expect(other).toHaveBeenCalledTimes(1)
  })

  test('the same listener, added twice, is called twice, and removed one by one', async () => {
    const { client, open } = createTestClient()
    const feed = client.subscribe('/x')
    const listener = vi.fn()
    feed.on('message', listener)
    const off = feed.on('message', listener)
    const connection = await open()
    connection.send({ data: '1' })
    await flushMicrotasks()
    off()
    connection.send({ data: '2' })
    await flushMicrotasks()
    expect(listener.mock.calls).toMatchObject([[{ data: 1 }], [{ data: 1 }], [{ data: 2 }]])
  })

  test('a signal removes it, also one that has aborted before', async () => {
    const { client, open } = createTestClient()
    const feed = client.subscribe('/x')
    const controller = new AbortController()
    const [one, never] = [vi.fn(), vi.fn()]
    feed.on('message', one, { signal: controller.signal })
    feed.on('message', never, { signal: AbortSignal.abort() })
    const connection = await open()
    connection.send({ data: '1' })
    await flushMicrotasks()
    controller.abort()
    connection.send({ data: '2' })
    await flushMicrotasks()
    expect(one).toHaveBeenCalledTimes(1)
    expect(never).not.toHaveBeenCalled()
    expect(feed.state.status).toBe('open')
  })

  test('once: the next event only', async () => {
    const { client, open } = createTestClient()
    const feed = client.subscribe('/x')
    const listener = vi.fn()
    feed.once('message', listener)
    const connection = await open()
    connection.send({ data: '1' }, { data: '2' })
    await flushMicrotasks()
    expect(listener.mock.calls).toMatchObject([[{ data: 1 }]])
  })

  test('once can be taken back', async () => {
    const { client, open } = createTestClient()
    const feed = client.subscribe('/x')
    const listener = vi.fn()
    feed.once('message', listener)()
    const connection = await open()
    connection.send({ data: '1' })
    await flushMicrotasks()
    expect(listener).not.toHaveBeenCalled()
  })

  test('a listener that is removed while an event is told does not hear it any more', async () => {
    const { client, open } = createTestClient()
    const feed = client.subscribe('/x')
    const removed = vi.fn()
    feed.on('message', () => {
      feed.on('message', () => {})
      off()
    })
    const off = feed.on('message', removed)
    const connection = await open()
    connection.send({ data: '1' })
    await flushMicrotasks()
    expect(removed).not.toHaveBeenCalled()
  })

  test('a listener that is added between what was held and what comes next hears both, in order', async () => {
    const { client, open } = createTestClient()
    const received: unknown[] = []
    const feed = client.subscribe('/x', {
      parse(data) {
        if (data === '2') feed.on('message', (event) => received.push(event.data))
        return data
      },
    })
    const connection = await open()
    connection.send({ data: '1' })
    connection.send({ data: '2' })
    connection.send({ data: '3' })
    await flushMicrotasks()
    expect(received).toEqual(['1', '2', '3'])
  })

  test('a loop that begins in the same task takes nothing away from the listeners', async () => {
    const { client, open } = createTestClient()
    const feed = client.subscribe('/x')
    const connection = await open()
    connection.send({ data: '1' }, { data: '2' })
    await flushMicrotasks()
    const received: unknown[] = []
    feed.on('message', ({ data }) => received.push(data))
    const iterator = feed[Symbol.asyncIterator]()
    const taken = [await iterator.next(), await iterator.next()].map(({ value }) => value?.data)
    connection.send({ data: '3' })
    await flushMicrotasks()
    expect(taken).toEqual([1, 2])
    expect(received).toEqual([1, 2, 3])
  })

  test('a loop may begin after events have passed: a feed has no beginning', async () => {
    const { client, open } = createTestClient()
    const feed = client.subscribe('/x')
    feed.on('message', () => {})
    const connection = await open()
    connection.send({ data: '1' })
    await flushMicrotasks()
    const next = feed[Symbol.asyncIterator]().next()
    connection.send({ data: '2' })
    expect((await next).value).toMatchObject({ data: 2 })
  })

  test('a listener that is added while an event is told hears the next one', async () => {
    const { client, open } = createTestClient()
    const feed = client.subscribe('/x')
    const late = vi.fn()
    feed.once('message', () => feed.on('message', late))
    const connection = await open()
    connection.send({ data: '1' }, { data: '2' })
    await flushMicrotasks()
    expect(late.mock.calls).toMatchObject([[{ data: 2 }]])
  })

  test('onAny hears every event, in order with the others', async () => {
    const { client, open } = createTestClient()
    const feed = client.subscribe('/x')
    const received: string[] = []
    feed.onAny(({ type, data }) => received.push(`any ${type} ${data as number}`))
    feed.on('b', ({ data }) => received.push(`b ${data as number}`))
    const connection = await open()
    connection.send({ data: '1' }, { type: 'b', data: '2' })
    await flushMicrotasks()
    expect(received.toSorted()).toEqual(['any b 2', 'any message 1', 'b 2'])
    expect(received[0]).toBe('any message 1')
  })

  test('[F35] a listener that throws is reported: the next listener and the next event come, nothing reconnects', async () => {
    const { client, open, network, errors } = createTestClient()
    const feed = client.subscribe('/x')
    const thrown = new Error('of the user')
    const next = vi.fn()
    feed.on('message', () => {
      throw thrown
    })
    feed.on('message', next)
    const connection = await open()
    connection.send({ data: '1' }, { data: '2' })
    await flushMicrotasks()
    expect(unhandled.reported.splice(0)).toEqual([thrown, thrown])
    expect(next).toHaveBeenCalledTimes(2)
    expect(network.attempts).toHaveLength(1)
    expect(errors).toEqual([])
  })
})

describe('[F31] names that objects have already', () => {
  test.each(['__proto__', 'constructor', 'toString', 'error', 'hasOwnProperty', 'undefined', 'null'])(
    '%s is an event like any other',
    async (type) => {
      const { client, open, errors } = createTestClient()
      const feed = client.subscribe('/x', { schema: {} })
      const [listener, other] = [vi.fn(), vi.fn()]
      feed.on(type as never, listener)
      feed.on('message' as never, other)
      const connection = await open()
      connection.send({ type, data: '{"__proto__":{"polluted":true}}' })
      await flushMicrotasks()
      const [[event]] = listener.mock.calls as [[{ data: object }]]
      expect(Object.keys(event.data)).toEqual(['__proto__'])
      expect(Object.getPrototypeOf(event.data)).toBe(Object.prototype)
      expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
      expect(other).not.toHaveBeenCalled()
      expect(errors).toEqual([])
    },
  )
})

describe('parse', () => {
  test.each([
    ['json', '[1,"é"]', [1, 'é']],
    ['text', '[1]', '[1]'],
    [
      (data: string, event: { type: string; id: string }) => `${event.type} ${event.id} ${data}`,
      'raw',
      'message 7 raw',
    ],
    [() => undefined, 'raw', undefined],
  ] as const)('%s', async (parse, data, parsed) => {
    const { client, open } = createTestClient()
    const feed = client.subscribe('/x', { parse })
    const listener = vi.fn()
    feed.on('message', listener)
    const connection = await open()
    connection.send({ data, id: '7' })
    await flushMicrotasks()
    expect(listener.mock.calls).toEqual([[{ type: 'message', data: parsed, id: '7' }]])
  })

  test("[F30] data that is not JSON: `invalid-data` with the event's id, and the feed goes on", async () => {
    const { client, open, errors, network } = createTestClient()
    const feed = client.subscribe('/x')
    const listener = vi.fn()
    feed.on('message', listener)
    const connection = await open()
    connection.send({ data: '1', id: '1' }, { data: '{', id: '2' }, { data: '3', id: '3' })
    await flushMicrotasks()
    expect(errors).toMatchObject([{ code: 'invalid-data', lastEventId: '2', retryable: false }])
    expect(errors[0]!.cause).toBeInstanceOf(SyntaxError)
    expect(listener.mock.calls).toMatchObject([[{ data: 1 }], [{ data: 3, id: '3' }]])
    expect(feed.lastEventId).toBe('3')
    expect(network.attempts).toHaveLength(1)
  })

  test('[F30] a parse function that throws is the same', async () => {
    const { client, open, errors } = createTestClient()
    const thrown = new Error('of the user')
    client.subscribe('/x', {
      parse() {
        throw thrown
      },
    })
    const connection = await open()
    connection.send({ data: '1', id: '1' })
    await flushMicrotasks()
    expect(errors).toMatchObject([{ code: 'invalid-data', cause: thrown }])
  })

  test('[F30] without `onError` it goes to `reportError`', async () => {
    const { client, open, clock } = createTestClient({ onError: undefined as never })
    client.subscribe('/x').on('message', () => {})
    const connection = await open()
    connection.send({ data: '{' })
    await clock.advance(0)
    expect(unhandled.reported.splice(0)).toMatchObject([{ code: 'invalid-data' }])
  })
})
