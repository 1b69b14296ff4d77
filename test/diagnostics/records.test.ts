/** Tests of the records that say how a stream began, what it received, what it stored, and why it ended. */
import { describe, expect, test, vi } from 'vitest'
import { type Diagnostic, diagnose } from '../../src/diagnostics.ts'
import { createDeferred } from '../../src/base/deferred.ts'
import { type Cursor, StreamError } from '../../src/base/errors.ts'
import type { ClientOptions } from '../../src/request/options.ts'
import type { Persistence } from '../../src/request/stream-options.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { delta, end, start } from '../support/native-events.ts'
import { type TestClient, createTestClient } from '../support/test-client.ts'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()

type Type = Diagnostic['type']

interface Fixture extends TestClient {
  /** Returns the records of these types, without the fields that every record has. */
  recordsOf(...types: Type[]): object[]
}

function createFixture(options: ClientOptions = {}, payloads = false): Fixture {
  const records: Diagnostic[] = []
  const instrument = diagnose((record) => records.push(record), { payloads })
  const recordsOf = (...types: Type[]): object[] =>
    records
      .filter(({ type }) => types.includes(type))
      .map(({ stream: _stream, name: _name, time: _time, ...fields }) => fields)
  return { ...createTestClient({ instrument, ...options }), recordsOf }
}

const createStore = (stored?: Cursor): Persistence => ({ load: () => stored, save() {}, clear() {} })

describe('made', () => {
  test('the first record of a stream has its kind, its label, and whether it resumes', () => {
    const { client, recordsOf } = createFixture()
    client.subscribe('/prices', { label: 'ticker' })
    client.subscribe('/prices', { lastEventId: '7' })
    client.stream('/generate', { label: 'answer' })
    client.resume({ url: 'https://api.test/runs/1', lastEventId: '3' })
    expect(recordsOf('made')).toEqual([
      { type: 'made', kind: 'feed', resumes: false, label: 'ticker' },
      { type: 'made', kind: 'feed', resumes: true, label: undefined },
      { type: 'made', kind: 'run', resumes: false, label: 'answer' },
      { type: 'made', kind: 'run', resumes: true, label: undefined },
    ])
    client.close()
  })
})

describe('request and response', () => {
  test('the request record follows the credentials and has the last event ID that is sent', async () => {
    const token = createDeferred<HeadersInit>()
    const { client, network, recordsOf } = createFixture({ auth: () => token.promise })
    client.subscribe('/prices', { lastEventId: '7' })
    await flushMicrotasks()
    expect(recordsOf('attempt', 'request')).toEqual([{ type: 'attempt', attempt: 1, reason: 'connect' }])
    token.resolve({ authorization: 'Bearer secret' })
    await flushMicrotasks()
    expect(recordsOf('request')).toEqual([{ type: 'request', method: 'GET', lastEventId: '7' }])
    expect(network.attempts).toHaveLength(1)
    client.close()
  })
})

