/** `createRunStore` without a framework: snapshots, pace, actions, and components that come and go. */
import { describe, expect, test, vi } from 'vitest'
import { native } from '../../src/index.ts'
import { persist } from '../../src/persist.ts'
import { type RunRequest, type RunStoreOptions, createRunStore } from '../../src/store.ts'
import { createRecordedStore } from '../persist/stores.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { delta, end, failure, start } from '../support/native-events.ts'
import { createTestClient } from '../support/test-client.ts'

const ask = (prompt: string): RunRequest => ({ url: '/generate', json: { prompt } })
const createTestStore = (options: RunStoreOptions = {}) => {
  const testClient = createTestClient()
  const store = createRunStore(testClient.client, { pace: 'sync', ...options })
  const log = (): string[] =>
    testClient.network.attempts.map(({ request: { method, url } }) => `${method} ${url.slice(16)}`)
  return { ...testClient, store, log }
}

describe('snapshots', () => {
  test('a store is idle until a request is started, and get() returns the same object between changes', async () => {
    const { store, open } = createTestStore()
    const idle = store.get()
    expect(idle).toEqual({
      status: 'idle',
      text: '',
      message: undefined,
      finishReason: undefined,
      usage: undefined,
      error: undefined,
      connection: { status: 'idle', attempt: 1 },
    })
    store.actions.start(ask('one'))
    expect(store.get().status).toBe('submitted')
    const connection = await open()
    connection.send(start(), delta(0, 'a'))
    await flushMicrotasks()
    expect(store.get()).toMatchObject({ status: 'streaming', text: 'a' })
    expect(store.get()).toBe(store.get())
    expect(idle.text).toBe('')
  })

  test('with the pace 100, listeners are called at most every 100 ms, and at once when the run has ended', async () => {
    const clock = createManualClock()
    const { store, open } = createTestStore({ pace: 100, clock })
    const texts: string[] = []
    store.actions.start(ask('one'))
    const connection = await open()
    await clock.advance(100)
    store.subscribe(() => texts.push(store.get().text))
    connection.send(start(), delta(0, 'a'))
    await clock.advance(99)
    connection.send(delta(1, 'b'))
    await clock.advance(1)
    connection.send(delta(2, 'c'), end())
    await flushMicrotasks()
    expect(texts).toEqual(['ab', 'abc'])
    expect(clock.pendingDelays).toEqual([])
  })

  test('a protocol with blocks gives the message', async () => {
    const { client, open } = createTestClient()
    const store = createRunStore(client, { pace: 'sync' })
    store.actions.start({ ...ask('one'), protocol: native({ blocks: true }) })
    const connection = await open()
    connection.send(start(), {
      type: 'delta',
      data: '{"type":"reasoning","block":0,"content":"hm","index":0}',
      id: 'r1:0',
    })
    await flushMicrotasks()
    expect(store.get()).toMatchObject({
      status: 'streaming',
      text: '',
      message: { blocks: [{ type: 'reasoning', content: 'hm' }] },
    })
  })
})

