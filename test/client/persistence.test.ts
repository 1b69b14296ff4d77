/** The `persist` option: streams that resume after a page reload. */
import { describe, expect, test, vi } from 'vitest'
import type { Cursor } from '../../src/base/errors.ts'
import { persist } from '../../src/persist.ts'
import type { Persistence } from '../../src/request/stream-options.ts'
import { createRecordedStore } from '../persist/stores.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { connected, delta, end, failure, start } from '../support/native-events.ts'
import { createTestClient } from '../support/test-client.ts'

interface RecordedPersistence extends Persistence {
  storedCursor: Cursor | undefined
}

function createRecordedPersistence(storedCursor?: Cursor): RecordedPersistence {
  return {
    storedCursor,
    load() {
      return this.storedCursor
    },
    save(cursor) {
      this.storedCursor = cursor
    },
    clear() {
      this.storedCursor = undefined
    },
  }
}

const runUrl = 'https://api.test/api/generate/r1'
const feedUrl = 'https://api.test/x'

describe('[F42] a run', () => {
  test('a run saves its cursor, and a later page replays the run from the start without a second POST', async () => {
    const persist = createRecordedPersistence()
    const before = createTestClient()
    const first = before.client.stream('/generate', { json: {}, persist })
    before.network.attempts.length = 0
    const connection = await before.open()
    expect(persist.storedCursor).toBeUndefined()
    connection.send(start(), delta(0), delta(1))
    await flushMicrotasks()
    expect(persist.storedCursor).toEqual({ v: 2, url: runUrl, protocol: 'native', streamId: 'r1', heartbeat: 30_000 })
    first.detach()

    const after = createTestClient()
    const second = after.client.stream('/generate', { json: {}, persist })
    await flushMicrotasks()
    expect(after.network.last.request).toMatchObject({ method: 'GET', url: runUrl, body: undefined, lastEventId: '' })
    after.network.last.respond().send(start(), delta(0), delta(1), delta(2), end())
    expect((await second.final()).text).toBe('0 1 2 ')
    expect(persist.storedCursor).toBeUndefined()
    expect(after.network.attempts.length).toBe(1)
  })

  test('a run without a stored cursor sends its POST only after an asynchronous load() has resolved', async () => {
    const { client, network } = createTestClient()
    let loaded!: () => void
    const load = new Promise<undefined>((resolve) => (loaded = () => resolve(undefined)))
    client.stream('/generate', { json: {}, persist: { ...createRecordedPersistence(), load: () => load } })
    await flushMicrotasks()
    expect(network.attempts).toEqual([])
    loaded()
    await flushMicrotasks()
    expect(network.last.request).toMatchObject({ method: 'POST' })
  })

  test.each([
    ['end', [start(), end()], undefined],
    ['error', [start(), failure()], undefined],
  ])('the %s event of a run clears the stored cursor', async (_, blocks, expected) => {
    const persist = createRecordedPersistence()
    const { client, open } = createTestClient()
    const run = client.stream('/generate', { persist })
    const connection = await open()
    connection.send(...blocks)
    await run.final().catch(() => {})
    expect(persist.storedCursor).toBe(expected)
  })

  test('cancelling a run clears the stored cursor', async () => {
    const persist = createRecordedPersistence()
    const { client, network, open } = createTestClient()
    const run = client.stream('/generate', { persist })
    const connection = await open()
    connection.send(start())
    await flushMicrotasks()
    const cancelled = run.cancel()
    await flushMicrotasks()
    network.last.respond({ status: 204 })
    await cancelled
    connection.send(end({ finishReason: 'cancelled' }))
    await run.final()
    expect(persist.storedCursor).toBeUndefined()
  })

  test.each(['cancel', 'detach'] as const)(
    '%s() in the task that made the run sends nothing and keeps the stored cursor',
    async (verb) => {
      const persist = createRecordedPersistence({ url: runUrl })
      const { client, network } = createTestClient()
      const run = client.stream('/generate', { json: {}, persist })
      void run[verb]()
      await run.final().catch(() => {})
      await flushMicrotasks()
      expect(network.attempts).toEqual([])
      expect(persist.storedCursor).toEqual({ url: runUrl })
    },
  )

  test('a stored run that the server no longer knows fails with expired, and its cursor is cleared', async () => {
    const persist = createRecordedPersistence({ url: runUrl })
    const { client, network } = createTestClient()
    const run = client.stream('/generate', { persist })
    await flushMicrotasks()
    network.last.respond({ status: 404 })
    await expect(run.final()).rejects.toMatchObject({ code: 'expired' })
    expect(persist.storedCursor).toBeUndefined()
  })

  test('a run that fails with a network error keeps its stored cursor for the next page', async () => {
    const persist = createRecordedPersistence({ url: runUrl })
    const { client, network } = createTestClient({ retry: false })
    const run = client.stream('/generate', { persist })
    await flushMicrotasks()
    network.last.fail()
    await expect(run.final()).rejects.toMatchObject({ code: 'network' })
    expect(persist.storedCursor).toEqual({ url: runUrl })
  })

  test.each([403, 400])(
    'a run refused with %i clears its stored cursor, so that reloads do not repeat the request',
    async (status) => {
      const persist = createRecordedPersistence({ url: runUrl })
      const { client, network } = createTestClient()
      const run = client.stream('/generate', { persist })
      await flushMicrotasks()
      network.last.respond({ status })
      await expect(run.final()).rejects.toMatchObject({ code: 'http', status })
      expect(persist.storedCursor).toBeUndefined()
    },
  )

  test('a run with refused credentials keeps its stored cursor for the next page', async () => {
    const persist = createRecordedPersistence({ url: runUrl })
    const { client, network } = createTestClient({ auth: () => ({}) })
    const run = client.stream('/generate', { persist })
    for (const _ of [1, 2]) {
      await flushMicrotasks()
      network.last.respond({ status: 401 })
    }
    await expect(run.final()).rejects.toMatchObject({ code: 'auth' })
    expect(persist.storedCursor).toEqual({ url: runUrl })
  })

  test('cancelling a run while its cursor is loading cancels the stored run', async () => {
    const { client, network } = createTestClient()
    let loaded!: (cursor: Cursor) => void
    const run = client.stream('/generate', {
      persist: { ...createRecordedPersistence(), load: () => new Promise((resolve) => (loaded = resolve)) },
    })
    await flushMicrotasks()
    const cancelled = run.cancel()
    loaded({ url: runUrl })
    await flushMicrotasks()
    expect(
      network.attempts
        .map(({ request: { method, url } }) => `${method} ${url}`)
        .toSorted((one, other) => one.localeCompare(other)),
    ).toEqual([`DELETE ${runUrl}`, `GET ${runUrl}`])
    network.attempts.find(({ request }) => request.method === 'DELETE')!.respond({ status: 204 })
    await cancelled
    client.close()
  })

  test.each([
    ['another prompt', '/generate', { json: { prompt: 'second' } }],
    ['another URL', '/other', { json: { prompt: 'first' } }],
  ])('a run with the key of another run and %s fails, sends nothing, and frees the key', async (_, url, options) => {
    const storage = createRecordedStore()
    const before = createTestClient()
    const first = before.client.stream('/generate', {
      json: { prompt: 'first' },
      persist: persist({ key: 'a', storage }),
    })
    const connection = await before.open()
    connection.send(start(), delta(0))
    await flushMicrotasks()
    first.detach()

    const { client, network } = createTestClient()
    const second = client.stream(url, { ...options, persist: persist({ key: 'a', storage }) })
    await expect(second.final()).rejects.toMatchObject({ code: 'expired', retryable: false })
    expect([network.attempts.length, storage.items.size]).toEqual([0, 0])
    client.stream(url, { ...options, persist: persist({ key: 'a', storage }) })
    await flushMicrotasks()
    expect(network.last.request).toMatchObject({ method: 'POST', url: `https://api.test${url}` })
  })

  test('client.resume() uses the given cursor instead of the stored cursor', async () => {
    const persist = createRecordedPersistence({ url: 'https://api.test/api/generate/other' })
    const { client, network } = createTestClient()
    client.resume({ url: runUrl, lastEventId: 'r1:0' }, { persist })
    await flushMicrotasks()
    expect(network.last.request).toMatchObject({ url: runUrl, lastEventId: 'r1:0' })
  })

  test('a stored URL of another origin receives no credentials', async () => {
    const persist = createRecordedPersistence({ url: 'https://evil.test/x' })
    const { client, network } = createTestClient({ auth: () => ({ authorization: 'secret' }) })
    client.stream('/generate', { persist })
    await flushMicrotasks()
    expect(network.last.headers).not.toHaveProperty('authorization')
  })
})

