/** The end of a feed, and its effect on the `closed` promise, the loop and the listeners. */
import { describe, expect, test, vi } from 'vitest'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { createScriptedFetch } from '../support/scripted-fetch.ts'
import { createTestClient } from '../support/test-client.ts'
import { trapUnhandled } from '../support/unhandled.ts'

const unhandled = trapUnhandled()

describe('close() [F36]', () => {
  test('a feed closed in the task that opened it sends no request', async () => {
    const { client, network, states } = createTestClient()
    const feed = client.subscribe('/x')
    feed.close()
    await flushMicrotasks()
    expect(network.attempts).toHaveLength(0)
    expect(feed.state.status).toBe('closed')
    expect(states.map(({ status }) => status)).toEqual(['closed'])
    expect(await feed.closed).toBeUndefined()
  })

  test('closing during authentication, connecting or backoff prevents further requests', async () => {
    for (const phase of ['auth', 'connecting', 'waiting'] as const) {
      const { client, network, clock, errors } = createTestClient(
        phase === 'auth' ? { auth: () => new Promise(() => {}) } : {},
      )
      const feed = client.subscribe('/x')
      await flushMicrotasks()
      if (phase === 'waiting') network.last.fail()
      await flushMicrotasks()
      const before = network.attempts.length
      feed.close()
      await clock.advance(600_000)
      expect(network.attempts).toHaveLength(before)
      expect(errors).toEqual([])
      expect(clock.pendingDelays).toEqual([])
      expect(await feed.closed).toBeUndefined()
    }
  })

  test('closing in a listener stops delivery to the other listeners and drops the rest of the batch', async () => {
    const { client, open, network, clock, errors } = createTestClient()
    const feed = client.subscribe('/x')
    const received: string[] = []
    feed.on('message', ({ data }) => {
      received.push(`one ${data as number}`)
      if (data === 2) feed.close()
    })
    feed.on('message', ({ data }) => received.push(`two ${data as number}`))
    const connection = await open()
    connection.send({ data: '1' }, { data: '2' }, { data: '3' })
    await clock.advance(60_000)
    expect(received).toEqual(['one 1', 'two 1', 'one 2'])
    expect(connection.cancelled).toBe(true)
    expect(network.attempts).toHaveLength(1)
    expect(errors).toEqual([])
  })

  test('closing repeatedly reports one state change', async () => {
    const { client, open, states } = createTestClient()
    const feed = client.subscribe('/x')
    await open()
    feed.close()
    feed.close()
    expect(await feed.closed).toBeUndefined()
    feed.close()
    expect(states.filter(({ status }) => status === 'closed')).toHaveLength(1)
  })

  test('closing in onStateChange, onResponse or onError ends the feed', async () => {
    for (const callback of ['onStateChange', 'onResponse', 'onError'] as const) {
      const { client, network, clock } = createTestClient({ [callback]: () => feed.close() })
      const feed = client.subscribe('/x')
      await flushMicrotasks()
      if (network.attempts.length) network.last.respond().send({ data: '{' })
      await clock.advance(60_000)
      expect(feed.state.status).toBe('closed')
      expect(network.attempts.length).toBeLessThanOrEqual(1)
      expect(await feed.closed).toBeUndefined()
      expect(clock.pendingDelays).toEqual([])
    }
  })

  test('closing in onReset leaves no timer running', async () => {
    const { client, open, network, clock } = createTestClient({ idleTimeout: 5_000, onReset: () => feed.close() })
    const feed = client.subscribe('/x')
    const connection = await open()
    connection.send({ data: '1' })
    connection.end()
    await clock.advance(1_000)
    network.last.respond()
    await flushMicrotasks()
    expect(feed.state.status).toBe('closed')
    expect(clock.pendingDelays).toEqual([])
  })

  test('closing ends a loop and drops the queued events', async () => {
    const { client, open } = createTestClient()
    const feed = client.subscribe('/x')
    const connection = await open()
    connection.send({ data: '1' }, { data: '2' }, { data: '3' })
    await flushMicrotasks()
    const received: unknown[] = []
    for await (const { data } of feed) {
      received.push(data)
      feed.close()
    }
    expect(received).toEqual([1])
  })

  test('iterating a second time throws a TypeError, even after the end', async () => {
    const { client, open } = createTestClient()
    const feed = client.subscribe('/x')
    await open()
    feed[Symbol.asyncIterator]()
    expect(() => feed[Symbol.asyncIterator]()).toThrow(TypeError)
    feed.close()
    expect(() => feed[Symbol.asyncIterator]()).toThrow(TypeError)
  })

  test('closing settles every pending next() [F39]', async () => {
    const { client, open } = createTestClient()
    const feed = client.subscribe('/x')
    await open()
    const iterator = feed[Symbol.asyncIterator]()
    const pending = [iterator.next(), iterator.next()]
    feed.close()
    expect(await Promise.all(pending)).toEqual([
      { value: undefined, done: true },
      { value: undefined, done: true },
    ])
  })

  test('Symbol.dispose closes the feed', async () => {
    const { client, network } = createTestClient()
    let disposed
    {
      using feed = client.subscribe('/x')
      disposed = feed
      await flushMicrotasks()
      expect(feed.state.status).toBe('connecting')
    }
    expect(disposed.state.status).toBe('closed')
    expect(network.last.request.signal.aborted).toBe(true)
  })
})