describe('read and event', () => {
  test('event records have the type, ID and size of each event, and no data', async () => {
    const { client, open, recordsOf } = createFixture()
    client.subscribe('/prices')
    const connection = await open()
    connection.send({ type: 'price', data: '{"secret":1}', id: '1' }, { data: '2' }, { id: '3' })
    await flushMicrotasks()
    expect(recordsOf('event')).toEqual([
      { type: 'event', event: 'price', id: '1', size: 12 },
      { type: 'event', event: 'message', id: undefined, size: 1 },
    ])
    client.close()
  })

  test('with payloads, event records have the data', async () => {
    const { client, open, recordsOf } = createFixture({}, true)
    client.subscribe('/prices')
    const connection = await open()
    connection.send({ type: 'price', data: '{"value":1}', id: '1' })
    await flushMicrotasks()
    expect(recordsOf('event')).toEqual([{ type: 'event', event: 'price', id: '1', size: 11, data: '{"value":1}' }])
    client.close()
  })

  test('a request asks for comments only if the stream is instrumented or the application reads them', async () => {
    const { client, network } = createFixture()
    client.subscribe('/prices')
    const plain = createTestClient()
    plain.client.subscribe('/prices')
    plain.client.subscribe('/prices', { onComment() {} })
    await flushMicrotasks()
    expect(network.last.request.wantsComments).toBe(true)
    expect(plain.network.attempts.map(({ request }) => request.wantsComments)).toEqual([false, true])
    client.close()
    plain.client.close()
  })

  test('a full queue is reported when reading pauses and when it resumes', async () => {
    const { client, open, recordsOf } = createFixture({ queue: { events: 2 } })
    const feed = client.subscribe('/prices')
    const loop = feed[Symbol.asyncIterator]()
    const connection = await open()
    connection.send({ data: '1' }, { data: '2' })
    await flushMicrotasks()
    expect(recordsOf('backpressure')).toEqual([{ type: 'backpressure', isPaused: true }])
    await loop.next()
    await flushMicrotasks()
    expect(recordsOf('backpressure')).toEqual([
      { type: 'backpressure', isPaused: true },
      { type: 'backpressure', isPaused: false },
    ])
    feed.close()
  })
})

describe('reset and error', () => {
  test('a reset is reported with its reason', async () => {
    const { client, open, recordsOf } = createFixture()
    client.subscribe('/prices')
    const connection = await open()
    connection.send({ type: 'connected', data: '{"protocol":1}' }, { type: 'reset', data: '{"reason":"expired"}' })
    await flushMicrotasks()
    expect(recordsOf('reset')).toEqual([{ type: 'reset', reason: 'expired' }])
    client.close()
  })

  test('an event that is skipped because its data is invalid is reported with its ID', async () => {
    const { client, open, recordsOf } = createFixture()
    client.subscribe('/prices')
    const connection = await open()
    connection.send({ data: 'secret', id: '4' }, { data: '5', id: '5' })
    await flushMicrotasks()
    expect(recordsOf('error')).toEqual([{ type: 'error', code: 'invalid-data', id: '4' }])
    client.close()
  })
})

describe('closed', () => {
  test('a run that has ended has its finish reason and usage', async () => {
    const { client, open, recordsOf } = createFixture()
    const run = client.stream('/generate')
    const connection = await open()
    connection.send(start(), delta(0), end({ finishReason: 'length', usage: { inputTokens: 1, outputTokens: 2 } }))
    await run.final()
    expect(recordsOf('closed', 'error')).toEqual([
      { type: 'closed', reason: 'end', finishReason: 'length', usage: { inputTokens: 1, outputTokens: 2 } },
    ])
  })

  test('a feed that the server ends with 204 has the reason no-content', async () => {
    const { client, network, recordsOf } = createFixture()
    const feed = client.subscribe('/prices')
    await flushMicrotasks()
    network.last.respond({ status: 204 })
    await feed.closed
    expect(recordsOf('closed')).toEqual([{ type: 'closed', reason: 'no-content' }])
  })

  test('close(), detach() and the signal have different reasons', async () => {
    const { client, open, recordsOf } = createFixture()
    const controller = new AbortController()
    const feed = client.subscribe('/prices')
    await open()
    const run = client.stream('/generate')
    await open()
    client.subscribe('/prices', { signal: controller.signal })
    await open()
    feed.close()
    feed.close()
    run.detach()
    controller.abort()
    expect(recordsOf('closed')).toEqual([
      { type: 'closed', reason: 'close' },
      { type: 'closed', reason: 'detach' },
      { type: 'closed', reason: 'abort' },
    ])
  })

  test('cancel() reports the response to its request, and the run ends as cancelled', async () => {
    const { client, open, network, recordsOf } = createFixture()
    const run = client.stream('/generate')
    const connection = await open()
    connection.send(start(), delta(0))
    await flushMicrotasks()
    const cancelled = run.cancel()
    await flushMicrotasks()
    network.last.respond({ status: 202 })
    await cancelled
    connection.send(end({ finishReason: 'cancelled' }))
    await run.final()
    expect(recordsOf('cancel', 'closed')).toEqual([
      { type: 'cancel', status: 202 },
      { type: 'closed', reason: 'cancelled', finishReason: 'cancelled', usage: undefined },
    ])
  })

  test('a request to cancel that fails is reported with its code', async () => {
    const { client, open, network, recordsOf } = createFixture()
    const run = client.stream('/generate')
    const connection = await open()
    connection.send(start(), delta(0))
    await flushMicrotasks()
    const cancelled = run.cancel()
    await flushMicrotasks()
    network.last.fail(new StreamError('network', 'Refused'))
    await expect(cancelled).rejects.toThrow('Refused')
    expect(recordsOf('cancel', 'error', 'closed')).toEqual([
      { type: 'error', code: 'network' },
      { type: 'closed', reason: 'cancelled', finishReason: 'cancelled', usage: undefined },
    ])
  })
})