describe('client.restore()', () => {
  test('restore() resolves with undefined and sends nothing if nothing is stored', async () => {
    const { client, network } = createTestClient()
    expect(await client.restore(createRecordedPersistence())).toBeUndefined()
    await flushMicrotasks()
    expect(network.attempts).toEqual([])
  })

  test('restore() reads the stored run from its start, and the end of the run clears the cursor', async () => {
    const persist = createRecordedPersistence({ url: runUrl, lastEventId: 'r1:1', index: 2, heartbeat: 30_000 })
    const { client, network } = createTestClient()
    const run = await client.restore({
      ...persist,
      load: async () => persist.storedCursor,
      clear: () => persist.clear(),
    })
    await flushMicrotasks()
    expect(network.last.request).toMatchObject({ method: 'GET', url: runUrl, lastEventId: '', body: undefined })
    network.last.respond().send(start(), delta(0), end())
    expect((await run!.final()).text).toBe('0 ')
    await flushMicrotasks()
    expect(persist.storedCursor).toBeUndefined()
    expect(network.attempts.length).toBe(1)
  })

  test('restore() rejects with a TypeError if the stored run has another protocol', async () => {
    const { client } = createTestClient()
    const persist = createRecordedPersistence({ v: 2, url: runUrl, protocol: 'openai-responses' })
    await expect(client.restore(persist)).rejects.toThrow(TypeError)
  })

  test('client.close() detaches from a restored run, whose cursor stays stored', async () => {
    const persist = createRecordedPersistence({ url: runUrl })
    const { client } = createTestClient()
    const run = await client.restore(persist)
    client.close()
    await expect(run!.final()).rejects.toMatchObject({ name: 'AbortError' })
    expect(persist.storedCursor).toEqual({ url: runUrl })
  })
})

