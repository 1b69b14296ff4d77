/** A single attempt: its hooks, its failures, and the cleanup afterwards. */
import { describe, expect, test } from 'vitest'
import { StreamError } from '../../src/base/errors.ts'
import type { Batch, ConnectRequest } from '../../src/connect/connect.ts'
import { Attempt, type AttemptHooks } from '../../src/source/attempt.ts'
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

/** Starts an attempt and records its hook calls, and the error that it ends with. */
function createTestAttempt({
  ignoreAbort = false,
  idleTimeout = Infinity,
  ...hooks
}: Partial<AttemptHooks> & { ignoreAbort?: boolean; idleTimeout?: number } = {}) {
  const clock = createManualClock()
  const network = createScriptedNetwork({ ignoreAbort })
  const received: string[] = []
  const outcome: unknown[] = []
  let end!: () => void
  const done = new Promise<void>((resolve) => (end = resolve))
  const attempt = new Attempt(
    { connect: network.connect, clock, connectTimeout: 1_000 },
    {
      label: 'GET https://api.test/',
      request: async (signal) => ({ ...REQUEST, signal }),
      checkResponse: async () => {},
      startWatchdog: (onSilence) => createWatchdog(clock, idleTimeout, Infinity, onSilence),
      onOpen: () => void received.push('opened'),
      onBatch: ({ blocks }: Batch) => void received.push(...blocks.map(({ data }) => String(data))),
      endOfConnection: (isEmpty) => void received.push(isEmpty ? 'empty' : 'ended'),
      onEnd(error) {
        outcome.push(error)
        end()
      },
      ...hooks,
    },
  )
  attempt.start()
  return { clock, network, attempt, received, outcome, done }
}

