/** Clients: shared options, close(), and importing without side effects. */
import { describe, expect, test, vi } from 'vitest'
import { createClient } from '../../src/client/client.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { start } from '../support/native-events.ts'
import { createScriptedFetch } from '../support/scripted-fetch.ts'
import { createTestClient } from '../support/test-client.ts'
import { trapUnhandled } from '../support/unhandled.ts'

const unhandled = trapUnhandled()

describe('options', () => {
  test("a stream's options override the client's, and `retry` is merged", async () => {
    const { client, network, clock } = createTestClient({ retry: { delay: 200, maxDelay: 300 } })
    client.subscribe('/x', { retry: { maxDelay: 250 } })
    await flushMicrotasks()
    network.last.fail()
    await flushMicrotasks()
    expect(clock.pendingDelays).toEqual([200])
    await clock.advance(200)
    network.last.fail()
    await flushMicrotasks()
    expect(clock.pendingDelays).toEqual([250])
  })

  test('an error thrown by `jitter` is reported, and the stream still retries', async () => {
    const thrown = new Error('from the user')
    const jitter = (): number => {
      throw thrown
    }
    const { client, network, clock } = createTestClient({ retry: { jitter } })
    const feed = client.subscribe('/x')
    for (const delay of [1_000, 2_000]) {
      await flushMicrotasks()
      network.last.fail()
      await flushMicrotasks()
      expect(clock.pendingDelays).toEqual([delay])
      await clock.advance(delay)
    }
    network.last.respond()
    await flushMicrotasks()
    expect(feed.state.status).toBe('open')
    expect(unhandled.reported.splice(0)).toEqual([thrown, thrown])
  })

  test('`retry` accepts a limit or false, for a client and for a stream', async () => {
    for (const [retry, attempts, code] of [
      [2, 3, 'retries-exhausted'],
      [0, 1, 'network'],
      [false, 1, 'network'],
    ] as const) {
      for (const [clientRetry, streamRetry] of [
        [retry, undefined],
        [7, retry],
      ]) {
        const { client, network, clock, errors } = createTestClient(
          clientRetry === undefined ? {} : { retry: clientRetry },
        )
        client.subscribe('/x', streamRetry === undefined ? {} : { retry: streamRetry })
        for (let attempt = 0; attempt < 4; attempt++) {
          await flushMicrotasks()
          network.last.fail()
          await clock.advance(30_000)
        }
        expect(network.attempts).toHaveLength(attempts)
        expect(errors).toMatchObject([{ code }])
      }
    }
  })

  test("the client's and the stream's `onError` and `onStateChange` are both called, and one function only once", async () => {
    const onError = vi.fn()
    const shared = vi.fn()
    const { client, network, errors } = createTestClient({ retry: false })
    client.subscribe('/x', { onError })
    await flushMicrotasks()
    network.last.fail()
    await flushMicrotasks()
    expect(onError).toHaveBeenCalledTimes(1)
    expect(errors).toEqual([onError.mock.calls[0]![0]])
    createTestClient({ onStateChange: shared }).client.subscribe('/x', { onStateChange: shared })
    await flushMicrotasks()
    expect(shared).toHaveBeenCalledTimes(1)
  })

  test('`fetch` is used when there is no `connect` option', async () => {
    const { fetch, calls } = createScriptedFetch()
    const { client } = createTestClient({ connect: undefined as never, fetch })
    const feed = client.subscribe('/x')
    const next = feed[Symbol.asyncIterator]().next()
    await flushMicrotasks()
    expect(calls[0]!.url).toBe('https://api.test/x')
    expect(calls[0]!.headers.get('accept')).toBe('text/event-stream')
    const body = calls[0]!.respond()
    body.write('event: a\nid: 1\ndata: 7\n\n')
    expect(await next).toEqual({ done: false, value: { type: 'a', data: 7, id: '1' } })
    feed.close()
    await flushMicrotasks()
    expect(body.cancelled ?? calls[0]!.init.signal?.aborted).toBeTruthy()
  })

  test('options objects are not modified', async () => {
    const options = Object.freeze({
      baseUrl: 'https://api.test',
      retry: Object.freeze({ delay: 1 }),
      headers: Object.freeze({ a: 'b' }),
    })
    const streamOptions = Object.freeze({ headers: Object.freeze({ c: 'd' }), searchParams: Object.freeze({ q: 1 }) })
    createTestClient(options).client.subscribe('/x', streamOptions).close()
    expect(Object.keys(options)).toEqual(['baseUrl', 'retry', 'headers'])
  })
})

