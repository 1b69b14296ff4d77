/** Detaching from a run that continues on the server: leaving the loop, detach() and abort. */
import { describe, expect, test } from 'vitest'
import type { RunOptions } from '../../src/request/stream-options.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { delta, end, failure, start } from '../support/native-events.ts'
import { createTestClient } from '../support/test-client.ts'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()

const open = async (options: RunOptions = {}) => {
  const testClient = createTestClient()
  const run = testClient.client.stream('/api/generate', { json: { prompt: 'p' }, ...options })
  return { ...testClient, run, connection: await testClient.open() }
}
const rejectionOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no rejection',
    (error: unknown) => error,
  )

describe('[F34] [P3.5] leaving the loop', () => {
  test.each(['break', 'return', 'throw'] as const)(
    'leaving the loop by %s closes the connection without a DELETE, and final() rejects with an AbortError',
    async (exit) => {
      const { run, connection, network, clock, errors } = await open()
      connection.send(start(), delta(0, 'a'), delta(1, 'b'))
      const thrown = new Error('from the loop')
      const leave = async (): Promise<string> => {
        for await (const { content } of run) {
          if (exit === 'break') break
          if (exit === 'return') return content
          throw thrown
        }
        return 'after'
      }
      expect(await rejectionOf(leave().then((value) => Promise.reject(value as never)))).toBe(
        { break: 'after', return: 'a', throw: thrown }[exit],
      )
      expect(network.last.request.signal.aborted).toBe(true)
      await clock.advance(60_000)
      expect(connection.cancelled).toBe(true)
      expect(network.attempts).toHaveLength(1)
      expect(await rejectionOf(run.final())).toMatchObject({ name: 'AbortError' })
      expect(errors).toEqual([])
      expect(clock.pendingDelays).toEqual([])
    },
  )

  test('[F39] concurrent return() calls and a pending next() all settle', async () => {
    const { run } = await open()
    const iterator = run[Symbol.asyncIterator]()
    const waiting = iterator.next()
    const done = { value: undefined, done: true }
    expect(await Promise.all([iterator.return?.(), iterator.return?.(), waiting, iterator.next()])).toEqual([
      done,
      done,
      done,
      done,
    ])
  })

  test('throw() rejects with its argument', async () => {
    const { run } = await open()
    const thrown = new Error('from the user')
    await expect(run[Symbol.asyncIterator]().throw?.(thrown)).rejects.toBe(thrown)
    expect(await rejectionOf(run.final())).toMatchObject({ name: 'AbortError' })
  })

  test('breaking out of the loop does not throw an error that is still queued', async () => {
    const { run, connection } = await open()
    connection.send(start(), delta(0, 'a'), failure())
    await flushMicrotasks()
    const left = (async () => {
      for await (const _ of run) break
      return 'left'
    })()
    expect(await left).toBe('left')
    expect(await rejectionOf(run.final())).toMatchObject({ code: 'server' })
  })

  test('final() resolves if the end event was received before the loop was left', async () => {
    const { run, connection } = await open()
    connection.send(start(), delta(0, 'a'), delta(1, 'b'), end())
    await flushMicrotasks()
    for await (const _ of run) break
    expect(await run.final()).toEqual({ text: 'ab', finishReason: 'stop' })
  })
})

describe('[P3.5] detach()', () => {
  test('detach() closes the connection and keeps text and cursor for a resume', async () => {
    const { run, connection, network, client } = await open()
    connection.send(start(), delta(0, 'a'))
    await flushMicrotasks()
    run.detach()
    run.detach()
    await flushMicrotasks()
    expect(network.last.request.signal.aborted).toBe(true)
    expect(network.attempts).toHaveLength(1)
    expect(run.text).toBe('a')
    expect(await rejectionOf(run.final())).toMatchObject({ name: 'AbortError' })
    const rest = client.resume(run.cursor!)
    await flushMicrotasks()
    expect(network.last.request).toMatchObject({
      method: 'GET',
      url: 'https://api.test/api/generate/r1',
      lastEventId: 'r1:0',
    })
    network.last.respond().send(delta(1, 'b'), end())
    expect((await rest.final()).text).toBe('b')
  })

  test('detach() ends a waiting loop', async () => {
    const { run } = await open()
    const next = run[Symbol.asyncIterator]().next()
    run.detach()
    expect(await next).toEqual({ value: undefined, done: true })
  })

  test('detach() after the run has ended changes nothing', async () => {
    const { run, connection, states } = await open()
    connection.send(start(), end())
    await run.final()
    run.detach()
    expect((await run.final()).finishReason).toBe('stop')
    expect(states.filter(({ status }) => status === 'closed')).toHaveLength(1)
  })

  test('detach() during backoff prevents further attempts', async () => {
    const { run, connection, network, clock } = await open()
    connection.send(start())
    connection.disconnect()
    await flushMicrotasks()
    expect(run.state.status).toBe('waiting')
    run.detach()
    await clock.advance(60_000)
    expect(network.attempts).toHaveLength(1)
    expect(clock.pendingDelays).toEqual([])
  })
})

describe('[F37] the signal option', () => {
  const reason = new Error('enough')

  test('a run with an already aborted signal sends no request', async () => {
    const { client, network } = createTestClient()
    const run = client.stream('/x', { signal: AbortSignal.abort(reason) })
    expect(await rejectionOf(run.final())).toBe(reason)
    expect(network.attempts).toHaveLength(0)
  })

  test('a run aborted in the task that started it sends no request', async () => {
    const { client, network } = createTestClient()
    const controller = new AbortController()
    const run = client.stream('/x', { signal: controller.signal })
    controller.abort(reason)
    expect(await rejectionOf(run.final())).toBe(reason)
    expect(network.attempts).toHaveLength(0)
  })

  test.each(['connecting', 'open', 'waiting'] as const)(
    'aborting a run in state %s rejects the loop and final() with the unwrapped reason',
    async (phase) => {
      const controller = new AbortController()
      const { client, network, clock, errors } = createTestClient()
      const run = client.stream('/x', { signal: controller.signal })
      const [next, final] = [rejectionOf(run[Symbol.asyncIterator]().next()), rejectionOf(run.final())]
      await flushMicrotasks()
      if (phase !== 'connecting') {
        const connection = network.last.respond()
        if (phase === 'waiting') connection.disconnect()
      }
      await flushMicrotasks()
      expect(run.state.status).toBe(phase)
      controller.abort(reason)
      expect(await next).toBe(reason)
      expect(await final).toBe(reason)
      await clock.advance(60_000)
      expect(network.attempts).toHaveLength(1)
      expect(network.last.request.signal.aborted).toBe(true)
      expect(errors).toEqual([])
      expect(clock.pendingDelays).toEqual([])
    },
  )

  test('aborting after the run has ended changes nothing', async () => {
    const controller = new AbortController()
    const { run, connection, network } = await open({ signal: controller.signal })
    connection.send(start(), end())
    await run.final()
    controller.abort(reason)
    await flushMicrotasks()
    expect((await run.final()).finishReason).toBe('stop')
    expect(network.attempts).toHaveLength(1)
  })

  test("after abort() without a reason, final() rejects with the signal's default AbortError", async () => {
    const controller = new AbortController()
    const { run } = await open({ signal: controller.signal })
    const final = rejectionOf(run.final())
    controller.abort()
    expect(await final).toBe(controller.signal.reason)
    expect(await final).toMatchObject({ name: 'AbortError' })
  })
})
