/** A stream goes on where an earlier page left it. */
import { describe, expect, test, vi } from 'vitest'
import type { Cursor } from '../../src/base/errors.ts'
import type { Persistence } from '../../src/request/options.ts'
import { delta, end, failure, start } from '../support/native-events.ts'
import { settled } from '../support/flush-microtasks.ts'
import { createStage } from '../support/test-client.ts'

interface Store extends Persistence {
  kept: Cursor | undefined
}

function createStore(kept?: Cursor): Store {
  return {
    kept,
    load() {
      return this.kept
    },
    save(cursor) {
      this.kept = cursor
    },
    clear() {
      this.kept = undefined
    },
  }
}

const runUrl = 'https://api.test/api/generate/r1'
const feedUrl = 'https://api.test/x'

describe('[F42] a run', () => {
  test('keeps where it can be read again, and a later page reads it from its start, without a second POST', async () => {
    const persist = createStore()
    const before = createStage()
    const first = before.client.stream('/generate', { json: {}, persist })
    before.network.attempts.length = 0
    const connection = await before.open()
    expect(persist.kept).toBeUndefined()
    connection.send(start(), delta(0), delta(1))
    await settled()
    expect(persist.kept).toEqual({ url: runUrl, heartbeat: 30_000 })
    first.detach()

    const after = createStage()
    const second = after.client.stream('/generate', { json: {}, persist })
    await settled()
    expect(after.network.last.request).toMatchObject({ method: 'GET', url: runUrl, body: undefined, lastEventId: '' })
    after.network.last.answer().send(start(), delta(0), delta(1), delta(2), end())
    expect((await second.final()).text).toBe('0 1 2 ')
    expect(persist.kept).toBeUndefined()
    expect(after.network.attempts.length).toBe(1)
  })

  test('with nothing kept begins as ever; an asynchronous store is waited for', async () => {
    const { client, network } = createStage()
    let loaded!: () => void
    const load = new Promise<undefined>((resolve) => (loaded = () => resolve(undefined)))
    client.stream('/generate', { json: {}, persist: { ...createStore(), load: () => load } })
    await settled()
    expect(network.attempts).toEqual([])
    loaded()
    await settled()
    expect(network.last.request).toMatchObject({ method: 'POST' })
  })

  test.each([
    ['its end', [start(), end()], undefined],
    ['its failure', [start(), failure()], undefined],
  ])('%s clears it', async (_, blocks, expected) => {
    const persist = createStore()
    const { client, open } = createStage()
    const run = client.stream('/generate', { persist })
    const connection = await open()
    connection.send(...blocks)
    await run.final().catch(() => {})
    expect(persist.kept).toBe(expected)
  })

  test('cancelled clears it', async () => {
    const persist = createStore()
    const { client, network, open } = createStage()
    const run = client.stream('/generate', { persist })
    const connection = await open()
    connection.send(start())
    await settled()
    const cancelled = run.cancel()
    await settled()
    network.last.answer({ status: 204 })
    await cancelled
    connection.send(end({ finishReason: 'cancelled' }))
    await run.final()
    expect(persist.kept).toBeUndefined()
  })

  test('that the server has forgotten is `expired`, and the next begins afresh', async () => {
    const persist = createStore({ url: runUrl })
    const { client, network } = createStage()
    const run = client.stream('/generate', { persist })
    await settled()
    network.last.answer({ status: 404 })
    await expect(run.final()).rejects.toMatchObject({ code: 'expired' })
    expect(persist.kept).toBeUndefined()
  })

  test('whose connection is lost for good is kept: a reload may have more luck', async () => {
    const persist = createStore({ url: runUrl })
    const { client, network } = createStage({ retry: false })
    const run = client.stream('/generate', { persist })
    await settled()
    network.last.refuse()
    await expect(run.final()).rejects.toMatchObject({ code: 'network' })
    expect(persist.kept).toEqual({ url: runUrl })
  })

  test.each([403, 400])('that is refused for good, with %i, is not tried again by each reload', async (status) => {
    const persist = createStore({ url: runUrl })
    const { client, network } = createStage()
    const run = client.stream('/generate', { persist })
    await settled()
    network.last.answer({ status })
    await expect(run.final()).rejects.toMatchObject({ code: 'http', status })
    expect(persist.kept).toBeUndefined()
  })

  test('whose credentials are refused is kept: the next page may have others', async () => {
    const persist = createStore({ url: runUrl })
    const { client, network } = createStage({ auth: () => ({}) })
    const run = client.stream('/generate', { persist })
    for (const _ of [1, 2]) {
      await settled()
      network.last.answer({ status: 401 })
    }
    await expect(run.final()).rejects.toMatchObject({ code: 'auth' })
    expect(persist.kept).toEqual({ url: runUrl })
  })

  test('cancelled while a store is asked is the one that is kept there', async () => {
    const { client, network } = createStage()
    let loaded!: (cursor: Cursor) => void
    const run = client.stream('/generate', {
      persist: { ...createStore(), load: () => new Promise((resolve) => (loaded = resolve)) },
    })
    await settled()
    const cancelled = run.cancel()
    loaded({ url: runUrl })
    await settled()
    expect(
      network.attempts
        .map(({ request: { method, url } }) => `${method} ${url}`)
        .toSorted((one, other) => one.localeCompare(other)),
    ).toEqual([`DELETE ${runUrl}`, `GET ${runUrl}`])
    network.attempts.find(({ request }) => request.method === 'DELETE')!.answer({ status: 204 })
    await cancelled
    client.close()
  })

  test('that is resumed from a cursor goes on from there, not from what is kept', async () => {
    const persist = createStore({ url: 'https://api.test/api/generate/other' })
    const { client, network } = createStage()
    client.resume({ url: runUrl, lastEventId: 'r1:0' }, { persist })
    await settled()
    expect(network.last.request).toMatchObject({ url: runUrl, lastEventId: 'r1:0' })
  })

  test('credentials do not go to another origin that a store names', async () => {
    const persist = createStore({ url: 'https://evil.test/x' })
    const { client, network } = createStage({ auth: () => ({ authorization: 'secret' }) })
    client.stream('/generate', { persist })
    await settled()
    expect(network.last.headers).not.toHaveProperty('authorization')
  })
})

