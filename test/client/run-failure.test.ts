/** Failed runs: the errors that the loop, final() and onError receive, and the cursors of those errors. */
import { describe, expect, test } from 'vitest'
import { type StreamError, isStreamError } from '../../src/base/errors.ts'
import type { TextDelta } from '../../src/protocols/native-text.ts'
import { rawEvents } from '../../src/protocols/raw-events.ts'
import type { RunOptions } from '../../src/request/stream-options.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { delta, end, failure, start } from '../support/native-events.ts'
import { createTestClient } from '../support/test-client.ts'
import { trapUnhandled } from '../support/unhandled.ts'

const unhandled = trapUnhandled()

const open = async (options: RunOptions = {}, clientOptions = {}) => {
  const testClient = createTestClient(clientOptions)
  const run = testClient.client.stream('/api/generate', { json: { prompt: 'p' }, ...options })
  return { ...testClient, run, connection: await testClient.open() }
}
const rejectionOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no rejection',
    (error: unknown) => error,
  )
/** Iterates over a run; returns the text of each delta and the error that the loop threw. */
const collectUntilError = async (run: AsyncIterable<TextDelta>) => {
  const texts: string[] = []
  const error = await rejectionOf(
    (async () => {
      for await (const { content } of run) texts.push(content)
    })(),
  )
  return { texts, error }
}

describe('[P3.1] an `error` event', () => {
  test("after an error event the loop, final() and onError receive the same error, with the server's code", async () => {
    const { run, connection, errors, network, clock } = await open()
    connection.send(start(), delta(0, 'a'), failure())
    const { texts, error } = await collectUntilError(run)
    expect(texts).toEqual(['a'])
    expect(error).toMatchObject({
      code: 'server',
      serverCode: 'overloaded',
      message: 'Too busy',
      retryable: true,
      partial: 'a',
    })
    // Resuming would repeat the error.
    expect([(error as StreamError).cursor, run.cursor]).toEqual([undefined, undefined])
    expect(await rejectionOf(run.final())).toBe(error)
    expect(errors).toEqual([error])
    await clock.advance(60_000)
    expect(network.attempts).toHaveLength(1)
  })

  test('after an error event, the closed state has the error that final() rejects with', async () => {
    const { run, connection, states } = await open()
    const final = rejectionOf(run.final())
    connection.send(start(), failure())
    const error = await final
    await flushMicrotasks()
    expect(run.state).toMatchObject({ status: 'closed' })
    expect(run.state.error).toBe(error)
    expect(states.filter(({ status }) => status === 'closed')).toEqual([run.state])
  })

  test.each(['{}', 'null', '{"message":7}'])(
    'an error event with data %s fails the run with a StreamError',
    async (data) => {
      const { run, connection } = await open({ retry: false })
      const final = rejectionOf(run.final())
      connection.send(start(), { type: 'error', data })
      const error = await final
      expect(isStreamError(error)).toBe(true)
      expect(error).toMatchObject({ code: expect.stringMatching(/^(server|invalid-data)$/) as string })
      expect(typeof (error as Error).message).toBe('string')
    },
  )
})

