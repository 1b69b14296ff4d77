/** Cancelling a run on the server: the DELETE request, and how final() and the loop settle. */
import { describe, expect, test, vi } from 'vitest'
import type { StreamError } from '../../src/base/errors.ts'
import { openaiChat } from '../../src/protocols/openai-chat.ts'
import { bearer } from '../../src/request/auth.ts'
import type { ClientOptions } from '../../src/request/options.ts'
import type { RunOptions } from '../../src/request/stream-options.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { delta, end, failure, start } from '../support/native-events.ts'
import type { ScriptedNetwork } from '../support/scripted-connect.ts'
import { createTestClient } from '../support/test-client.ts'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()

const open = async (options: RunOptions = {}, clientOptions: ClientOptions = {}) => {
  const testClient = createTestClient(clientOptions)
  const run = testClient.client.stream('/api/generate', { json: { prompt: 'p' }, idempotencyKey: 'k1', ...options })
  return { ...testClient, run, connection: await testClient.open() }
}
const rejectionOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no rejection',
    (error: unknown) => error,
  )

describe('[P3.5] cancel()', () => {
  test('cancel() before the first request sends nothing', async () => {
    const { client, network, clock } = createTestClient()
    const run = client.stream('/x')
    await run.cancel()
    expect(await run.final()).toEqual({ text: '', finishReason: 'cancelled' })
    await clock.advance(60_000)
    expect(network.attempts).toHaveLength(0)
    expect(clock.pendingDelays).toEqual([])
  })

  test("cancel() before `start` sends DELETE to the run's request URL with the idempotency key and credentials", async () => {
    const { run, network } = await open({}, { auth: bearer('t') })
    const cancelling = run.cancel()
    await flushMicrotasks()
    expect(network.last.request).toMatchObject({ method: 'DELETE', url: 'https://api.test/api/generate' })
    expect(network.last.headers).toMatchObject({ 'idempotency-key': 'k1', authorization: 'Bearer t' })
    expect(network.last.headers).not.toHaveProperty('content-type')
    expect(network.last.request.body).toBeUndefined()
    network.last.respond({ status: 204 })
    await cancelling
  })

  test("cancel() after `start` sends DELETE to the resume URL and continues reading until the server's end event", async () => {
    const { run, connection, network, clock } = await open()
    const texts: string[] = []
    const reading = (async () => {
      for await (const { content } of run) texts.push(content)
    })()
    connection.send(start(), delta(0, 'a'))
    await flushMicrotasks()
    const cancelling = run.cancel()
    await flushMicrotasks()
    expect(network.last.request).toMatchObject({ method: 'DELETE', url: 'https://api.test/api/generate/r1' })
    const confirmation = network.last.respond({ status: 202 })
    await cancelling
    expect(confirmation.cancelled).toBe(true)
    connection.send(delta(1, 'b'), end({ finishReason: 'cancelled' }))
    connection.end()
    await reading
    expect(texts).toEqual(['a', 'b'])
    expect(await run.final()).toEqual({ text: 'ab', finishReason: 'cancelled' })
    await flushMicrotasks()
    expect(network.attempts).toHaveLength(2)
    expect(clock.pendingDelays).toEqual([])
  })

  test('a terminal event that arrives during cancel() decides the result', async () => {
    for (const terminal of [end(), failure()]) {
      const { run, connection, network } = await open()
      const final = run.final().catch((error: unknown) => error)
      connection.send(start(), delta(0, 'a'))
      await flushMicrotasks()
      const cancelling = run.cancel()
      connection.send(terminal)
      await flushMicrotasks()
      network.last.respond({ status: 204 })
      await cancelling
      expect(await final).toMatchObject(
        terminal.type === 'end' ? { text: 'a', finishReason: 'stop' } : { code: 'server' },
      )
    }
  })

  test('cancel() after the run has ended sends nothing', async () => {
    const { run, connection, network } = await open()
    connection.send(start(), end())
    await run.final()
    await run.cancel()
    await flushMicrotasks()
    expect(network.attempts).toHaveLength(1)
    expect((await run.final()).finishReason).toBe('stop')
  })

  test('concurrent cancel() calls send one DELETE', async () => {
    const { run, network } = await open()
    const cancelling = [run.cancel(), run.cancel()]
    await flushMicrotasks()
    expect(network.attempts).toHaveLength(2)
    network.last.respond({ status: 204 })
    await Promise.all(cancelling)
  })

  test.each([404, 410])('cancel() resolves if DELETE returns %d because the server has no such run', async (status) => {
    const { run, network, clock } = await open()
    const cancelling = run.cancel()
    await flushMicrotasks()
    network.last.respond({ status })
    await cancelling
    await clock.advance(5_000)
    expect(await run.final()).toMatchObject({ finishReason: 'cancelled' })
  })

  test('a connection lost after cancel() ends the run without an error', async () => {
    const { run, connection, network, clock, errors } = await open({ retry: false })
    connection.send(start(), delta(0, 'a'))
    await flushMicrotasks()
    const cancelling = run.cancel()
    await flushMicrotasks()
    network.last.respond({ status: 202 })
    await cancelling
    connection.disconnect()
    await flushMicrotasks()
    expect(await run.final()).toEqual({ text: 'a', finishReason: 'cancelled' })
    expect(errors).toEqual([])
    await clock.advance(5_000)
    expect(clock.pendingDelays).toEqual([])
  })

  test('a cancelled run waits at most 5 s for its end event', async () => {
    const { run, connection, network, clock } = await open()
    connection.send(start(), delta(0, 'a'))
    await flushMicrotasks()
    const cancelling = run.cancel()
    await flushMicrotasks()
    network.last.respond({ status: 202 })
    await cancelling
    await clock.advance(4_999)
    expect(run.state.status).toBe('open')
    await clock.advance(1)
    expect(await run.final()).toEqual({ text: 'a', finishReason: 'cancelled' })
    expect(run.state.status).toBe('closed')
  })

  test('an end event within 5 s of cancel() leaves no timer running', async () => {
    const { run, connection, network, clock } = await open()
    const cancelling = run.cancel()
    await flushMicrotasks()
    network.last.respond({ status: 204 })
    await cancelling
    connection.send(start(), end({ finishReason: 'cancelled' }))
    connection.end()
    await run.final()
    await flushMicrotasks()
    expect(clock.pendingDelays).toEqual([])
  })

  test('cancel() closes the connection when the protocol cannot cancel runs', async () => {
    const { client, open: openConnection, network } = createTestClient()
    const run = client.stream('/chat', { json: {}, protocol: openaiChat() })
    const connection = await openConnection()
    connection.send({ data: '{"choices":[{"index":0,"delta":{"content":"a"}}]}' })
    await flushMicrotasks()
    await run.cancel()
    expect(await run.final()).toMatchObject({ text: 'a', finishReason: 'cancelled' })
    expect(network.attempts).toHaveLength(1)
  })
})

