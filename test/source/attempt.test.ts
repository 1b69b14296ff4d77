/** A single attempt: its hooks, its failures, and the cleanup afterwards. */
import { describe, expect, test } from 'vitest'
import { StreamError } from '../../src/base/errors.ts'
import type { Batch, ConnectRequest } from '../../src/connect/connect.ts'
import { type ReadHooks, runAttempt } from '../../src/source/attempt.ts'
import { createWatchdog } from '../../src/source/watchdog.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { createScriptedNetwork } from '../support/scripted-connect.ts'

const REQUEST: Omit<ConnectRequest, 'signal'> = {
  url: 'https://api.test/',
  method: 'GET',
  headers: [],
  credentialHeaders: [],
  maxEventSize: 100,
}

/** Starts an attempt and records its hook calls and its outcome. */
function createTestAttempt({
  ignoreAbort = false,
  idleTimeout = Infinity,
  ...hooks
}: Partial<ReadHooks> & { ignoreAbort?: boolean; idleTimeout?: number } = {}) {
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
  return { clock, network, controller, received, outcome, done }
}

describe('clean end', () => {
  test('an attempt resolves with true when its stream ends', async () => {
    const { network, received, outcome, clock } = createTestAttempt()
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

  test('an attempt that ends leaves no timer', async () => {
    const { network, clock, done } = createTestAttempt({ idleTimeout: 500 })
    await flushMicrotasks()
    network.last.respond().end()
    await done
    expect(clock.pendingDelays).toEqual([])
  })

  test('[F12] an attempt whose response check finds nothing to read resolves with false', async () => {
    const { network, received, outcome } = createTestAttempt({ checkResponse: async () => false })
    await flushMicrotasks()
    const connection = network.last.respond({ status: 204 })
    await flushMicrotasks()
    expect([received, outcome, connection.cancelled]).toEqual([[], [false], true])
  })
})

describe('failures', () => {
  test('an error of the request hook is passed on unchanged, and a failed connection is a network error with its cause', async () => {
    const cause = new Error('no')
    const first = createTestAttempt({ request: () => Promise.reject(cause) })
    await first.done
    expect(first.outcome).toEqual([cause])

    const second = createTestAttempt()
    await flushMicrotasks()
    second.network.last.respond().disconnect(cause)
    await second.done
    expect(second.outcome).toMatchObject([{ code: 'network', cause, retryable: true }])
  })

  test('a `StreamError` is passed on unchanged and cancels the connection', async () => {
    const error = new StreamError('content-type', 'no stream')
    const { network, outcome, received, done } = createTestAttempt({ checkResponse: () => Promise.reject(error) })
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

  test('an error thrown by onBatch ends the attempt and cancels the connection', async () => {
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
    ['no credentials', 'auth'],
    ['no response', 'network'],
  ])('[F6] %s within connectTimeout is an error with code %s', async (missing, code) => {
    const { clock, outcome } = createTestAttempt(
      missing === 'no credentials' ? { request: () => new Promise(() => {}) } : { ignoreAbort: true },
    )
    await clock.advance(999)
    expect(outcome).toEqual([])
    await clock.advance(1)
    const subject = missing === 'no credentials' ? 'No credentials' : 'No response headers'
    const message = `${subject} within 1000 ms (connectTimeout): GET https://api.test/`
    expect(outcome).toMatchObject([{ code, retryable: true, message }])
  })

  test('[F4] a connection that is silent for idleTimeout fails with code idle', async () => {
    const { clock, network, outcome } = createTestAttempt({ idleTimeout: 500 })
    await flushMicrotasks()
    network.last.respond().send({ data: 'a' })
    await flushMicrotasks()
    await clock.advance(500)
    expect(outcome).toMatchObject([{ code: 'idle', retryable: true }])
    expect(clock.pendingDelays).toEqual([])
  })
})

describe('[F36] [F37] aborting', () => {
  /** Resolves with `value`, and aborts after the promise resolves but before the code that awaits it continues. */
  const abortAfter = <Value>(value: Value, controller: AbortController): Promise<Value> => {
    const promise = Promise.resolve(value)
    queueMicrotask(() => promise.then(() => controller.abort('enough')))
    return promise
  }

  test('an abort in the microtask after the response check prevents onOpen', async () => {
    const testAttempt = createTestAttempt({ checkResponse: () => abortAfter(undefined, testAttempt.controller) })
    await flushMicrotasks()
    testAttempt.network.last.respond()
    await flushMicrotasks()
    expect([testAttempt.received, testAttempt.outcome]).toEqual([[], ['enough']])
  })

  test('an abort in the microtask after a read prevents onBatch', async () => {
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

  test.each(['preparing the request', 'connecting', 'reading', 'paused'])(
    'an abort while %s ends the attempt immediately, and no hook is called afterwards',
    async (phase) => {
      const { controller, network, received, outcome, clock } = createTestAttempt({
        ignoreAbort: true,
        ...(phase === 'preparing the request' && { request: () => new Promise(() => {}) }),
        ...(phase === 'paused' && { onBatch: () => new Promise(() => {}) }),
      })
      await flushMicrotasks()
      const connection = phase === 'reading' || phase === 'paused' ? network.last.respond() : undefined
      connection?.send({ data: 'a' })
      await flushMicrotasks()
      const before = [...received]
      controller.abort('enough')
      await flushMicrotasks()
      expect(outcome).toEqual(['enough'])
      const late = phase === 'connecting' ? network.last.respond() : connection
      late?.send({ data: 'late' })
      await flushMicrotasks()
      expect([received, clock.pendingDelays, late?.cancelled ?? true]).toEqual([before, [], true])
    },
  )

  test('an abort in onOpen prevents further hook calls', async () => {
    const testAttempt = createTestAttempt({ onOpen: () => testAttempt.controller.abort('enough') })
    await flushMicrotasks()
    testAttempt.network.last.respond().send({ data: 'a' })
    await flushMicrotasks()
    expect([testAttempt.received, testAttempt.outcome]).toEqual([[], ['enough']])
  })
})

test('[F4] [F33] backpressure is not mistaken for a silent server', async () => {
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

test('[F33] the promise returned by onBatch delays the next read', async () => {
  let release!: () => void
  const { network, received } = createTestAttempt({
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
