/** Stopping a run on the server: DELETE, and what final() and the loop then say. */
import { describe, expect, test, vi } from 'vitest'
import { bearer } from '../../src/request/auth.ts'
import type { StreamError } from '../../src/base/errors.ts'
import type { ClientOptions, RunOptions } from '../../src/request/options.ts'
import { openaiChat } from '../../src/protocols/openai-chat.ts'
import type { TextDelta } from '../../src/protocols/native.ts'
import { delta, end, failure, start } from '../support/native-events.ts'
import type { ScriptedNetwork } from '../support/scripted-connect.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { createTestClient } from '../support/test-client.ts'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()

const open = async (own: RunOptions<TextDelta> = {}, options: ClientOptions = {}) => {
  const testClient = createTestClient(options)
  const run = testClient.client.stream('/api/generate', { json: { prompt: 'p' }, idempotencyKey: 'k1', ...own })
  return { ...testClient, run, connection: await testClient.open() }
}
const rejectionOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'nothing',
    (error: unknown) => error,
  )

describe('[P3.5] cancel()', () => {
  test('before anything was sent: nothing is sent', async () => {
    const { client, network, clock } = createTestClient()
    const run = client.stream('/x')
    await run.cancel()
    expect(await run.final()).toEqual({ text: '', finishReason: 'cancelled' })
    await clock.advance(60_000)
    expect(network.attempts).toHaveLength(0)
    expect(clock.pendingDelays).toEqual([])
  })

  test("before `start`: DELETE of the run's own address with its key, with credentials", async () => {
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

  test("midway: DELETE of `resume`, then it goes on reading, and the server's word wins", async () => {
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

  test('the first terminal event wins: an end that was under way is a success, an error one that failed', async () => {
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

  test('after the end it does nothing', async () => {
    const { run, connection, network } = await open()
    connection.send(start(), end())
    await run.final()
    await run.cancel()
    await flushMicrotasks()
    expect(network.attempts).toHaveLength(1)
    expect((await run.final()).finishReason).toBe('stop')
  })

  test('twice is once', async () => {
    const { run, network } = await open()
    const cancelling = [run.cancel(), run.cancel()]
    await flushMicrotasks()
    expect(network.attempts).toHaveLength(2)
    network.last.respond({ status: 204 })
    await Promise.all(cancelling)
  })

  test.each([404, 410])('a run that the server has forgotten (%d) is stopped', async (status) => {
    const { run, network, clock } = await open()
    const cancelling = run.cancel()
    await flushMicrotasks()
    network.last.respond({ status })
    await cancelling
    await clock.advance(5_000)
    expect(await run.final()).toMatchObject({ finishReason: 'cancelled' })
  })

  test("the connection drops while it is cancelled: no error, at the latest when it can't be resumed", async () => {
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

  test('a server that says no farewell is waited for five seconds', async () => {
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

  test('a farewell in time leaves no timer behind', async () => {
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

  test('under a protocol that nobody can cancel it lets go of the connection', async () => {
    const { client, open: answer, network } = createTestClient()
    const run = client.stream('/chat', { json: {}, protocol: openaiChat() })
    const connection = await answer()
    connection.send({ data: '{"choices":[{"index":0,"delta":{"content":"a"}}]}' })
    await flushMicrotasks()
    await run.cancel()
    expect(await run.final()).toEqual({ text: 'a', finishReason: 'cancelled' })
    expect(network.attempts).toHaveLength(1)
  })
})

describe('a DELETE that fails', () => {
  const fail: [
    what: string,
    answer: (network: ReturnType<typeof createTestClient>['network']) => void,
    error: object,
  ][] = [
    ['with a status', ({ last }) => void last.respond({ status: 500 }), { code: 'http', status: 500 }],
    ['for permission', ({ last }) => void last.respond({ status: 403 }), { code: 'http', status: 403 }],
    [
      'with a redirect that is not followed',
      ({ last }) => void last.respond({ status: 0, headers: {} }),
      { code: 'http' },
    ],
    ['on the network', ({ last }) => last.fail(new TypeError('fetch failed')), { code: 'network' }],
  ]
  test.each(fail)('%s: cancel() rejects, final() has the text so far', async (_what, answer, expected) => {
    const { run, connection, network, clock, errors } = await open()
    connection.send(start(), delta(0, 'a'))
    await flushMicrotasks()
    const cancelling = rejectionOf(run.cancel())
    // Up to two tries.
    for (let attempt = 1; attempt <= 2; attempt++) {
      await flushMicrotasks()
      if (network.attempts.length > attempt) answer(network)
    }
    expect(await cancelling).toMatchObject(expected)
    expect(await run.final()).toEqual({ text: 'a', finishReason: 'cancelled' })
    expect(errors).toEqual([])
    await clock.advance(5_000)
    expect(clock.pendingDelays).toEqual([])
  })

  test('with a status: the error names the request without its query, and has no cookie', async () => {
    const { run, connection, network } = await open()
    connection.send(start(), delta(0, 'a'))
    await flushMicrotasks()
    const cancelling = rejectionOf(run.cancel())
    await flushMicrotasks()
    const headers = { 'set-cookie': 'secret', 'x-request-id': 'q7', 'content-type': 'application/problem+json' }
    network.last.respond({ status: 500, headers, problem: '{"detail":"no"}' })
    const error = (await cancelling) as StreamError
    expect(error.problem).toEqual({ detail: 'no' })
    expect(error.message).toBe('Status 500: DELETE https://api.test/api/generate/r1')
    expect([...error.headers!.keys()]).toEqual(['content-type', 'x-request-id'])
  })

  test('nobody awaits it: nothing is unhandled', async () => {
    const { run, network } = await open()
    void run.cancel()
    for (let attempt = 0; attempt < 2; attempt++) {
      await flushMicrotasks()
      network.last.fail()
    }
    expect(await run.final()).toMatchObject({ finishReason: 'cancelled' })
  })

  test('[F38] credentials that hang do not hold cancel() for ever', async () => {
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

  test('[F6] nor a server that never answers it', async () => {
    const { run, clock } = await open({ connectTimeout: 10_000 })
    const outcome = vi.fn()
    run.cancel().then(outcome, outcome)
    await clock.advance(120_000)
    expect(outcome.mock.calls).toMatchObject([[{ code: 'network' }]])
    expect(await run.final()).toMatchObject({ finishReason: 'cancelled' })
  })
})

describe('detachBehavior: cancel', () => {
  test('leaving the loop stops the run', async () => {
    const { run, connection, network } = await open({ detachBehavior: 'cancel' })
    connection.send(start(), delta(0, 'a'), delta(1, 'b'))
    for await (const _ of run) break
    await flushMicrotasks()
    expect(network.last.request).toMatchObject({ method: 'DELETE', url: 'https://api.test/api/generate/r1' })
    network.last.respond({ status: 202 })
    connection.send(end({ finishReason: 'cancelled' }))
    expect(await run.final()).toMatchObject({ finishReason: 'cancelled' })
  })

  test('so does an abort; final() rejects with its reason all the same', async () => {
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

describe('detachBehavior: cancel, and the server does not take it', () => {
  const reason = new Error('enough')

  test.each([
    ['a refusal', 'http', (network: ScriptedNetwork) => network.last.respond({ status: 500 })],
    ['no connection', 'network', (network: ScriptedNetwork) => network.last.fail(new TypeError('refused'))],
    ['no answer', 'network', () => undefined],
  ] as const)('%s: nobody awaits it, so onError hears of it, once', async (_what, code, answer) => {
    for (const how of ['break', 'abort'] as const) {
      const controller = new AbortController()
      const { run, connection, network, errors, clock } = await open({
        detachBehavior: 'cancel',
        signal: controller.signal,
        connectTimeout: 10_000,
      })
      connection.send(start(), delta(0, 'a'), delta(1, 'b'))
      if (how === 'break') for await (const _ of run) break
      const final = rejectionOf(run.final())
      await flushMicrotasks()
      if (how === 'abort') controller.abort(reason)
      await flushMicrotasks()
      expect(network.last.request.method).toBe('DELETE')
      expect(errors).toEqual([])
      answer(network)
      await clock.advance(120_000)
      expect(errors).toMatchObject([{ code }])
      expect(await final).toBe(how === 'break' ? 'nothing' : reason)
      expect(network.attempts).toHaveLength(2)
      expect(clock.pendingDelays).toEqual([])
    }
  })
})

describe('detachBehavior: cancel, where there is nothing to send', () => {
  const reason = new Error('enough')

  test.each(['before the run was made', 'in the task in which it was made'])(
    'aborted %s: loop and final() reject with the reason',
    async (when) => {
      const controller = new AbortController()
      const { client, network, errors } = createTestClient()
      if (when === 'before the run was made') controller.abort(reason)
      const run = client.stream('/x', { detachBehavior: 'cancel', signal: controller.signal })
      controller.abort(reason)
      const next = rejectionOf(run[Symbol.asyncIterator]().next())
      expect(await rejectionOf(run.final())).toBe(reason)
      expect(await next).toBe(reason)
      expect(network.attempts).toHaveLength(0)
      expect(errors).toEqual([])
    },
  )

  test('aborted midway, under a protocol that nobody can cancel: loop and final() reject with the reason', async () => {
    const controller = new AbortController()
    const { client, open: answer, network, clock } = createTestClient()
    const run = client.stream('/chat', {
      json: {},
      protocol: openaiChat(),
      detachBehavior: 'cancel',
      signal: controller.signal,
    })
    const loop = run[Symbol.asyncIterator]()
    const connection = await answer()
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

describe('cancel() of a run that was let go of', () => {
  const resumeUrl = 'https://api.test/api/generate/r1'

  test('after break: the server is asked to stop it; final() still rejects with the AbortError', async () => {
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

  test('after final() rejected with `network`: so it is; the failure stays', async () => {
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

  test('after break, where its end had come: nothing is sent', async () => {
    const { run, connection, network } = await open()
    connection.send(start(), delta(0, 'a'), delta(1, 'b'), end())
    await flushMicrotasks()
    for await (const _ of run) break
    await run.cancel()
    expect(network.attempts).toHaveLength(1)
    expect(await run.final()).toEqual({ text: 'ab', finishReason: 'stop' })
  })
})