describe('a DELETE that fails', () => {
  const failures: [
    name: string,
    respond: (network: ReturnType<typeof createTestClient>['network']) => void,
    error: object,
  ][] = [
    ['status 500', ({ last }) => void last.respond({ status: 500 }), { code: 'http', status: 500 }],
    ['status 403', ({ last }) => void last.respond({ status: 403 }), { code: 'http', status: 403 }],
    ['a redirect that is not followed', ({ last }) => void last.respond({ status: 0, headers: {} }), { code: 'http' }],
    ['a network error', ({ last }) => last.fail(new TypeError('fetch failed')), { code: 'network' }],
  ]
  test.each([
    ['status 500', (network: ScriptedNetwork) => network.last.respond({ status: 500 })],
    ['status 429', (network: ScriptedNetwork) => network.last.respond({ status: 429 })],
    ['a network error', (network: ScriptedNetwork) => network.last.fail(new TypeError('refused'))],
  ] as const)(
    'a DELETE that ends with %s is sent again with backoff until the server has confirmed',
    async (_, fail) => {
      const { run, connection, network, clock, errors } = await open()
      connection.send(start(), delta(0, 'a'))
      await flushMicrotasks()
      const cancelling = run.cancel()
      await flushMicrotasks()
      for (const [index, delay] of [500, 1_000, 2_000].entries()) {
        expect(network.attempts).toHaveLength(2 + index)
        fail(network)
        await clock.advance(delay - 1)
        expect(network.attempts).toHaveLength(2 + index)
        await clock.advance(1)
      }
      expect(network.last.request.method).toBe('DELETE')
      network.last.respond({ status: 204 })
      await cancelling
      connection.send(end({ finishReason: 'cancelled' }))
      expect(await run.final()).toEqual({ text: 'a', finishReason: 'cancelled' })
      expect([network.attempts.length, errors]).toEqual([5, []])
    },
  )

  test('a DELETE is not sent again once the run has ended', async () => {
    const { run, connection, network, clock } = await open()
    connection.send(start(), delta(0, 'a'))
    await flushMicrotasks()
    const cancelling = run.cancel()
    await flushMicrotasks()
    network.last.fail()
    connection.send(end())
    connection.end()
    await clock.advance(60_000)
    await cancelling
    expect([network.attempts.length, (await run.final()).finishReason]).toEqual([2, 'stop'])
    expect(clock.pendingDelays).toEqual([])
  })

  test.each(failures)(
    'a DELETE that ends with %s rejects cancel(), and final() resolves with the partial text',
    async (_name, respond, expected) => {
      const { run, connection, network, clock, errors } = await open()
      connection.send(start(), delta(0, 'a'))
      await flushMicrotasks()
      const cancelling = rejectionOf(run.cancel())
      // The DELETE is attempted at most four times within five seconds.
      for (let attempt = 1; attempt <= 4; attempt++) {
        await flushMicrotasks()
        if (network.attempts.length > attempt) respond(network)
        await clock.advance(5_000)
      }
      const cancelError = await cancelling
      expect(cancelError).toMatchObject(expected)
      expect(await run.final()).toEqual({ text: 'a', finishReason: 'cancelled', cancelError })
      expect(errors).toEqual([])
      await clock.advance(5_000)
      expect(clock.pendingDelays).toEqual([])
    },
  )

  test('the error of a failed DELETE names the request and contains no cookies', async () => {
    const { run, connection, network } = await open()
    connection.send(start(), delta(0, 'a'))
    await flushMicrotasks()
    const cancelling = rejectionOf(run.cancel())
    await flushMicrotasks()
    const headers = { 'set-cookie': 'secret', 'x-request-id': 'q7', 'content-type': 'application/problem+json' }
    network.last.respond({ status: 501, headers, problem: '{"detail":"no"}' })
    const error = (await cancelling) as StreamError
    expect(error.problem).toEqual({ detail: 'no' })
    expect(error.message).toBe('Status 501 (no): DELETE https://api.test/api/generate/r1')
    expect([...error.headers!.keys()]).toEqual(['content-type', 'x-request-id'])
  })

  test('a cancel() that is not awaited causes no unhandled rejection', async () => {
    const { run, network, clock } = await open()
    void run.cancel()
    for (let attempt = 0; attempt < 4; attempt++) {
      await flushMicrotasks()
      network.last.fail()
      await clock.advance(5_000)
    }
    expect(await run.final()).toMatchObject({ finishReason: 'cancelled', cancelError: { code: 'network' } })
  })

  test('[F38] a hanging auth callback does not block cancel() indefinitely', async () => {
    let calls = 0
    const auth = async (): Promise<HeadersInit> => (++calls > 1 ? new Promise(() => {}) : {})
    const { run, clock } = await open({}, { auth, connectTimeout: 10_000 })
    const outcome = vi.fn()
    run.cancel().then(outcome, outcome)
    const final = vi.fn()
    run.final().then(final, final)
    await clock.advance(120_000)
    expect(outcome).toHaveBeenCalledTimes(1)
    expect(final).toHaveBeenCalledTimes(1)
  })

  test('[F6] a DELETE without a response rejects cancel() with a network error', async () => {
    const { run, clock } = await open({ connectTimeout: 10_000 })
    const outcome = vi.fn()
    run.cancel().then(outcome, outcome)
    await clock.advance(120_000)
    expect(outcome.mock.calls).toMatchObject([[{ code: 'network' }]])
    expect(await run.final()).toMatchObject({ finishReason: 'cancelled' })
  })
})