describe('a feed', () => {
  test('keeps its delivered cursor, and a later page goes on after it', async () => {
    const persist = createStore()
    const before = createStage()
    const first = before.client.subscribe('/x', { persist })
    const loop = first[Symbol.asyncIterator]()
    const connection = await before.open()
    connection.send({ data: '1', id: '1' }, { data: '2', id: '2' }, { data: '3', id: '3' })
    for (const _ of [1, 2]) await loop.next()
    expect(persist.kept).toEqual({ url: feedUrl, lastEventId: '1' })
    await loop.next()
    expect(persist.kept).toEqual({ url: feedUrl, lastEventId: '2' })

    const after = createStage()
    const second = after.client.subscribe('/x', { persist })
    const heard: unknown[] = []
    second.on('message', ({ data }) => heard.push(data))
    const next = await after.open()
    expect(after.network.last.request.lastEventId).toBe('2')
    expect(second.lastEventId).toBe('2')
    // A server that counts the position in repeats the last event.
    next.send({ data: '2', id: '2' }, { data: '3', id: '3' })
    await settled()
    expect(heard).toEqual([3])
    expect(persist.kept).toEqual({ url: feedUrl, lastEventId: '3' })
  })

  test('flowing, saves once per read', async () => {
    const save = vi.fn()
    const { client, open } = createStage()
    client.subscribe('/x', { persist: { ...createStore(), save } }).on('message', () => {})
    const connection = await open()
    connection.send({ data: '1', id: '1' }, { data: '2', id: '2' })
    connection.send({ data: '3', id: '3' })
    await settled()
    expect(save.mock.calls).toEqual([[{ url: feedUrl, lastEventId: '2' }], [{ url: feedUrl, lastEventId: '3' }]])
  })

  test("another feed's place, or none, is not gone on from; one that is named goes first", async () => {
    const stage = createStage()
    stage.client.subscribe('/y', { persist: createStore({ url: feedUrl, lastEventId: '2' }) })
    stage.client.subscribe('/x', { persist: createStore({ url: feedUrl }) })
    stage.client.subscribe('/x', { lastEventId: '9', persist: createStore({ url: feedUrl, lastEventId: '2' }) })
    await settled()
    expect(stage.network.attempts.map(({ request }) => request.lastEventId)).toEqual(['9', '', ''])
  })

  test('that the server ends clears it; one that is closed keeps it', async () => {
    const [ended, closed] = [
      createStore({ url: feedUrl, lastEventId: '2' }),
      createStore({ url: feedUrl, lastEventId: '2' }),
    ]
    const { client, network } = createStage()
    const feed = client.subscribe('/x', { persist: ended })
    await settled()
    network.last.answer({ status: 204 })
    await feed.closed
    client.subscribe('/x', { persist: closed }).close()
    await settled()
    expect([ended.kept, closed.kept]).toEqual([undefined, { url: feedUrl, lastEventId: '2' }])
  })
})