describe('a feed', () => {
  test('a feed saves its delivered cursor, and a later page resumes from that cursor', async () => {
    const persist = createRecordedPersistence()
    const before = createTestClient()
    const first = before.client.subscribe('/x', { persist })
    const loop = first[Symbol.asyncIterator]()
    const connection = await before.open()
    connection.send({ data: '1', id: '1' }, { data: '2', id: '2' }, { data: '3', id: '3' })
    for (const _ of [1, 2]) await loop.next()
    expect(persist.storedCursor).toEqual({ v: 2, url: feedUrl, lastEventId: '1' })
    await loop.next()
    expect(persist.storedCursor).toEqual({ v: 2, url: feedUrl, lastEventId: '2' })

    const after = createTestClient()
    const second = after.client.subscribe('/x', { persist })
    const received: unknown[] = []
    second.on('message', ({ data }) => received.push(data))
    const next = await after.open()
    expect(after.network.last.request.lastEventId).toBe('2')
    expect(second.lastEventId).toBe('2')
    // The server may include the event with that ID in the replay.
    next.send(connected('2'), { data: '2', id: '2' }, { data: '3', id: '3' })
    await flushMicrotasks()
    expect(received).toEqual([3])
    expect(persist.storedCursor).toEqual({ v: 2, url: feedUrl, lastEventId: '3' })
  })

  test('a feed with listeners saves its cursor once per read', async () => {
    const save = vi.fn()
    const { client, open } = createTestClient()
    client.subscribe('/x', { persist: { ...createRecordedPersistence(), save } }).on('message', () => {})
    const connection = await open()
    connection.send({ data: '1', id: '1' }, { data: '2', id: '2' })
    connection.send({ data: '3', id: '3' })
    await flushMicrotasks()
    expect(save.mock.calls).toEqual([
      [{ v: 2, url: feedUrl, lastEventId: '2' }],
      [{ v: 2, url: feedUrl, lastEventId: '3' }],
    ])
  })

  test('a feed ignores a stored cursor without an ID or for a different URL, and the lastEventId option takes precedence', async () => {
    const testClient = createTestClient()
    testClient.client.subscribe('/y', { persist: createRecordedPersistence({ url: feedUrl, lastEventId: '2' }) })
    testClient.client.subscribe('/x', { persist: createRecordedPersistence({ url: feedUrl }) })
    testClient.client.subscribe('/x', {
      lastEventId: '9',
      persist: createRecordedPersistence({ url: feedUrl, lastEventId: '2' }),
    })
    await flushMicrotasks()
    expect(testClient.network.attempts.map(({ request }) => request.lastEventId)).toEqual(['9', '', ''])
  })

  test('a feed ended by the server clears its stored cursor, and a feed closed by the consumer keeps it', async () => {
    const [ended, closed] = [
      createRecordedPersistence({ url: feedUrl, lastEventId: '2' }),
      createRecordedPersistence({ url: feedUrl, lastEventId: '2' }),
    ]
    const { client, network } = createTestClient()
    const feed = client.subscribe('/x', { persist: ended })
    await flushMicrotasks()
    network.last.respond({ status: 204 })
    await feed.closed
    client.subscribe('/x', { persist: closed }).close()
    await flushMicrotasks()
    expect([ended.storedCursor, closed.storedCursor]).toEqual([undefined, { url: feedUrl, lastEventId: '2' }])
  })
})

