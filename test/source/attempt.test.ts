/** One attempt by itself: what it asks, when it gives up, and what it leaves behind. */
import { describe, expect, test } from 'vitest'
import { StreamError } from '../../src/base/errors.ts'
import type { Batch, ConnectRequest } from '../../src/connect/connect.ts'
import { type AttemptHooks, runAttempt } from '../../src/source/attempt.ts'
import { createWatchdog } from '../../src/source/watchdog.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { createScriptedNetwork } from '../support/scripted-connect.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'

const REQUEST: Omit<ConnectRequest, 'signal'> = {
  url: 'https://api.test/',
  method: 'GET',
  headers: [],
  credentialHeaders: [],
  maxEventSize: 100,
}

/** An attempt under way, with what it tells. */
function createTestAttempt({
  ignoreAbort = false,
  idleTimeout = Infinity,
  ...hooks
}: Partial<AttemptHooks> & { ignoreAbort?: boolean; idleTimeout?: number } = {}) {
  const clock = createManualClock()
  const network = createScriptedNetwork({ ignoreAbort })
  const controller = new AbortController()
  const received: string[] = []
  const outcome: unknown[] = []
  const done = runAttempt(
    {
      connect: network.connect,
      clock,
      connectTimeout: 1_000,
      startWatchdog: (onSilence) => createWatchdog(clock, idleTimeout, Infinity, onSilence),
    },
    controller,
    {
      label: 'GET https://api.test/',
      request: async (signal) => ({ ...REQUEST, signal }),
      checkResponse: async () => {},
      onOpen: () => received.push('opened'),
      onBatch: ({ blocks }: Batch) => void received.push(...blocks.map(({ data }) => String(data))),
      ...hooks,
    },
  ).then(
    (clean) => outcome.push(clean),
    (error: unknown) => outcome.push(error),
  )
  return { clock, network, controller, heard: received, outcome, done }
}

describe('the end', () => {
  test('of a stream', async () => {
    const { network, heard: received, outcome, clock } = createTestAttempt()
    await flushMicrotasks()
    const connection = network.last.respond()
    connection.send({ data: 'a' }, { data: 'b' })
    connection.end()
    await flushMicrotasks()
    expect([received, outcome, clock.pendingDelays, connection.cancelled]).toEqual([
      ['opened', 'a', 'b'],
      [true],
      [],
      true,
    ])
  })

  test('leaves no timer', async () => {
    const { network, clock, done } = createTestAttempt({ idleTimeout: 500 })
    await flushMicrotasks()
    network.last.respond().end()
    await done
    expect(clock.pendingDelays).toEqual([])
  })

  test('[F12] 204: nobody judges it', async () => {
    const {
      network,
      heard: received,
      outcome,
    } = createTestAttempt({ checkResponse: () => Promise.reject(new Error('judged')) })
    await flushMicrotasks()
    network.last.respond({ status: 204 })
    await flushMicrotasks()
    expect([received, outcome]).toEqual([[], [false]])
  })
})

describe('failures', () => {
  test('of what is asked for are `auth`, of the connection `network`, with the cause', async () => {
    const cause = new Error('no')
    const first = createTestAttempt({ request: () => Promise.reject(cause) })
    await first.done
    expect(first.outcome).toMatchObject([
      { code: 'auth', cause, retryable: true, message: 'Failed: GET https://api.test/' },
    ])

    const second = createTestAttempt()
    await flushMicrotasks()
    second.network.last.respond().disconnect(cause)
    await second.done
    expect(second.outcome).toMatchObject([{ code: 'network', cause, retryable: true }])
  })

  test('that are told by a `StreamError` stay what they are, and the connection is let go of', async () => {
    const error = new StreamError('content-type', 'no stream')
    const {
      network,
      outcome,
      heard: received,
      done,
    } = createTestAttempt({ checkResponse: () => Promise.reject(error) })
    await flushMicrotasks()
    const connection = network.last.respond()
    await done
    expect([outcome, received, connection.cancelled, network.last.request.signal.aborted]).toEqual([
      [error],
      [],
      true,
      true,
    ])
  })

  test('of whoever reads end it after what came before', async () => {
    const error = new StreamError('gap', 'missing')
    const { network, outcome, done } = createTestAttempt({
      onBatch() {
        throw error
      },
    })
    await flushMicrotasks()
    const connection = network.last.respond()
    connection.send({ data: 'a' })
    await done
    expect([outcome, connection.cancelled]).toEqual([[error], true])
  })

  test.each([
    ['credentials', 'auth'],
    ['an answer', 'network'],
  ])('[F6] no %s within connectTimeout', async (what, code) => {
    const { clock, outcome } = createTestAttempt(
      what === 'credentials' ? { request: () => new Promise(() => {}) } : { ignoreAbort: true },
    )
    await clock.advance(999)
    expect(outcome).toEqual([])
    await clock.advance(1)
    expect(outcome).toMatchObject([{ code, retryable: true, message: 'Nothing within 1000 ms: GET https://api.test/' }])
  })

  test('[F4] silence', async () => {
    const { clock, network, outcome } = createTestAttempt({ idleTimeout: 500 })
    await flushMicrotasks()
    network.last.respond().send({ data: 'a' })
    await flushMicrotasks()
    await clock.advance(500)
    expect(outcome).toMatchObject([{ code: 'idle', retryable: true }])
    expect(clock.pendingDelays).toEqual([])
  })
})