describe('the signal option [F37]', () => {
  const reason = new Error('enough')

  test('a feed with an already aborted signal sends no request and rejects its loop with the reason', async () => {
    const { client, network, errors } = createTestClient()
    const feed = client.subscribe('/x', { signal: AbortSignal.abort(reason) })
    await expect(feed[Symbol.asyncIterator]().next()).rejects.toBe(reason)
    expect(network.attempts).toHaveLength(0)
    expect(await feed.closed).toBeUndefined()
    expect(errors).toEqual([])
  })

  test.each(['auth', 'connecting', 'open', 'waiting'] as const)(
    'aborting in phase %s ends the feed and rejects its loop with the reason',
    async (phase) => {
      const { client, network, clock, errors } = createTestClient(
        phase === 'auth' ? { auth: () => new Promise(() => {}) } : {},
      )
      const controller = new AbortController()
      const feed = client.subscribe('/x', { signal: controller.signal })
      const next = feed[Symbol.asyncIterator]().next()
      await flushMicrotasks()
      if (phase === 'open') network.last.respond()
      if (phase === 'waiting') network.last.fail()
      await flushMicrotasks()
      controller.abort(reason)
      await expect(next).rejects.toBe(reason)
      await clock.advance(60_000)
      expect(network.attempts.length).toBe(phase === 'auth' ? 0 : 1)
      expect(feed.state.status).toBe('closed')
      expect(await feed.closed).toBeUndefined()
      expect(errors).toEqual([])
      expect(clock.pendingDelays).toEqual([])
    },
  )

  test('aborting after close() changes nothing', async () => {
    const { client, errors, states } = createTestClient()
    const controller = new AbortController()
    const feed = client.subscribe('/x', { signal: controller.signal })
    await flushMicrotasks()
    feed.close()
    controller.abort(reason)
    await flushMicrotasks()
    expect(await feed[Symbol.asyncIterator]().next()).toEqual({ value: undefined, done: true })
    expect(errors).toEqual([])
    expect(states.filter(({ status }) => status === 'closed')).toHaveLength(1)
  })

  test('closing a feed removes its abort listener', async () => {
    const { client } = createTestClient()
    const controller = new AbortController()
    const remove = vi.spyOn(controller.signal, 'removeEventListener')
    client.subscribe('/x', { signal: controller.signal }).close()
    expect(remove).toHaveBeenCalledWith('abort', expect.any(Function))
  })
})

