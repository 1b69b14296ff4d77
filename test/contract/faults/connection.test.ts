/** Connections that break, end, or fall silent: rows 1 to 9 of the faults. */
import { expect, test } from 'vitest'
import { createSyncManualClock } from '../../setup/sync-manual-clock.ts'
import { registerContract } from '../contract.ts'
import { readRun, payloadsOf, recordEvents } from '../record-events.ts'
import { waitUntil } from '../wait-until.ts'

const places = ['middle', 'last-byte', 'character']

registerContract('a connection', (open, createSpy) => {
  /** Sends an event that falls to the scenario's cut, and one after it; returns the id before the cut. */
  const cross = async (scenario: Record<string, unknown>): Promise<void> => {
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

  test.each(places)(
    '[F1] reset in the %s of an event: the part is dropped, its id not adopted, the event comes once',
    (place) => cross({ 'reset-after': 2, 'cut-at': place }),
  )

  test.each(places)(
    '[F2] FIN without the last chunk in the %s of an event: goes on after the last whole one',
    (place) => cross({ 'truncate-after': 2, 'cut-at': place }),
  )

  test('[F2] FIN before the announced length: goes on after the last whole event', () =>
    cross({ 'truncate-after': 2, 'short-length': true }))

  /** More than is read at once. */
  const part = `id: of-the-part\nevent: part\ndata: "${'x'.repeat(100_000)}"\n`
  const breaks = ['[F1] a reset', '[F3] a clean end']
  test.each(breaks)(
    '%s when a part of an event has been read: it is no event, and its id is not adopted',
    async (how) => {
      const { connect, batches } = createSpy()
      const end = how.includes('clean') ? { 'end-after': 2 } : {}
      const scenario = { insert: part, 'insert-after': 2, encoding: 'identity' as const, once: true, ...end }
      const { client, server } = await open({ scenario }, { connect })
      const events = recordEvents(client.subscribe('/api/stream', { parse: 'text' }))
      await waitUntil(() => events.length)
      const id = await server.send({ data: 'whole' })
      await waitUntil(() => batches.reduce((sum, { bytes }) => sum + bytes, 0) > 100_000)
      if (how.includes('reset')) await server.drop()
      await waitUntil(() => events.length === 3)
      expect(events.map(({ type }) => type)).toEqual(['connected', 'message', 'connected'])
      expect((await server.requests())[1]!.headers['last-event-id']).toBe(id)
    },
  )

  test('[F3] a clean end of a feed: goes on after the last event', () => cross({ 'end-after': 2 }))

  test('[F3] a clean end of a run before its terminal event: resumed, else truncated', async () => {
    const { client } = await open({ answers: { '*': 'abc' }, scenario: { 'end-after': 2 } })
    expect(await client.stream('/api/generate', { json: { prompt: 'p' } }).final()).toMatchObject({ text: 'abc' })
    const once = client.stream('/api/generate', { json: { prompt: 'p' }, retry: false })
    expect(await readRun(once)).toMatchObject({ contents: ['a'], error: { code: 'truncated', partial: 'a' } })
  })

  test('[F3] a run that ends before anything new, again and again: retries-exhausted because of truncated', async () => {
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

  test('[F4] silence without FIN: idle after idleTimeout, then goes on', async () => {
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
    clock.advance(45_000) // the timer looks at the time of the last byte
    await waitUntil(() => states.at(-1)!.status === 'waiting')
    expect(states.at(-1)!.error).toMatchObject({ code: 'idle', message: expect.stringContaining('proxy') })
    clock.advance(5)
    await waitUntil(() => payloadsOf(events).length === 2)
    expect(payloadsOf(events)).toEqual([1, 2])
  })

  test('[F4] a consumer that holds the reading back is not taken for a silent server', async () => {
    const clock = createSyncManualClock()
    const options = { clock, idleTimeout: 1_000, stallTimeout: 1_000, queue: { events: 2 } }
    const { client, server, states } = await open({ heartbeat: 0 }, options)
    const first = await server.send({ data: 0 })
    for (let count = 1; count <= 5; count++) await server.send({ data: count })
    const loop = client.subscribe('/api/stream', { lastEventId: first })[Symbol.asyncIterator]()
    expect(await loop.next()).toMatchObject({ value: { type: 'connected' } })
    for (let minutes = 0; minutes < 10; minutes++) clock.advance(60_000)
    for (let count = 1; count <= 5; count++) expect(await loop.next()).toMatchObject({ value: { data: count } })
    expect(states.map(({ status }) => status)).toEqual(['connecting', 'open'])
  })

  /** Heartbeats until the time for events is over; `search` makes them comments, or id-only blocks as well. */
  const beat = async (search: string): Promise<void> => {
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

  test('[F5] heartbeats alone: never idle, but stalled where that is asked for', () => beat(''))

  test('[F5][P2.4] heartbeats with id-only blocks are no events either', () => beat('?types=rare'))

  test('[F6] accepted, but never answered: network after connectTimeout, then tried again', async () => {
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

  test('[F8] cut inside a UTF-8 character: the next connection starts clean', async () => {
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
    '[F9][P1.6] %s, cut: each event comes as it is sent, then goes on after the last whole one',
    (encoding) => cross({ encoding, 'truncate-after': 2 }),
  )
})