describe('what a loop has not taken yet', () => {
  test('is not lost by a reload: a run that has ended is kept until its last delta is taken', async () => {
    const persist = createStore()
    const { client, open } = createStage()
    const run = client.stream('/generate', { persist })
    const loop = run[Symbol.asyncIterator]()
    const connection = await open()
    connection.send(start(), delta(0), delta(1), end())
    await loop.next()
    expect(persist.kept).toEqual({ url: runUrl, heartbeat: 30_000 })
    await loop.next()
    await loop.next()
    expect(persist.kept).toBeUndefined()
  })

  test('nor of a feed that the server has ended; of that nothing is kept in the end', async () => {
    const persist = createStore()
    const { client, clock, network, open } = createStage()
    const loop = client.subscribe('/x', { persist })[Symbol.asyncIterator]()
    const connection = await open()
    connection.send({ data: '1', id: '1' }, { data: '2', id: '2' }, { data: '3', id: '3' })
    await loop.next()
    connection.end()
    await clock.advance(1_000)
    network.last.answer({ status: 204 })
    await settled()
    await loop.next()
    expect(persist.kept).toEqual({ url: feedUrl, lastEventId: '1' })
    for (const _ of [1, 2]) await loop.next()
    expect(persist.kept).toBeUndefined()
  })

  test('a loop that is left keeps the run', async () => {
    const persist = createStore()
    const { client, open } = createStage()
    const run = client.stream('/generate', { persist })
    const connection = await open()
    connection.send(start(), delta(0), delta(1), end())
    await settled()
    for await (const _ of run) break
    expect(persist.kept).toEqual({ url: runUrl, heartbeat: 30_000 })
  })
})

test('a run that was aborted and cancelled is not kept', async () => {
  const controller = new AbortController()
  const persist = createStore()
  const { client, network, open } = createStage()
  client.stream('/generate', { persist, signal: controller.signal, detachBehavior: 'cancel' }).on('delta', () => {})
  const connection = await open()
  connection.send(start(), delta(0))
  await settled()
  controller.abort()
  await settled()
  network.last.answer({ status: 204 })
  await settled()
  expect([network.last.request.method, persist.kept]).toEqual(['DELETE', undefined])
})

test('[F4] a restored run whose connection is silent before its start is not waited for without end', async () => {
  const { client, clock, network, open } = createStage({ connectTimeout: 60_000 })
  client.stream('/generate', { persist: createStore({ url: runUrl }) }).on('delta', () => {})
  await open()
  await clock.advance(60_000)
  await clock.advance(1_000)
  expect(network.attempts.length).toBe(2)
})

test("[P2.2] [P2.3] a feed's place is moved neither by `connected` nor before it was delivered, and is given up with its id", async () => {
  const persist = createStore({ url: feedUrl, lastEventId: '5' })
  const { client, open } = createStage()
  const feed = client.subscribe('/x', { persist })
  const loop = feed[Symbol.asyncIterator]()
  const connection = await open()
  connection.send({ type: 'connected', data: '{}', id: 'new:9' })
  await loop.next()
  void loop.next()
  expect([feed.lastEventId, persist.kept]).toEqual(['5', { url: feedUrl, lastEventId: '5' }])
  connection.send({ data: '1', id: '' })
  await settled()
  void loop.next()
  expect([feed.lastEventId, persist.kept]).toEqual(['', undefined])
})

test('what a store throws is reported, and breaks nothing', async () => {
  const reported = vi.fn()
  vi.stubGlobal('reportError', reported)
  const broken = (what: string) => (): never => {
    throw new Error(what)
  }
  const { client, open } = createStage()
  const run = client.stream('/generate', {
    persist: { load: broken('load'), save: broken('save'), clear: broken('clear') },
  })
  const connection = await open()
  connection.send(start(), delta(0), end())
  expect((await run.final()).text).toBe('0 ')
  expect(reported.mock.calls.map(([error]) => (error as Error).message)).toEqual(['load', 'save', 'clear'])
  vi.unstubAllGlobals()
})

test('[F36] a stream that is closed before its place is known asks for no headers', async () => {
  const headers = vi.fn(() => ({}))
  const { client } = createStage({ headers })
  let loaded!: () => void
  const load = new Promise<undefined>((resolve) => (loaded = () => resolve(undefined)))
  const feed = client.subscribe('/x', { persist: { ...createStore(), load: () => load } })
  await settled()
  feed.close()
  loaded()
  await settled()
  expect(headers).not.toHaveBeenCalled()
})