describe('[P3.2] [F3] a connection that ends before its run', () => {
  test('a run that ends early and cannot be resumed fails with truncated', async () => {
    const { run, connection, network, clock } = await open()
    connection.send(start({ resume: undefined }), delta(0, 'a'))
    connection.end()
    const { texts, error } = await collectUntilError(run)
    expect(texts).toEqual(['a'])
    expect(error).toMatchObject({ code: 'truncated', partial: 'a', lastEventId: 'r1:0' })
    expect(await rejectionOf(run.final())).toBe(error)
    await clock.advance(60_000)
    expect(network.attempts).toHaveLength(1)
  })

  test('a run without an idempotency key fails with truncated if it ends before its first event', async () => {
    const { run, connection, network, clock } = await open({ idempotencyKey: false })
    const final = rejectionOf(run.final())
    connection.end()
    await clock.advance(60_000)
    expect(await final).toMatchObject({ code: 'truncated', partial: '' })
    expect(network.attempts).toHaveLength(1)
  })

  test('a run answered with 204 fails with truncated', async () => {
    const { client, network } = createTestClient()
    const final = rejectionOf(client.stream('/x').final())
    await flushMicrotasks()
    network.last.respond({ status: 204, headers: {} })
    expect(await final).toMatchObject({ code: 'truncated' })
  })

  test('[F12] a 204 ends a run without an error if the protocol ends runs with the connection', async () => {
    const { client, network } = createTestClient()
    const final = client.stream('/x', { protocol: rawEvents() }).final()
    await flushMicrotasks()
    network.last.respond({ status: 204, headers: {} })
    expect(await final).toEqual({ text: '', finishReason: undefined })
  })

  test('a run that reaches its retry limit fails with retries-exhausted, the partial text, the cursor and the last error', async () => {
    const { run, connection, network, clock } = await open({ retry: 1 })
    const final = rejectionOf(run.final())
    connection.send(start(), delta(0, 'a'))
    connection.end()
    await clock.advance(1_000)
    network.last.respond().end()
    const error = await final
    expect(error).toMatchObject({
      code: 'retries-exhausted',
      partial: 'a',
      lastEventId: 'r1:0',
      cause: { code: 'truncated' },
      cursor: { url: 'https://api.test/api/generate/r1', lastEventId: 'r1:0' },
    })
    expect(JSON.parse(JSON.stringify((error as { cursor: object }).cursor))).toEqual(
      (error as { cursor: object }).cursor,
    )
  })
})

describe('[F27] indexes', () => {
  test('a run that skips an index resumes from the last good event', async () => {
    const { run, connection, network, clock } = await open()
    const final = run.final()
    connection.send(start(), delta(0, 'a'), delta(2, 'c'))
    await flushMicrotasks()
    expect(run.text).toBe('a')
    expect(run.state).toMatchObject({ status: 'waiting', error: { code: 'gap' } })
    await clock.advance(1_000)
    expect(network.last.request).toMatchObject({ method: 'GET', lastEventId: 'r1:0' })
    network.last.respond().send(delta(1, 'b'), delta(2, 'c'), end())
    expect((await final).text).toBe('abc')
  })

  test('a run that skips the same index again fails with a gap error and the partial text', async () => {
    const { run, connection, network, clock } = await open()
    const final = rejectionOf(run.final())
    connection.send(start(), delta(0, 'a'), delta(2, 'c'))
    await clock.advance(1_000)
    network.last.respond().send(delta(2, 'c'))
    await clock.advance(60_000)
    expect(await final).toMatchObject({
      code: 'gap',
      message: 'Expected delta 1, received delta 2: POST https://api.test/api/generate',
      partial: 'a',
      lastEventId: 'r1:0',
    })
    expect(network.attempts).toHaveLength(2)
  })

  test('a run that later skips a different index resumes again', async () => {
    const { run, connection, network, clock } = await open()
    const final = run.final()
    connection.send(start(), delta(1))
    await clock.advance(1_000)
    network.last.respond().send(delta(0, 'a'), delta(2, 'c'))
    await clock.advance(clock.pendingDelays[0]!)
    network.last.respond().send(delta(1, 'b'), delta(2, 'c'), end())
    expect((await final).text).toBe('abc')
  })

  test('a run that cannot be resumed fails with a gap error as soon as it skips an index', async () => {
    const { run, connection, network, clock } = await open()
    const final = rejectionOf(run.final())
    connection.send(start({ resume: undefined }), delta(0, 'a'), delta(2, 'c'))
    await clock.advance(60_000)
    expect(await final).toMatchObject({ code: 'gap', partial: 'a' })
    expect(network.attempts).toHaveLength(1)
  })

  test.each(['"0"', 'null', '-1', '1.5', '{}', 'true'])(
    'an invalid index fails the run with invalid-data instead of losing the delta (%s)',
    async (index) => {
      const { run, connection, network, clock } = await open()
      connection.send(
        start(),
        delta(0, 'a'),
        { type: 'delta', data: `{"content":"b","index":${index}}`, id: 'r1:bad' },
        end(),
      )
      const { texts, error } = await collectUntilError(run)
      expect(texts).toEqual(['a'])
      expect(error).toMatchObject({ code: 'invalid-data', lastEventId: 'r1:bad', partial: 'a', retryable: false })
      await clock.advance(60_000)
      expect(network.attempts).toHaveLength(1)
    },
  )

  test('[F25] deltas whose index was already received are skipped', async () => {
    const { run, connection } = await open()
    connection.send(start(), delta(0, 'a'), delta(0, 'a'), delta(1, 'b'), delta(0, 'a'), delta(2, 'c'), end())
    expect((await collectUntilError(run)).texts).toEqual(['a', 'b', 'c'])
    expect(run.text).toBe('abc')
  })
})