describe('actions', () => {
  test('an error of the server keeps the text; resume() is refused, and retry() starts a new run', async () => {
    const { store, open, log } = createTestStore()
    store.actions.start(ask('one'))
    const connection = await open()
    connection.send(start(), delta(0, 'a'), failure())
    await flushMicrotasks()
    expect(store.get()).toMatchObject({ status: 'error', text: 'a', error: { code: 'server' } })
    expect(store.actions.resume()).toBe(false)
    store.actions.retry()
    await flushMicrotasks()
    expect([store.get().status, store.get().text, log()]).toEqual([
      'submitted',
      '',
      ['POST /generate', 'POST /generate'],
    ])
  })

  test('a stop that the server does not confirm is reported with the status stopped', async () => {
    const onError = vi.fn()
    const { store, network, open } = createTestStore({ onError })
    store.actions.start(ask('one'))
    const connection = await open()
    connection.send(start(), delta(0, 'a'))
    await flushMicrotasks()
    store.actions.stop()
    await flushMicrotasks()
    network.last.respond({ status: 403 })
    await flushMicrotasks()
    expect(store.get()).toMatchObject({ status: 'stopped', text: 'a', error: { code: 'http', status: 403 } })
    expect(onError).toHaveBeenCalledTimes(1)
  })

  test('a run that ends before the stop reaches the server is done', async () => {
    const onFinish = vi.fn()
    const { store, open } = createTestStore({ onFinish })
    store.actions.start(ask('one'))
    const connection = await open()
    connection.send(start(), delta(0, 'a'))
    await flushMicrotasks()
    store.actions.stop()
    connection.send(end())
    await flushMicrotasks()
    expect(store.get()).toMatchObject({ status: 'done', text: 'a', finishReason: 'stop' })
    expect(onFinish).toHaveBeenCalledTimes(1)
  })

  test('resume() ends the wait for the next attempt while the connection is interrupted', async () => {
    const { store, network, open } = createTestStore()
    store.actions.start(ask('one'))
    const connection = await open()
    connection.send(start(), delta(0, 'a'))
    connection.disconnect()
    await flushMicrotasks()
    expect(store.get().connection.status).toBe('waiting')
    expect(store.actions.resume()).toBe(true)
    await flushMicrotasks()
    expect(network.attempts.length).toBe(2)
  })

  test('a request that cannot be sent is an error instead of an exception', () => {
    const { store, network } = createTestStore()
    store.actions.start({ url: 'https://user:password@api.test/' })
    expect(store.get()).toMatchObject({ status: 'error', error: expect.any(TypeError) })
    expect(network.attempts).toEqual([])
  })
})

describe('use()', () => {
  test('a component that is replaced in the same task, as by hot reloading, keeps its run', async () => {
    const { store, open, log } = createTestStore()
    const release = store.use(ask('one'))
    const connection = await open()
    connection.send(start(), delta(0, 'a'))
    await flushMicrotasks()
    release()
    store.use(ask('one'))
    await flushMicrotasks()
    connection.send(delta(1, 'b'), end())
    await flushMicrotasks()
    expect(store.get()).toMatchObject({ status: 'done', text: 'ab' })
    expect(log()).toEqual(['POST /generate'])
  })

  test('a complete run is not started again when its component is shown again', async () => {
    const { store, open, log } = createTestStore()
    const release = store.use(ask('one'))
    const connection = await open()
    connection.send(start(), delta(0, 'a'), end())
    await flushMicrotasks()
    release()
    await flushMicrotasks()
    store.use(ask('one'))
    await flushMicrotasks()
    expect([store.get().status, store.get().text, log()]).toEqual(['done', 'a', ['POST /generate']])
  })

  test('a run that was left in mid-stream is started again when its component is shown again', async () => {
    const { store, open, log } = createTestStore()
    const release = store.use(ask('one'))
    const connection = await open()
    connection.send(start(), delta(0, 'a'))
    await flushMicrotasks()
    release()
    await flushMicrotasks()
    store.use(ask('one'))
    await flushMicrotasks()
    expect(log()).toEqual(['POST /generate', 'DELETE /api/generate/r1', 'POST /generate'])
  })

  test.each([
    ['cancel', { unmount: 'cancel' }, 2],
    ['detach', { unmount: 'detach' }, 1],
  ] as const)(
    'with unmount: %s, that overrides the default of a request with persist',
    async (_, options, requests) => {
      const { store, open, log } = createTestStore(options)
      const release = store.use({ ...ask('one'), persist: persist({ key: 'a', storage: createRecordedStore() }) })
      const connection = await open()
      connection.send(start(), delta(0, 'a'))
      await flushMicrotasks()
      release()
      release()
      await flushMicrotasks()
      expect(log()).toHaveLength(requests)
    },
  )

  test('another persist key is another request, because it is another message', async () => {
    const { store, log } = createTestStore()
    const storage = createRecordedStore()
    const release = store.use({ ...ask('one'), persist: persist({ key: 'a', storage }) })
    await flushMicrotasks()
    release()
    store.use({ ...ask('one'), persist: persist({ key: 'b', storage }) })
    await flushMicrotasks()
    expect(log()).toEqual(['POST /generate', 'POST /generate'])
  })
})