describe('detachBehavior: cancel', () => {
  test('leaving the loop cancels the run', async () => {
    const { run, connection, network } = await open({ detachBehavior: 'cancel' })
    connection.send(start(), delta(0, 'a'), delta(1, 'b'))
    for await (const _ of run) break
    await flushMicrotasks()
    expect(network.last.request).toMatchObject({ method: 'DELETE', url: 'https://api.test/api/generate/r1' })
    network.last.respond({ status: 202 })
    connection.send(end({ finishReason: 'cancelled' }))
    expect(await run.final()).toMatchObject({ finishReason: 'cancelled' })
  })

  test('aborting cancels the run and rejects final() with the reason', async () => {
    const controller = new AbortController()
    const reason = new Error('enough')
    const { run, connection, network } = await open({ detachBehavior: 'cancel', signal: controller.signal })
    const final = rejectionOf(run.final())
    connection.send(start(), delta(0, 'a'))
    await flushMicrotasks()
    controller.abort(reason)
    await flushMicrotasks()
    expect(network.last.request).toMatchObject({ method: 'DELETE', url: 'https://api.test/api/generate/r1' })
    network.last.respond({ status: 202 })
    expect(await final).toBe(reason)
  })
})

describe('detachBehavior: cancel, with a DELETE that fails', () => {
  const reason = new Error('enough')

  test.each([
    ['status 500', 'http', 4, (network: ScriptedNetwork) => network.last.respond({ status: 500 })],
    ['status 403', 'http', 1, (network: ScriptedNetwork) => network.last.respond({ status: 403 })],
    ['a network error', 'network', 4, (network: ScriptedNetwork) => network.last.fail(new TypeError('refused'))],
    ['no response', 'network', 1, () => undefined],
  ] as const)('a DELETE that ends with %s is reported once to onError', async (_name, code, attempts, respond) => {
    for (const ending of ['break', 'abort'] as const) {
      const controller = new AbortController()
      const { run, connection, network, errors, clock } = await open({
        detachBehavior: 'cancel',
        signal: controller.signal,
        connectTimeout: 10_000,
      })
      connection.send(start(), delta(0, 'a'), delta(1, 'b'))
      if (ending === 'break') for await (const _ of run) break
      const final = rejectionOf(run.final())
      await flushMicrotasks()
      if (ending === 'abort') controller.abort(reason)
      await flushMicrotasks()
      expect(network.last.request.method).toBe('DELETE')
      expect(errors).toEqual([])
      for (let attempt = 1; attempt <= attempts; attempt++) {
        respond(network)
        await clock.advance(attempt < attempts ? 250 * 2 ** attempt : 120_000)
      }
      expect(errors).toMatchObject([{ code }])
      expect(await final).toBe(ending === 'break' ? 'no rejection' : reason)
      expect(network.attempts).toHaveLength(1 + attempts)
      expect(clock.pendingDelays).toEqual([])
    }
  })
})