describe('clean end', () => {
  test('an attempt ends without an error when its stream ends', async () => {
    const { network, received, outcome, clock } = createTestAttempt()
    await flushMicrotasks()
    const connection = network.last.respond()
    connection.send({ data: 'a' }, { data: 'b' })
    connection.end()
    await flushMicrotasks()
    expect([received, outcome, clock.pendingDelays, connection.cancelled]).toEqual([
      ['opened', 'a', 'b', 'ended'],
      [undefined],
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

  test.each([true, false])(
    'the end of a connection can be an error, and says whether it was empty: %s',
    async (wasEmpty) => {
      const empty = new StreamError('network', 'empty')
      const ended = new StreamError('network', 'ended')
      const { network, outcome, done } = createTestAttempt({ endOfConnection: (isEmpty) => (isEmpty ? empty : ended) })
      await flushMicrotasks()
      const connection = network.last.respond()
      if (!wasEmpty) connection.comment()
      connection.end()
      await done
      expect(outcome).toEqual([wasEmpty ? empty : ended])
    },
  )

  test('[F12] an attempt whose response check finds nothing to read ends without an error, and reads nothing', async () => {
    const { network, received, outcome } = createTestAttempt({ checkResponse: async () => false })
    await flushMicrotasks()
    const connection = network.last.respond({ status: 204 })
    await flushMicrotasks()
    expect([received, outcome, connection.cancelled, connection.pendingReads]).toEqual([[], [undefined], true, 0])
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

  test.each([
    ['thrown', 'throws'],
    ['returned', 'resolves'],
  ])('an error %s by onBatch ends the attempt and cancels the connection', async (_how, kind) => {
    const error = new StreamError('gap', 'missing')
    const { network, outcome, done } = createTestAttempt({
      onBatch() {
        if (kind === 'throws') throw error
        return Promise.resolve(error)
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

describe('[F36] [F37] stop()', () => {
  /** Resolves with `value`, and stops after the promise resolves but before the code that awaits it continues. */
  const stopAfter = <Value>(value: Value, getAttempt: () => Attempt): Promise<Value> => {
    const promise = Promise.resolve(value)
    void promise.then(() => getAttempt().stop())
    return promise
  }

  test('stop() in the microtask after the response check prevents onOpen', async () => {
    const testAttempt = createTestAttempt({ checkResponse: () => stopAfter(undefined, () => testAttempt.attempt) })
    await flushMicrotasks()
    testAttempt.network.last.respond()
    await flushMicrotasks()
    expect([testAttempt.received, testAttempt.outcome]).toEqual([[], []])
  })

  test('stop() in the microtask after a read prevents onBatch', async () => {
    const received: string[] = []
    const batch: Batch = { blocks: [{ type: 'message', data: 'a', id: undefined }], bytes: 9 }
    const connection = {
      status: 200,
      url: REQUEST.url,
      headers: new Headers(),
      read: () => stopAfter(batch, () => attempt),
      readText: async () => '',
      cancel: () => received.push('cancelled'),
    }
    const attempt: Attempt = new Attempt(
      { connect: async () => connection, clock: createManualClock(), connectTimeout: 1_000 },
      {
        label: 'GET https://api.test/',
        request: async (signal) => ({ ...REQUEST, signal }),
        checkResponse: async () => {},
        onOpen: () => void received.push('opened'),
        onBatch: () => void received.push('read'),
        onEnd: () => received.push('end'),
      },
    )
    attempt.start()
    await flushMicrotasks()
    expect(received).toEqual(['opened', 'cancelled'])
  })

  test.each(['preparing the request', 'connecting', 'reading', 'paused'])(
    'stop() while %s aborts the signal, and no hook is called afterwards',
    async (phase) => {
      let signal!: AbortSignal
      const { attempt, network, received, outcome, clock } = createTestAttempt({
        ignoreAbort: true,
        async request(attemptSignal) {
          signal = attemptSignal
          return phase === 'preparing the request' ? new Promise(() => {}) : { ...REQUEST, signal }
        },
        ...(phase === 'paused' && { onBatch: () => new Promise(() => {}) }),
      })
      await flushMicrotasks()
      const connection = phase === 'reading' || phase === 'paused' ? network.last.respond() : undefined
      connection?.send({ data: 'a' })
      await flushMicrotasks()
      const before = [...received]
      attempt.stop()
      expect(signal.aborted).toBe(true)
      const late = phase === 'connecting' ? network.last.respond() : connection
      late?.send({ data: 'late' })
      await flushMicrotasks()
      expect([received, outcome, clock.pendingDelays, late?.cancelled ?? true]).toEqual([before, [], [], true])
    },
  )

  test('stop() in onOpen prevents further hook calls', async () => {
    const testAttempt = createTestAttempt({ onOpen: () => testAttempt.attempt.stop() })
    await flushMicrotasks()
    testAttempt.network.last.respond().send({ data: 'a' })
    await flushMicrotasks()
    expect([testAttempt.received, testAttempt.outcome]).toEqual([[], []])
  })
})

describe('drain()', () => {
  test('the rest of the connection is read but not used, and then nothing is left', async () => {
    const { attempt, network, received, outcome, clock } = createTestAttempt()
    await flushMicrotasks()
    const connection = network.last.respond()
    await flushMicrotasks()
    attempt.drain()
    connection.send({ data: 'rest' })
    connection.end()
    await flushMicrotasks()
    expect([connection.cancelled, connection.unreadBatches, clock.pendingDelays]).toEqual([true, 0, []])
    expect([received, outcome, network.last.request.signal.aborted]).toEqual([['opened'], [], false])
  })

  test('a connection that does not end is cancelled after a second', async () => {
    const { attempt, network, received, outcome, clock } = createTestAttempt()
    await flushMicrotasks()
    const connection = network.last.respond()
    await flushMicrotasks()
    attempt.drain()
    await clock.advance(999)
    expect(connection.cancelled).toBe(false)
    await clock.advance(1)
    expect([connection.cancelled, network.last.request.signal.aborted]).toEqual([true, true])
    expect([received, outcome, clock.pendingDelays]).toEqual([['opened'], [], []])
  })
})

test('[F4] [F33] backpressure is not mistaken for a silent server', async () => {
  const { network, clock, outcome } = createTestAttempt({
    idleTimeout: 500,
    onBatch: () => new Promise(() => {}),
  })
  await flushMicrotasks()
  network.last.respond().send({ data: 'a' })
  await clock.advance(10_000)
  expect(outcome).toEqual([])
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