describe('[F30] data that violates the protocol', () => {
  test.each([
    ['delta', '{'],
    ['delta', 'null'],
    ['start', '['],
    ['end', ''],
    ['tool_call', 'not JSON'],
  ])('a %s event with data %j fails the run with invalid-data and the event ID', async (type, data) => {
    const { run, connection, clock, network } = await open()
    const final = rejectionOf(run.final())
    connection.send(start(), delta(0, 'a'), { type, data, id: 'r1:bad' })
    await clock.advance(600_000)
    expect(await final).toMatchObject({
      code: 'invalid-data',
      message: `Invalid data in event "${type}": POST https://api.test/api/generate`,
      lastEventId: 'r1:bad',
      partial: 'a',
      retryable: false,
    })
    expect(network.attempts).toHaveLength(1)
  })

  test('an invalid resume URL fails the run with invalid-data', async () => {
    const { run, connection, clock } = await open()
    const final = rejectionOf(run.final())
    connection.send(start({ resume: 'https://' }))
    await clock.advance(600_000)
    expect(await final).toMatchObject({ code: 'invalid-data' })
  })
})

describe('error reporting', () => {
  test('the error of a run without a consumer is reported once', async () => {
    const { connection, clock } = await open({}, { onError: undefined })
    connection.send(start(), failure())
    await clock.advance(0)
    expect(unhandled.reported.splice(0)).toMatchObject([{ code: 'server' }])
  })

  test('the error of a run with only listeners is reported', async () => {
    const { run, connection, clock } = await open({}, { onError: undefined })
    run.on('start', () => {})
    connection.send(start(), failure())
    await clock.advance(0)
    expect(unhandled.reported.splice(0)).toMatchObject([{ code: 'server' }])
  })

  test('an error received by final() is not reported, even if final() is called after the failure in the same task', async () => {
    const { run, connection, clock } = await open({}, { onError: undefined })
    connection.send(start(), failure())
    await flushMicrotasks()
    const error = await rejectionOf(run.final())
    await clock.advance(0)
    expect(error).toMatchObject({ code: 'server' })
    expect(unhandled.reported).toEqual([])
  })

  test('an error thrown by a loop is not reported', async () => {
    const { run, connection, clock } = await open({}, { onError: undefined })
    connection.send(start(), failure())
    expect((await collectUntilError(run)).error).toMatchObject({ code: 'server' })
    await clock.advance(0)
    expect(unhandled.reported).toEqual([])
  })

  test('several handled final() promises cause no unhandled rejection', async () => {
    const { run, connection } = await open()
    void run.final().catch(() => {})
    run.final().then(
      () => {},
      () => {},
    )
    connection.send(start(), failure())
    await flushMicrotasks()
    expect(run.state.status).toBe('closed')
  })

  test('every final() call rejects with the same error', async () => {
    const { run, connection } = await open()
    const finals = [rejectionOf(run.final()), rejectionOf(run.final())]
    connection.send(start(), failure())
    const [one, other] = await Promise.all(finals)
    expect(one).toBe(other)
    expect(await rejectionOf(run.final())).toBe(one)
  })
})

describe('[F15] refused requests', () => {
  test.each([400, 403, 404, 410, 422])(
    'status %d before the start event fails the run with an http error',
    async (status) => {
      const { client, network, clock } = createTestClient()
      const final = rejectionOf(client.stream('/x', { json: {} }).final())
      await flushMicrotasks()
      network.last.respond({
        status,
        headers: { 'content-type': 'application/problem+json' },
        problem: '{"title":"No"}',
      })
      await clock.advance(60_000)
      expect(await final).toMatchObject({ code: 'http', status, problem: { title: 'No' }, partial: '' })
      expect(network.attempts).toHaveLength(1)
    },
  )
})