describe('cursor', () => {
  test('a cursor that a run saves, and removes at its end, is reported', async () => {
    const { client, open, recordsOf } = createFixture()
    const run = client.stream('/generate', { persist: createStore() })
    const connection = await open()
    connection.send(start(), delta(0), end())
    await run.final()
    expect(recordsOf('cursor')).toEqual([
      { type: 'cursor', action: 'saved' },
      { type: 'cursor', action: 'cleared' },
    ])
  })

  test('a cursor that a feed restores is reported before its request, but not one of another URL', async () => {
    const stored: Cursor = { v: 2, url: 'https://api.test/prices', lastEventId: '7' }
    const { client, open, recordsOf } = createFixture()
    const feed = client.subscribe('/prices', { persist: createStore(stored) })
    const connection = await open()
    feed.onAny(() => {})
    connection.send({ data: '8', id: '8' })
    await flushMicrotasks()
    client.subscribe('/other', { persist: createStore(stored) })
    await open()
    expect(recordsOf('cursor', 'request')).toEqual([
      { type: 'cursor', action: 'restored' },
      { type: 'request', method: 'GET', lastEventId: '7' },
      { type: 'cursor', action: 'saved' },
      { type: 'request', method: 'GET', lastEventId: '' },
    ])
    client.close()
  })

  test('without persist, no cursor is reported', async () => {
    const { client, open, recordsOf } = createFixture()
    const run = client.stream('/generate')
    const connection = await open()
    connection.send(start(), delta(0), end())
    await run.final()
    expect(recordsOf('cursor')).toEqual([])
  })
})

describe('instrument', () => {
  test.each([
    [
      'throws for a stream',
      () => {
        throw new Error('instrument failed')
      },
    ],
    [
      'throws for each record',
      () => () => {
        throw new Error('instrument failed')
      },
    ],
  ])('an instrument that %s is reported and does not affect the stream', async (_name, instrument) => {
    const reported = vi.fn()
    vi.stubGlobal('reportError', reported)
    const { client, open } = createTestClient({ instrument })
    const run = client.stream('/generate')
    const connection = await open()
    connection.send(start(), delta(0), end())
    expect((await run.final()).text).toBe('0 ')
    expect(reported).toHaveBeenCalledWith(new Error('instrument failed'))
  })

  test('two instruments receive the same records', async () => {
    const counts = [0, 0]
    const instruments = counts.map((_count, index) => diagnose(() => counts[index]!++))
    const { client, open } = createTestClient({
      instrument(name) {
        const observers = instruments.map((instrument) => instrument(name))
        return (record) => observers.forEach((observe) => observe(record))
      },
    })
    const run = client.stream('/generate')
    const connection = await open()
    connection.send(start(), delta(0), end())
    await run.final()
    expect(counts[0]).toBeGreaterThan(5)
    expect(counts[1]).toBe(counts[0])
  })
})
