/** Faults 33 to 39 in docs/faults.md: consumers that are slow, stop, throw, close or abort. */
import { expect, test, vi } from 'vitest'
import type { StreamEvent } from '../../../src/base/events.ts'
import { createSyncManualClock } from '../../setup/sync-manual-clock.ts'
import { registerContract } from '../contract.ts'
import { payloadsOf, recordEvents } from '../record-events.ts'
import type { TestServer } from '../test-server.ts'
import { waitUntil } from '../wait-until.ts'

/** Resolves when no client is reading a feed or a run. */
const waitUntilUnread = (server: TestServer) =>
  waitUntil(async () => {
    const { feedReaders, runs } = await server.state()
    return feedReaders === 0 && runs.every(({ readers }) => readers === 0)
  })

registerContract('consumer faults', (open, createSpy) => {
  test('[F33] a slow loop limits reading to the size of the queue and loses nothing', async () => {
    const [size, count] = [64 * 1024, 300]
    const { connect, batches } = createSpy()
    // A channel stream is compressed as a whole, so its encoding is set as well.
    const scenario = [{ encoding: 'identity' as const }, { path: '/api/channel', encoding: 'identity' as const }]
    const { client, server } = await open({ scenario }, { connect, queue: { bytes: 1_000_000 } })
    const lastEventId = await server.send({ data: 'first' })
    await server.sendMany({ data: 'x'.repeat(size) }, count)
    const loop = client.subscribe('/api/stream', { lastEventId })[Symbol.asyncIterator]()
    expect(await loop.next()).toMatchObject({ value: { type: 'connected' } })

    let before = 0
    await waitUntil(async () => {
      const { writtenBytes } = await server.state()
      const blocked = writtenBytes === before // all buffers between server and client are full
      before = writtenBytes
      return blocked && writtenBytes > 1_000_000
    })
    const read = batches.reduce((sum, { bytes }) => sum + bytes, 0)
    // Besides the queue, the client may hold the event taken by the loop, the event being read, and one batch.
    const largestBatch = Math.max(...batches.map(({ bytes }) => bytes))
    expect(read).toBeLessThan(1_000_000 + 2 * size + largestBatch)
    for (let taken = 0; taken < count; taken++) expect((await loop.next()).value?.data).toHaveLength(size)
    expect(await server.log()).toHaveLength(1)
  })

  test('[F34] leaving a feed loop by break, return or throw closes the connection', async () => {
    const { client, server } = await open()
    const loops = [
      async () => {
        for await (const _ of client.subscribe('/api/stream')) break
      },
      async () => {
        for await (const event of client.subscribe('/api/stream')) return event
        return undefined
      },
      async () => {
        for await (const event of client.subscribe('/api/stream')) throw new Error(event.type)
      },
    ]
    await Promise.allSettled(loops.map((loop) => loop()))
    await waitUntilUnread(server)
    expect(await server.log()).toHaveLength(3)
  })

  test('[F34] breaking out of a run loop closes the connection, and detachBehavior decides whether the run continues', async () => {
    const { client, server } = await open({ answers: { '*': 'abcdef' }, time: 'manual', delay: 100 })
    for (const detachBehavior of ['continue', 'cancel'] as const) {
      const run = client.stream('/api/generate', { json: { prompt: detachBehavior }, detachBehavior })
      const loop = run[Symbol.asyncIterator]()
      const first = loop.next()
      await waitUntil(() => run.cursor)
      await server.advance(100)
      await first
      await loop.return!()
    }
    await waitUntilUnread(server)
    await waitUntil(async () => (await server.state()).runs[1]!.state === 'finished')
    expect((await server.state()).runs).toMatchObject([{ state: 'running' }, { state: 'finished', text: 'a' }])
  })

  test('[F35] a throwing handler is reported, and the feed delivers the next event without reconnecting', async () => {
    const reported: unknown[] = []
    vi.stubGlobal('reportError', (error: unknown) => reported.push(error))
    const { client, server, errors, states } = await open()
    const feed = client.subscribe('/api/stream')
    const handlerError = new Error('from the handler')
    feed.onAny(() => {
      throw handlerError
    })
    const events = recordEvents(feed)
    await waitUntil(() => events.length)
    await server.send({ data: 1 })
    await waitUntil(() => events.length === 2)
    expect(reported).toEqual([handlerError, handlerError])
    expect(states.map(({ status }) => status)).toEqual(['connecting', 'open'])
    expect([errors, await server.log()]).toEqual([[], ['GET /api/stream']])
  })

  test('[F36] closing a feed in a handler stops delivery, even of events already received', async () => {
    const { client, server, errors } = await open()
    const lastEventId = await server.send({ data: 0 })
    await server.sendMany({ data: 'replayed at once' }, 20)
    const feed = client.subscribe('/api/stream', { lastEventId })
    const events: StreamEvent[] = []
    feed.onAny((event) => {
      events.push(event)
      if (events.length === 3) feed.close()
    })
    expect(await feed.closed).toBeUndefined()
    await waitUntilUnread(server)
    await server.send({ data: 'late' })
    expect(events).toHaveLength(3)
    expect([errors, await server.log()]).toEqual([[], ['GET /api/stream']])
  })

  test('[F36] closing a feed twice while it connects ends the feed without an error and aborts the request', async () => {
    const clock = createSyncManualClock()
    const { client, server, errors, states } = await open({ scenario: { hang: true } }, { clock })
    const feed = client.subscribe('/api/stream')
    await waitUntil(async () => (await server.log()).length)
    feed.close()
    feed.close()
    expect(await feed.closed).toBeUndefined()
    expect(clock.pendingDelays).toEqual([])
    expect(states.map(({ status }) => status)).toEqual(['connecting', 'closed'])
    // The request is aborted, not only ignored: its socket is closed, or free for the next request.
    await server.setScenario([])
    const events = recordEvents(client.subscribe('/api/stream'))
    await waitUntil(() => events.length)
    expect(errors).toEqual([])
  })

  test('[F36] closing a feed during backoff prevents further requests', async () => {
    const clock = createSyncManualClock()
    const { client, server, errors, states } = await open({ scenario: { status: 503 } }, { clock })
    const feed = client.subscribe('/api/stream')
    await waitUntil(() => states.at(-1)?.status === 'waiting')
    feed.close()
    expect(clock.pendingDelays).toEqual([])
    clock.advance(3_600_000)
    expect(await feed.closed).toBeUndefined()
    expect([errors, await server.log()]).toEqual([[], ['GET /api/stream']])
  })

  test('[F36] a stream closed in the task that opened it sends no request', async () => {
    const { client, server } = await open()
    client.subscribe('/api/stream').close()
    client.stream('/api/generate', { json: { prompt: 'p' } }).detach()
    // Requests of the closed streams would have been sent before this request.
    await client.stream('/api/generate', { json: { prompt: 'q' } }).final()
    expect(await server.log()).toEqual(['POST /api/generate'])
  })

  test('[F36] closing a client ends all its streams', async () => {
    const { client, server } = await open({ answers: { '*': 'abc' }, time: 'manual', delay: 100 })
    const events = recordEvents(client.subscribe('/api/stream'))
    const run = client.stream('/api/generate', { json: { prompt: 'p' } })
    await waitUntil(() => events.length && run.cursor)
    client.close()
    await waitUntilUnread(server)
    await expect(run.final()).rejects.toMatchObject({ name: 'AbortError' })
  })

  const reason = new Error('why')
  const moments = ['immediately', 'during connect', 'during a body read', 'during backoff']
  test.each(moments)('[F37] a run aborted %s rejects with the abort reason and leaves nothing open', async (moment) => {
    const clock = createSyncManualClock()
    const scenario =
      moment === 'during connect'
        ? { hang: true }
        : moment === 'during backoff'
          ? { status: 503 }
          : { 'stall-after': 1 }
    const { client, server, errors, states } = await open({ scenario }, { clock })
    const controller = new AbortController()
    if (moment === 'immediately') controller.abort(reason)
    const run = client.stream('/api/generate', { json: { prompt: 'p' }, signal: controller.signal })
    const pending = run[Symbol.asyncIterator]().next()
    pending.catch(() => {}) // awaited below
    if (moment !== 'immediately') await waitUntil(async () => (await server.log()).length)
    if (moment === 'during a body read') await waitUntil(() => run.cursor)
    if (moment === 'during backoff') await waitUntil(() => states.at(-1)!.status === 'waiting')
    controller.abort(reason)
    await expect(run.final()).rejects.toBe(reason)
    await expect(pending).rejects.toBe(reason)
    await waitUntilUnread(server)
    expect(clock.pendingDelays).toEqual([])
    expect(errors).toEqual([])
    expect(await server.log()).toHaveLength(moment === 'immediately' ? 0 : 1)
  })

  test('[F37] aborting a feed while the token provider is pending aborts the signal passed to the provider and sends no request', async () => {
    const clock = createSyncManualClock()
    const controller = new AbortController()
    const signals: AbortSignal[] = []
    const { client, server } = await open(
      {},
      {
        clock,
        auth: ({ signal }) => {
          signals.push(signal)
          return new Promise(() => {})
        },
      },
    )
    const feed = client.subscribe('/api/stream', { signal: controller.signal })
    const pending = feed[Symbol.asyncIterator]().next()
    pending.catch(() => {}) // awaited below
    await waitUntil(() => signals.length)
    controller.abort(reason)
    await expect(pending).rejects.toBe(reason)
    expect(await feed.closed).toBeUndefined()
    expect(signals[0]!.aborted).toBe(true)
    expect([clock.pendingDelays, await server.log()]).toEqual([[], []])
  })

  test('[F39] concurrent next() calls receive events in order and settle on close', async () => {
    const { client, server } = await open()
    const feed = client.subscribe('/api/stream')
    const loop = feed[Symbol.asyncIterator]()
    const two = [loop.next(), loop.next()]
    expect(await two[0]).toMatchObject({ value: { type: 'connected' } })
    await server.send({ data: 1 })
    expect(await two[1]).toMatchObject({ value: { data: 1 } })
    const last = [loop.next(), loop.next(), loop.return!(), loop.return!()]
    for (const result of await Promise.all(last)) expect(result).toEqual({ value: undefined, done: true })
    await waitUntilUnread(server)
  })

  test('a listener receives the same events as a loop over the same feed', async () => {
    const { client, server } = await open()
    const feed = client.subscribe('/api/stream')
    const received = recordEvents(feed)
    const looped: StreamEvent[] = []
    const done = (async () => {
      for await (const event of feed) if (looped.push(event) === 3) break
    })()
    await waitUntil(() => received.length)
    await server.send({ data: 1 })
    await server.send({ data: 2 })
    await done
    expect(payloadsOf(looped)).toEqual([1, 2])
    expect(received).toEqual(looped)
  })
})