describe('ended by the server', () => {
  test('[F12] [P2.5] a 204 resolves `closed` without an error and ends the loop', async () => {
    const { client, network, clock, errors, states } = createTestClient()
    const feed = client.subscribe('/x')
    const next = feed[Symbol.asyncIterator]().next()
    await flushMicrotasks()
    network.last.respond({ status: 204 })
    expect(await next).toEqual({ value: undefined, done: true })
    expect(await feed.closed).toBeUndefined()
    await clock.advance(60_000)
    expect(network.attempts).toHaveLength(1)
    expect(errors).toEqual([])
    expect(states.at(-1)).toEqual({ status: 'closed', attempt: 1 })
  })

  test('[P2.5] [F3] a clean end of the connection is followed by a reconnect', async () => {
    const { client, open, network, clock, errors } = createTestClient()
    client.subscribe('/x')
    const connection = await open()
    connection.end()
    await clock.advance(1_000)
    expect(network.attempts).toHaveLength(2)
    expect(errors).toEqual([])
  })

  test('[F15] an error resolves `closed`, and the loop throws it after the queued events', async () => {
    const { client, open, network, clock, errors } = createTestClient()
    const feed = client.subscribe('/x')
    const connection = await open()
    connection.send({ data: '1', id: '1' }, { data: '2', id: '2' })
    connection.end()
    await clock.advance(1_000)
    network.last.respond({ status: 410 })
    await flushMicrotasks()
    const received: unknown[] = []
    const thrown: unknown = await (async () => {
      for await (const { data } of feed) received.push(data)
      return undefined
    })().catch((error: unknown) => error)
    expect(received).toEqual([1, 2])
    expect(thrown).toMatchObject({ code: 'http', status: 410 })
    expect(await feed.closed).toBe(thrown)
    expect(errors).toEqual([thrown])
    expect(feed.state).toMatchObject({ status: 'closed', error: { code: 'http' } })
  })

  test('an error contains the last received event ID', async () => {
    const { client, open, network, clock, errors } = createTestClient()
    const feed = client.subscribe('/x')
    const connection = await open()
    connection.send({ data: '1', id: '7' })
    connection.end()
    await clock.advance(1_000)
    network.last.respond({ status: 404 })
    expect(await feed.closed).toMatchObject({ code: 'http', status: 404, lastEventId: '7' })
    expect(errors).toMatchObject([{ lastEventId: '7' }])
  })

  test('[F11] a stalled problem document does not hold up the error of a refused request', async () => {
    const { fetch, calls } = createScriptedFetch()
    const { client, clock, errors } = createTestClient({ connect: undefined as never, fetch })
    const feed = client.subscribe('/x')
    await flushMicrotasks()
    const body = calls[0]!.respond({ status: 403, headers: { 'content-type': 'application/problem+json' } })
    body.write('{"title":"No')
    await clock.advance(600_000)
    expect(await feed.closed).toMatchObject({ code: 'http', status: 403 })
    expect(errors).toHaveLength(1)
    expect(errors[0]!.problem).toBeUndefined()
    expect(calls[0]!.init.signal?.aborted).toBe(true)
    expect(calls).toHaveLength(1)
    expect(clock.pendingDelays).toEqual([])
  })

  test('[F19] a feed that reaches its retry limit fails with a retryable retries-exhausted error', async () => {
    const { client, network, clock } = createTestClient({ retry: 1 })
    const feed = client.subscribe('/x')
    await flushMicrotasks()
    network.last.fail()
    await clock.advance(1_000)
    network.last.fail()
    expect(await feed.closed).toMatchObject({ code: 'retries-exhausted', retryable: true, cause: { code: 'network' } })
  })

  test('an error without a handler is reported once, and `closed` does not reject', async () => {
    const { client, network, clock } = createTestClient({ onError: undefined as never })
    const feed = client.subscribe('/x')
    feed.on('message', () => {})
    await flushMicrotasks()
    network.last.respond({ status: 404 })
    await clock.advance(0)
    expect(unhandled.reported.splice(0)).toMatchObject([{ code: 'http', status: 404 }])
    expect(await feed.closed).toMatchObject({ code: 'http' })
  })

  test('an error thrown by a loop is not also reported', async () => {
    const { client, network, clock } = createTestClient({ onError: undefined as never })
    const feed = client.subscribe('/x')
    const next = feed[Symbol.asyncIterator]().next()
    await flushMicrotasks()
    network.last.respond({ status: 404 })
    await expect(next).rejects.toMatchObject({ code: 'http' })
    await clock.advance(0)
    expect(unhandled.reported).toEqual([])
  })

  test('an error thrown by onError is reported', async () => {
    const thrown = new Error('from the user')
    const { client, network } = createTestClient({
      onError() {
        throw thrown
      },
    })
    const feed = client.subscribe('/x')
    await flushMicrotasks()
    network.last.respond({ status: 404 })
    expect(await feed.closed).toMatchObject({ code: 'http' })
    expect(unhandled.reported.splice(0)).toEqual([thrown])
  })
})

describe('a feed with method POST', () => {
  test('a POST request is repeated only if `repeatable` is set', async () => {
    for (const [reconnect, attempts] of [
      [false, 1],
      [true, 2],
    ] as const) {
      const { client, open, network, clock, errors } = createTestClient()
      client.subscribe('/x', { method: 'POST', body: 'q', repeatable: reconnect })
      const connection = await open()
      connection.send({ data: '1', id: '1' })
      connection.end()
      await clock.advance(1_000)
      expect(network.attempts).toHaveLength(attempts)
      expect(errors).toHaveLength(2 - attempts)
    }
  })

  test.each([
    [429, 2],
    [503, 2],
    [500, 1],
  ])(
    'status %d leads to %d attempts: a POST is retried only if the status means that no stream began',
    async (status, attempts) => {
      const { client, network, clock } = createTestClient()
      client.subscribe('/x', { method: 'POST', body: 'q' })
      await flushMicrotasks()
      network.last.respond({ status })
      await clock.advance(1_000)
      expect(network.attempts).toHaveLength(attempts)
    },
  )
})