describe('close()', () => {
  test('close() closes feeds and detaches runs, including streams not yet started, without a DELETE', async () => {
    const { client, network, clock, errors } = createTestClient()
    const feed = client.subscribe('/feed')
    const run = client.stream('/run')
    await flushMicrotasks()
    const connections = network.attempts.map((attempt) => attempt.respond())
    connections[1]!.send(start())
    await flushMicrotasks()
    const late = client.subscribe('/late')
    client.close()
    client.close()
    await clock.advance(60_000)
    expect([feed, run, late].map(({ state }) => state.status)).toEqual(['closed', 'closed', 'closed'])
    await expect(run.final()).rejects.toMatchObject({ name: 'AbortError' })
    expect(network.attempts).toHaveLength(2)
    expect(network.attempts.every(({ request }) => request.signal.aborted)).toBe(true)
    expect(errors).toEqual([])
    expect(clock.pendingDelays).toEqual([])
  })

  test('Symbol.dispose closes the client', async () => {
    const testClient = createTestClient()
    let feed
    {
      using client = testClient.client
      feed = client.subscribe('/x')
      await flushMicrotasks()
    }
    expect(feed.state.status).toBe('closed')
  })

  test('close() does not affect other clients', async () => {
    const [one, other] = [createTestClient(), createTestClient()]
    one.client.subscribe('/x')
    const feed = other.client.subscribe('/x')
    await flushMicrotasks()
    one.client.close()
    expect(feed.state.status).toBe('connecting')
  })

  test('close() does not change the state of an ended stream', async () => {
    const { client, network, states } = createTestClient()
    client.subscribe('/x')
    await flushMicrotasks()
    network.last.respond({ status: 204, headers: {} })
    await flushMicrotasks()
    client.close()
    expect(states.map(({ status }) => status)).toEqual(['connecting', 'closed'])
  })
})

describe('a stream closed in the task that opened it', () => {
  test('mounting twice, as in React Strict Mode, sends one request', async () => {
    const { client, network } = createTestClient()
    const mount = (): (() => void) => {
      const feed = client.subscribe('/x')
      feed.on('message', () => {})
      return () => feed.close()
    }
    mount()()
    mount()
    await flushMicrotasks()
    expect(network.attempts).toHaveLength(1)
  })
})

describe('server rendering', () => {
  const globals = [
    'window',
    'document',
    'location',
    'navigator',
    'fetch',
    'crypto',
    'localStorage',
    'addEventListener',
  ] as const

  test('importing the package and calling createClient read no browser globals', async () => {
    const touched: string[] = []
    const traps: PropertyDescriptor[] = globals.map(
      (name) =>
        Object.getOwnPropertyDescriptor(globalThis, name) ?? { configurable: true, value: undefined, writable: true },
    )
    for (const name of globals) {
      Object.defineProperty(globalThis, name, {
        configurable: true,
        get() {
          touched.push(name)
          return undefined
        },
      })
    }
    try {
      vi.resetModules()
      const entry = await import('../../src/index.ts')
      entry.createClient({ baseUrl: 'https://api.test', auth: entry.bearer('t') }).close()
      entry.native()
      entry.rawEvents()
      expect(touched).toEqual([])
    } finally {
      for (const [index, name] of globals.entries()) {
        if (traps[index]!.value === undefined && !traps[index]!.get) Reflect.deleteProperty(globalThis, name)
        else Object.defineProperty(globalThis, name, traps[index]!)
      }
    }
  })

  test('createClient needs no options', () => {
    expect(() => createClient().close()).not.toThrow()
  })
})

describe('options whose fields are `undefined`', () => {
  test('an undefined `retry.limit` of a run means the default of five retries', async () => {
    const { client, network, clock, errors } = createTestClient()
    client.stream('/x', { retry: { limit: undefined } as never })
    for (let attempt = 0; attempt < 10; attempt++) {
      await flushMicrotasks()
      network.last.fail()
      await clock.advance(30_000)
    }
    expect(errors).toMatchObject([{ code: 'retries-exhausted' }])
    expect(network.attempts).toHaveLength(6)
  })

  test("an undefined `retry.limit` of a stream means the client's limit", async () => {
    const { client, network, clock } = createTestClient({ retry: { limit: 1 } })
    client.subscribe('/x', { retry: { limit: undefined } as never })
    for (let attempt = 0; attempt < 3; attempt++) {
      await flushMicrotasks()
      network.last.fail()
      await clock.advance(30_000)
    }
    expect(network.attempts).toHaveLength(2)
  })

  test('undefined `queue` limits mean the defaults of 1,024 events and 1 MiB', async () => {
    const queue = { events: undefined, bytes: undefined } as never
    const { client, network } = createTestClient()
    client.subscribe('/many', { queue })
    client.subscribe('/large', { queue, parse: 'text' })
    await flushMicrotasks()
    const [many, large] = network.attempts.map((attempt) => attempt.respond())
    for (let event = 0; event < 1_100; event++) many!.send({ data: '0' })
    large!.send({ data: 'x'.repeat(0x100000) })
    large!.send({ data: 'y' })
    await flushMicrotasks()
    expect([many!.unreadBatches, large!.unreadBatches]).toEqual([1_100 - 1_024, 1])
  })
})
