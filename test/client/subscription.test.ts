/** Feed events: listeners, their order, and parsing. */
import { describe, expect, test, vi } from 'vitest'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { createTestClient } from '../support/test-client.ts'
import { trapUnhandled } from '../support/unhandled.ts'

const unhandled = trapUnhandled()

describe('listeners', () => {
  test('an on() listener receives events of its type, whether it was added before or after the feed opened', async () => {
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

  test('all listeners added in the same task receive the events queued before that task', async () => {
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

  test('removing a listener is idempotent and does not affect other listeners', async () => {
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

  test('a listener added twice is called twice, and each returned function removes it once', async () => {
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

  test('an aborted signal removes a listener or prevents it from being added', async () => {
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

  test('a once() listener receives only the next event', async () => {
    const { client, open } = createTestClient()
    const feed = client.subscribe('/x')
    const listener = vi.fn()
    feed.once('message', listener)
    const connection = await open()
    connection.send({ data: '1' }, { data: '2' })
    await flushMicrotasks()
    expect(listener.mock.calls).toMatchObject([[{ data: 1 }]])
  })

  test('once() returns a function that removes the listener', async () => {
    const { client, open } = createTestClient()
    const feed = client.subscribe('/x')
    const listener = vi.fn()
    feed.once('message', listener)()
    const connection = await open()
    connection.send({ data: '1' })
    await flushMicrotasks()
    expect(listener).not.toHaveBeenCalled()
  })

  test('a listener removed during dispatch is not called for that event', async () => {
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

  test('a listener added while events are queued receives queued and later events in order', async () => {
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

  test('a loop does not take queued events away from a listener added in the same task', async () => {
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

  test('a loop started after events were delivered receives later events', async () => {
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

  test('a listener added during dispatch receives the next event', async () => {
    const { client, open } = createTestClient()
    const feed = client.subscribe('/x')
    const late = vi.fn()
    feed.once('message', () => feed.on('message', late))
    const connection = await open()
    connection.send({ data: '1' }, { data: '2' })
    await flushMicrotasks()
    expect(late.mock.calls).toMatchObject([[{ data: 2 }]])
  })

  test('an onAny() listener receives every event, in order with the other listeners', async () => {
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

  test('[F35] an error thrown by a listener is reported without affecting other listeners, later events or the connection', async () => {
    const { client, open, network, errors } = createTestClient()
    const feed = client.subscribe('/x')
    const thrown = new Error('from the user')
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

describe('[F31] event types that are also object properties', () => {
  test.each(['__proto__', 'constructor', 'toString', 'error', 'hasOwnProperty', 'undefined', 'null'])(
    'an event named %s is delivered without polluting prototypes',
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
  ] as const)('data is parsed according to the parse option %s', async (parse, data, parsed) => {
    const { client, open } = createTestClient()
    const feed = client.subscribe('/x', { parse })
    const listener = vi.fn()
    feed.on('message', listener)
    const connection = await open()
    connection.send({ data, id: '7' })
    await flushMicrotasks()
    expect(listener.mock.calls).toEqual([[{ type: 'message', data: parsed, id: '7' }]])
  })

  test('[F30] data that is not JSON is reported as invalid-data with the event ID, and the feed continues', async () => {
    const { client, open, errors, network } = createTestClient()
    const feed = client.subscribe('/x')
    const listener = vi.fn()
    feed.on('message', listener)
    const connection = await open()
    connection.send({ data: '1', id: '1' }, { data: '{', id: '2' }, { data: '3', id: '3' })
    await flushMicrotasks()
    expect(errors).toMatchObject([
      {
        code: 'invalid-data',
        message: 'Invalid data in event "message": GET https://api.test/x',
        lastEventId: '2',
        retryable: false,
      },
    ])
    expect(errors[0]!.cause).toBeInstanceOf(SyntaxError)
    expect(listener.mock.calls).toMatchObject([[{ data: 1 }], [{ data: 3, id: '3' }]])
    expect(feed.lastEventId).toBe('3')
    expect(network.attempts).toHaveLength(1)
  })

  test('[F30] an error thrown by the parse function is the cause of invalid-data', async () => {
    const { client, open, errors } = createTestClient()
    const thrown = new Error('from the user')
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

  test('[F30] invalid data without an `onError` callback is passed to `reportError`', async () => {
    const { client, open, clock } = createTestClient({ onError: undefined as never })
    client.subscribe('/x').on('message', () => {})
    const connection = await open()
    connection.send({ data: '{' })
    await clock.advance(0)
    expect(unhandled.reported.splice(0)).toMatchObject([{ code: 'invalid-data' }])
  })
})
