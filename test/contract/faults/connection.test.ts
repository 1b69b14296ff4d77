/** Faults 1 to 9 in docs/faults.md: connections that break, end or fall silent. */
import { expect, test } from 'vitest'
import { createSyncManualClock } from '../../setup/sync-manual-clock.ts'
import { registerContract } from '../contract.ts'
import { readRun, payloadsOf, recordEvents } from '../record-events.ts'
import { waitUntil } from '../wait-until.ts'

const cutPositions = ['middle', 'last-byte', 'character']

registerContract('connection faults', (open, createSpy) => {
  /** Sends an event before, at and after the scenario's cut, and checks that each event is delivered once. */
  const expectRecovery = async (scenario: Record<string, unknown>): Promise<void> => {
    const { client, server } = await open({ scenario: { ...scenario, times: 1 } })
    const events = recordEvents(client.subscribe('/api/stream'))
    await waitUntil(() => events.length)
    const id = await server.send({ data: 'whole' })
    await waitUntil(() => payloadsOf(events).length === 1)
    await server.send({ data: '日本, cut' })
    await waitUntil(() => payloadsOf(events).length === 2)
    await server.send({ data: '語, after it' })
    await waitUntil(() => payloadsOf(events).length === 3)
    expect(payloadsOf(events)).toEqual(['whole', '日本, cut', '語, after it'])
    expect((await server.requests()).map(({ headers }) => headers['last-event-id'])).toEqual([undefined, id])
  }

  test.each(cutPositions)(
    '[F1] a reset inside an event (cut-at:%s) drops the partial event and its ID; the whole event is delivered once',
    (position) => expectRecovery({ 'reset-after': 2, 'cut-at': position }),
  )

  test.each(cutPositions)(
    '[F2] after a FIN without the last chunk (cut-at:%s), a feed resumes after the last complete event',
    (position) => expectRecovery({ 'truncate-after': 2, 'cut-at': position }),
  )

  test('[F2] after a FIN before the announced content length, a feed resumes after the last complete event', () =>
    expectRecovery({ 'truncate-after': 2, 'short-length': true }))

  /** A partial event larger than one read. */
  const partialEvent = `id: of-the-part\nevent: part\ndata: "${'x'.repeat(100_000)}"\n`
  const breaks = ['[F1] a reset', '[F3] a clean end']
  test.each(breaks)('%s after part of an event was read drops the partial event and its ID', async (ending) => {
    const { connect, batches } = createSpy()
    const end = ending.includes('clean') ? { 'end-after': 2 } : {}
    const scenario = { insert: partialEvent, 'insert-after': 2, encoding: 'identity' as const, once: true, ...end }
    const { client, server } = await open({ scenario }, { connect })
    const events = recordEvents(client.subscribe('/api/stream', { parse: 'text' }))
    await waitUntil(() => events.length)
    const id = await server.send({ data: 'whole' })
    await waitUntil(() => batches.reduce((sum, { bytes }) => sum + bytes, 0) > 100_000)
    if (ending.includes('reset')) await server.drop()
    await waitUntil(() => events.length === 3)
    expect(events.map(({ type }) => type)).toEqual(['connected', 'message', 'connected'])
    expect((await server.requests())[1]!.headers['last-event-id']).toBe(id)
  })

  test('[F3] a feed resumes after its last event when the connection ends cleanly', () =>
    expectRecovery({ 'end-after': 2 }))

  test('[F3] after a clean end before the terminal event, a run resumes, or fails with truncated if retries are off', async () => {
    const { client } = await open({ answers: { '*': 'abc' }, scenario: { 'end-after': 2 } })
    expect(await client.stream('/api/generate', { json: { prompt: 'p' } }).final()).toMatchObject({ text: 'abc' })
    const runWithoutRetry = client.stream('/api/generate', { json: { prompt: 'p' }, retry: false })
    expect(await readRun(runWithoutRetry)).toMatchObject({
      contents: ['a'],
      error: { code: 'truncated', partial: 'a' },
    })
  })

  test('[F3] a run that keeps ending without progress fails with retries-exhausted caused by truncated', async () => {
    const { client, server } = await open({
      answers: { '*': 'abc' },
      scenario: [
        { method: 'POST', 'end-after': 2 },
        { method: 'GET', 'end-after': 0 },
      ],
    })
    const run = client.stream('/api/generate', { json: { prompt: 'p' }, retry: { limit: 2 } })
    await expect(run.final()).rejects.toMatchObject({
      code: 'retries-exhausted',
      cause: { code: 'truncated' },
      partial: 'a',
    })
    expect((await server.log()).length).toBe(3)
  })

  test('[F4] a connection that is silent for idleTimeout fails with idle, and the feed resumes', async () => {
    const clock = createSyncManualClock()
    const { client, server, states } = await open(
      { scenario: { 'stall-after': 2, times: 1 } },
      { clock, idleTimeout: 45_000 },
    )
    const events = recordEvents(client.subscribe('/api/stream'))
    await waitUntil(() => events.length)
    await server.send({ data: 1 })
    await waitUntil(() => payloadsOf(events).length === 1)
    await server.send({ data: 2 })
    clock.advance(45_000) // idleTimeout counts from the last byte
    await waitUntil(() => states.at(-1)!.status === 'waiting')
    expect(states.at(-1)!.error).toMatchObject({ code: 'idle', message: expect.stringContaining('proxy') })
    clock.advance(5)
    await waitUntil(() => payloadsOf(events).length === 2)
    expect(payloadsOf(events)).toEqual([1, 2])
  })

  test('[F4] backpressure from a slow consumer is not mistaken for a silent server', async () => {
    const clock = createSyncManualClock()
    const { connect, batches } = createSpy()
    const options = { clock, connect, idleTimeout: 1_000, stallTimeout: 1_000, queue: { events: 2 } }
    const { client, server, states } = await open({ heartbeat: 0 }, options)
    const first = await server.send({ data: 0 })
    for (let count = 1; count <= 5; count++) await server.send({ data: count })
    const loop = client.subscribe('/api/stream', { lastEventId: first })[Symbol.asyncIterator]()
    expect(await loop.next()).toMatchObject({ value: { type: 'connected' } })
    // Until the client has read the five events, only the server can be silent.
    await waitUntil(() => batches.flatMap(({ blocks }) => blocks).length > 5)
    for (let minutes = 0; minutes < 10; minutes++) clock.advance(60_000)
    for (let count = 1; count <= 5; count++) expect(await loop.next()).toMatchObject({ value: { data: count } })
    expect(states.map(({ status }) => status)).toEqual(['connecting', 'open'])
  })

  /** Checks that heartbeats do not prevent a `stalled` error. With a filter, the server also sends ID-only blocks. */
  const expectStalled = async (search: string): Promise<void> => {
    const clock = createSyncManualClock()
    const { connect, batches } = createSpy()
    const timeouts = { idleTimeout: 15_000, stallTimeout: 100_000 }
    const { client, server, states } = await open(
      { time: 'manual', heartbeat: 10_000 },
      { clock, connect, ...timeouts },
    )
    const events = recordEvents(client.subscribe(`/api/stream${search}`))
    await waitUntil(() => events.length)
    for (let beats = 0; beats < 10; beats++) {
      expect(states.map(({ status }) => status)).toEqual(['connecting', 'open'])
      if (search) await server.send({ type: 'frequent', data: beats })
      const before = batches.length
      await server.advance(10_000)
      await waitUntil(() => batches.length > before)
      clock.advance(10_000)
    }
    await waitUntil(() => states.at(-1)!.status === 'waiting')
    expect(states.at(-1)!.error).toMatchObject({ code: 'stalled' })
  }

  test('[F5] with stallTimeout, heartbeats prevent an idle error but not a stalled error', () => expectStalled(''))

  test('[F5][P2.4] ID-only blocks do not prevent a stalled error', () => expectStalled('?types=rare'))

  test('[F6] a request without a response fails with a network error after connectTimeout and is retried', async () => {
    const clock = createSyncManualClock()
    const { client, server, states } = await open(
      { scenario: { hang: true, times: 1 } },
      { clock, connectTimeout: 7_000 },
    )
    const events = recordEvents(client.subscribe('/api/stream'))
    await waitUntil(async () => (await server.log()).length)
    clock.advance(6_999)
    expect(states.map(({ status }) => status)).toEqual(['connecting'])
    clock.advance(1)
    await waitUntil(() => states.at(-1)!.status === 'waiting')
    expect(states.at(-1)!.error).toMatchObject({ code: 'network', retryable: true })
    clock.advance(5)
    await waitUntil(() => events.length)
    expect(await server.log()).toHaveLength(2)
  })

  test('[F8] a cut inside a UTF-8 character does not affect the next connection', async () => {
    const { client, server } = await open({ scenario: { 'truncate-after': 1, 'cut-at': 'character', times: 1 } })
    const events = recordEvents(client.subscribe('/api/stream'))
    await waitUntil(() => events.length)
    await server.send({ type: 'é', data: '日本語' })
    await waitUntil(() => payloadsOf(events, 'é').length)
    expect(events.map(({ type, data }) => (type === 'connected' ? type : data))).toEqual([
      'connected',
      'connected',
      '日本語',
    ])
  })

  test.each(['gzip', 'br'])(
    '[F9][P1.6] a %s-compressed stream delivers each event as it is sent and resumes after a cut',
    (encoding) => expectRecovery({ encoding, 'truncate-after': 2 }),
  )
})