describe('events that a loop has not taken yet', () => {
  test('a run that has ended keeps its stored cursor until the loop has taken the last delta', async () => {
    const persist = createRecordedPersistence()
    const { client, open } = createTestClient()
    const run = client.stream('/generate', { persist })
    const loop = run[Symbol.asyncIterator]()
    const connection = await open()
    connection.send(start(), delta(0), delta(1), end())
    await loop.next()
    expect(persist.storedCursor).toEqual({ v: 2, url: runUrl, protocol: 'native', streamId: 'r1', heartbeat: 30_000 })
    await loop.next()
    await loop.next()
    expect(persist.storedCursor).toBeUndefined()
  })

  test('a feed ended by the server keeps its stored cursor until the loop has taken the last event', async () => {
    const persist = createRecordedPersistence()
    const { client, clock, network, open } = createTestClient()
    const loop = client.subscribe('/x', { persist })[Symbol.asyncIterator]()
    const connection = await open()
    connection.send({ data: '1', id: '1' }, { data: '2', id: '2' }, { data: '3', id: '3' })
    await loop.next()
    connection.end()
    await clock.advance(1_000)
    network.last.respond({ status: 204 })
    await flushMicrotasks()
    await loop.next()
    expect(persist.storedCursor).toEqual({ v: 2, url: feedUrl, lastEventId: '1' })
    for (const _ of [1, 2]) await loop.next()
    expect(persist.storedCursor).toBeUndefined()
  })

  test('leaving the loop of a run keeps its stored cursor', async () => {
    const persist = createRecordedPersistence()
    const { client, open } = createTestClient()
    const run = client.stream('/generate', { persist })
    const connection = await open()
    connection.send(start(), delta(0), delta(1), end())
    await flushMicrotasks()
    for await (const _ of run) break
    expect(persist.storedCursor).toEqual({ v: 2, url: runUrl, protocol: 'native', streamId: 'r1', heartbeat: 30_000 })
  })
})

test('aborting a run with detachBehavior cancel clears its stored cursor', async () => {
  const controller = new AbortController()
  const persist = createRecordedPersistence()
  const { client, network, open } = createTestClient()
  client.stream('/generate', { persist, signal: controller.signal, detachBehavior: 'cancel' }).on('delta', () => {})
  const connection = await open()
  connection.send(start(), delta(0))
  await flushMicrotasks()
  controller.abort()
  await flushMicrotasks()
  network.last.respond({ status: 204 })
  await flushMicrotasks()
  expect([network.last.request.method, persist.storedCursor]).toEqual(['DELETE', undefined])
})

test('[F4] a restored run whose connection is silent before its start event is retried after connectTimeout', async () => {
  const { client, clock, network, open } = createTestClient({ connectTimeout: 60_000 })
  client.stream('/generate', { persist: createRecordedPersistence({ url: runUrl }) }).on('delta', () => {})
  await open()
  await clock.advance(60_000)
  await clock.advance(1_000)
  expect(network.attempts.length).toBe(2)
})

test('[P2.2] [P2.3] a connected event does not move the stored cursor of a feed, and the delivery of an empty ID clears the cursor', async () => {
  const persist = createRecordedPersistence({ url: feedUrl, lastEventId: '5' })
  const { client, open } = createTestClient()
  const feed = client.subscribe('/x', { persist })
  const loop = feed[Symbol.asyncIterator]()
  const connection = await open()
  connection.send(connected('new:9'))
  await loop.next()
  void loop.next()
  expect([feed.lastEventId, persist.storedCursor]).toEqual(['5', { url: feedUrl, lastEventId: '5' }])
  connection.send({ data: '1', id: '' })
  await flushMicrotasks()
  void loop.next()
  expect([feed.lastEventId, persist.storedCursor]).toEqual(['', undefined])
})

test('errors thrown by a store are reported without affecting the run', async () => {
  const reported = vi.fn()
  vi.stubGlobal('reportError', reported)
  const throwError = (message: string) => (): never => {
    throw new Error(message)
  }
  const { client, open } = createTestClient()
  const run = client.stream('/generate', {
    persist: { load: throwError('load'), save: throwError('save'), clear: throwError('clear') },
  })
  const connection = await open()
  connection.send(start(), delta(0), end())
  expect((await run.final()).text).toBe('0 ')
  expect(reported.mock.calls.map(([error]) => (error as Error).message)).toEqual(['load', 'save', 'clear'])
  vi.unstubAllGlobals()
})

test('[F36] a feed closed while its cursor is loading does not call the headers option', async () => {
  const headers = vi.fn(() => ({}))
  const { client } = createTestClient({ headers })
  let loaded!: () => void
  const load = new Promise<undefined>((resolve) => (loaded = () => resolve(undefined)))
  const feed = client.subscribe('/x', { persist: { ...createRecordedPersistence(), load: () => load } })
  await flushMicrotasks()
  feed.close()
  loaded()
  await flushMicrotasks()
  expect(headers).not.toHaveBeenCalled()
})