describe('detachBehavior: cancel, without a DELETE to send', () => {
  const reason = new Error('enough')

  test.each(['before the run started', 'in the task that started the run'])(
    'aborting %s rejects the loop and final() with the reason',
    async (moment) => {
      const controller = new AbortController()
      const { client, network, errors } = createTestClient()
      if (moment === 'before the run started') controller.abort(reason)
      const run = client.stream('/x', { detachBehavior: 'cancel', signal: controller.signal })
      controller.abort(reason)
      const next = rejectionOf(run[Symbol.asyncIterator]().next())
      expect(await rejectionOf(run.final())).toBe(reason)
      expect(await next).toBe(reason)
      expect(network.attempts).toHaveLength(0)
      expect(errors).toEqual([])
    },
  )

  test('aborting a run whose protocol cannot cancel rejects the loop and final() with the reason', async () => {
    const controller = new AbortController()
    const { client, open: openConnection, network, clock } = createTestClient()
    const run = client.stream('/chat', {
      json: {},
      protocol: openaiChat(),
      detachBehavior: 'cancel',
      signal: controller.signal,
    })
    const loop = run[Symbol.asyncIterator]()
    const connection = await openConnection()
    connection.send({ data: '{"choices":[{"index":0,"delta":{"content":"a"}}]}' })
    expect(await loop.next()).toMatchObject({ value: { content: 'a' } })
    const next = rejectionOf(loop.next())
    controller.abort(reason)
    expect(await next).toBe(reason)
    expect(await rejectionOf(run.final())).toBe(reason)
    expect(network.attempts).toHaveLength(1)
    expect(network.last.request.signal.aborted).toBe(true)
    expect(clock.pendingDelays).toEqual([])
  })
})

describe('cancel() of a detached or failed run', () => {
  const resumeUrl = 'https://api.test/api/generate/r1'

  test('cancel() after break sends a DELETE, and final() still rejects with an AbortError', async () => {
    const { run, connection, network, clock } = await open()
    connection.send(start(), delta(0, 'a'), delta(1, 'b'))
    for await (const _ of run) break
    const cancelling = run.cancel()
    await flushMicrotasks()
    expect(network.attempts).toHaveLength(2)
    expect(network.last.request).toMatchObject({ method: 'DELETE', url: resumeUrl })
    network.last.respond({ status: 202 })
    await cancelling
    expect(await rejectionOf(run.final())).toMatchObject({ name: 'AbortError' })
    await clock.advance(60_000)
    expect(network.attempts).toHaveLength(2)
    expect(clock.pendingDelays).toEqual([])
  })

  test('cancel() after a network error sends a DELETE, and final() still rejects with the network error', async () => {
    const { run, connection, network, clock } = await open({ retry: false })
    const final = rejectionOf(run.final())
    connection.send(start(), delta(0, 'a'))
    connection.disconnect()
    expect(await final).toMatchObject({ code: 'network', partial: 'a' })
    const cancelling = run.cancel()
    await flushMicrotasks()
    expect(network.attempts).toHaveLength(2)
    expect(network.last.request).toMatchObject({ method: 'DELETE', url: resumeUrl })
    network.last.respond({ status: 202 })
    await cancelling
    expect(await rejectionOf(run.final())).toMatchObject({ code: 'network' })
    await clock.advance(60_000)
    expect(clock.pendingDelays).toEqual([])
  })

  test('cancel() after the end event was received sends nothing, even after break', async () => {
    const { run, connection, network } = await open()
    connection.send(start(), delta(0, 'a'), delta(1, 'b'), end())
    await flushMicrotasks()
    for await (const _ of run) break
    await run.cancel()
    expect(network.attempts).toHaveLength(1)
    expect(await run.final()).toEqual({ text: 'ab', finishReason: 'stop' })
  })
})