describe('[F36] [F37] given up', () => {
  /** What aborts once whoever waits for it has been told that it is there, and before he goes on. */
  const abortAfter = <Value>(value: Value, controller: AbortController): Promise<Value> => {
    const promise = Promise.resolve(value)
    queueMicrotask(() => promise.then(() => controller.abort('enough')))
    return promise
  }

  test('in the microtask between an answer and what is done with it', async () => {
    const testSource = createTestAttempt({ checkResponse: () => abortAfter(undefined, testSource.controller) })
    await flushMicrotasks()
    testSource.network.last.respond()
    await flushMicrotasks()
    expect([testSource.heard, testSource.outcome]).toEqual([[], ['enough']])
  })

  test('in the microtask between a read and what is done with it', async () => {
    const controller = new AbortController()
    const received: string[] = []
    const batch: Batch = { blocks: [{ type: 'message', data: 'a', id: undefined }], bytes: 9 }
    const connection = {
      status: 200,
      url: REQUEST.url,
      headers: new Headers(),
      read: () => abortAfter(batch, controller),
      readText: async () => '',
      cancel: () => received.push('cancelled'),
    }
    const attempt = runAttempt(
      { connect: async () => connection, clock: createManualClock(), connectTimeout: 1_000 },
      controller,
      {
        label: 'GET https://api.test/',
        request: async (signal) => ({ ...REQUEST, signal }),
        checkResponse: async () => {},
        onOpen: () => received.push('opened'),
        onBatch: () => void received.push('read'),
      },
    )
    await expect(attempt).rejects.toBe('enough')
    expect(received).toEqual(['opened', 'cancelled'])
  })

  test.each(['asking', 'connecting', 'reading', 'held back'])(
    'while %s: at once, and no hook is called after it',
    async (when) => {
      const {
        controller,
        network,
        heard: received,
        outcome,
        clock,
      } = createTestAttempt({
        ignoreAbort: true,
        ...(when === 'asking' && { request: () => new Promise(() => {}) }),
        ...(when === 'held back' && { onBatch: () => new Promise(() => {}) }),
      })
      await flushMicrotasks()
      const connection = when === 'reading' || when === 'held back' ? network.last.respond() : undefined
      connection?.send({ data: 'a' })
      await flushMicrotasks()
      const before = [...received]
      controller.abort('enough')
      await flushMicrotasks()
      expect(outcome).toEqual(['enough'])
      const late = when === 'connecting' ? network.last.respond() : connection
      late?.send({ data: 'late' })
      await flushMicrotasks()
      expect([received, clock.pendingDelays, late?.cancelled ?? true]).toEqual([before, [], true])
    },
  )

  test('by a hook: the rest is silence', async () => {
    const testSource = createTestAttempt({ onOpen: () => testSource.controller.abort('enough') })
    await flushMicrotasks()
    testSource.network.last.respond().send({ data: 'a' })
    await flushMicrotasks()
    expect([testSource.heard, testSource.outcome]).toEqual([[], ['enough']])
  })
})

test('[F4] [F33] who holds the reading back is no silent server', async () => {
  const { network, clock, outcome, controller } = createTestAttempt({
    idleTimeout: 500,
    onBatch: () => new Promise(() => {}),
  })
  await flushMicrotasks()
  network.last.respond().send({ data: 'a' })
  await clock.advance(10_000)
  expect(outcome).toEqual([])
  controller.abort('enough')
  await flushMicrotasks()
  expect(outcome).toEqual(['enough'])
})

test('[F33] what reading returns holds the next read back', async () => {
  let release!: () => void
  const { network, heard: received } = createTestAttempt({
    onBatch: () => new Promise<void>((resolve) => (release = resolve)),
  })
  await flushMicrotasks()
  const connection = network.last.respond()
  connection.send({ data: 'a' })
  connection.send({ data: 'b' })
  await flushMicrotasks()
  expect([connection.unreadBatches, received]).toEqual([1, ['opened']])
  release()
  await flushMicrotasks()
  expect(connection.unreadBatches).toBe(0)
})
