/** PROTOCOL.md 5.6, on a socket: runs and feeds go on over the next carrier, over a plain connection, and back. */
import { describe, expect, test } from 'vitest'
import { createMock } from '../../../mock-server/mock/mock.ts'
import { type Block, dataOf, textOf } from '../support/blocks.ts'
import { type Carrier, controlOf, eventsIn, openCarrier, openPath, openRun } from '../support/channel-client.ts'
import { openReading } from '../support/stream-reader.ts'
import { eventually, serve } from '../support/local-test-server.ts'

const ANSWER = '0123456789'
const options = { answers: [ANSWER], delay: 10 }
const resumeOf = (events: readonly Block[]): string => dataOf(events[0])['resume'] as string
const lastIdOf = (events: readonly Block[]): string => events.findLast(({ id }) => id)!.id!

describe('a carrier that drops', () => {
  test('[P5.6] a run goes on over the next one, from the event after its last, at every cut', async () => {
    const { url, clock } = await serve(options)
    let carrier = await openCarrier(url)
    await carrier.post(openRun('k0'))
    let seen: Block[] = []
    for (let count = 0; seen.at(-1)?.type !== 'end'; count++) {
      const key = `k${count}`
      const base = seen
      const carried = await carrier.when(key, (all) => eventsIn(all).length > 0)
      seen = [...base, ...eventsIn(carried)]
      carrier.reading.leave()
      await clock.advance(10)
      carrier = await openCarrier(url)
      await carrier.post(openPath(`k${count + 1}`, resumeOf(seen), { lastEventId: lastIdOf(seen) }))
    }
    expect(textOf(seen)).toBe(ANSWER)
    expect(seen.map(({ id }) => Number(id!.split(':')[1]))).toEqual(seen.map((_, index) => index + 1))
  })

  test('[P5.6] [P2.3] each feed goes on from its own cursor: none lost, none twice', async () => {
    const { url, server } = await serve()
    const cursors: (string | undefined)[] = [undefined, undefined, undefined]
    const seen: unknown[][] = [[], [], []]
    let next = 0
    for (let round = 0; round < 5; round++) {
      const carrier = await openCarrier(url)
      await carrier.post(
        ...cursors.map((lastEventId, index) =>
          openPath(`f${index}`, '/api/stream', lastEventId === undefined ? {} : { lastEventId }),
        ),
      )
      for (const [index] of cursors.entries())
        await carrier.when(`f${index}`, (all) => all.some(({ type }) => type === 'connected'))
      for (let count = 0; count < 10; count++) server.broadcast({ type: 'note', data: next++ })
      // Each leaves off at another event.
      for (const [index] of cursors.entries()) {
        const missing = round * 10 + 10 - seen[index]!.length
        const notes = (
          await carrier.when(`f${index}`, (all) => all.filter(({ type }) => type === 'note').length >= missing)
        ).filter(({ type }) => type === 'note')
        const taken = notes.slice(0, missing - index)
        seen[index]!.push(...taken.map(({ data }) => Number(data)))
        cursors[index] = taken.at(-1)?.id ?? cursors[index]
      }
      carrier.reading.leave()
      await eventually(() => server.clients.length === 0)
    }
    for (const [index, numbers] of seen.entries())
      expect(numbers).toEqual(Array.from({ length: 50 - index }, (_, count) => count))
  })

  test('[P5.6] a server that is killed and comes back: the channel is unknown, the streams are not', async () => {
    const { url, server, clock } = await serve(options)
    const carrier = await openCarrier(url)
    await carrier.post(openRun('a'))
    await carrier.when('a', (all) => all.length >= 2)
    const first = eventsIn(carrier.of('a'))
    await server.kill()
    await clock.advance(50)
    await server.restart()
    expect((await carrier.post(openPath('b'))).status).toBe(404)
    const again = await openCarrier(url)
    await again.post(openPath('a', resumeOf(first), { lastEventId: lastIdOf(first) }))
    await again.when('a', (all) => eventsIn(all).length >= 5)
    await clock.advance(1_000)
    expect(textOf(first) + textOf(eventsIn(await again.untilClosed('a')))).toBe(ANSWER)
  })

  test('[P5.6] one that forgets its events says `reset` to each feed', async () => {
    const { url, server } = await serve()
    const lastEventId = server.broadcast({ data: 1 })
    await server.restart({ log: 'lose' })
    const carrier = await openCarrier(url)
    await carrier.post(openPath('a', '/api/stream', { lastEventId }), openPath('b'))
    const a = await carrier.when('a', (all) => all.length === 3)
    expect(dataOf(eventsIn(a)[1])).toEqual({ reason: 'unknown' })
    expect(await carrier.when('b', (all) => all.length === 2)).toHaveLength(2)
  })
})

describe('the rules of runs, over a channel', () => {
  const cancel = async (carrier: Carrier, path: string, headers = {}): Promise<unknown> => {
    const key = `d${Math.random().toString(36).slice(2)}`
    await carrier.post(openPath(key, path, { method: 'DELETE', headers }))
    return controlOf(await carrier.untilClosed(key), 'close')
  }

  test('[P5.6] [P3.5] DELETE cancels: every reader is told, over whatever connection', async () => {
    const { url, server } = await serve(options)
    const carrier = await openCarrier(url)
    await carrier.post(openRun('a'))
    await carrier.when('a', (all) => all.length === 2)
    const resume = resumeOf(eventsIn(carrier.of('a')))
    const plain = await openReading(new URL(resume, url).href)
    expect(await cancel(carrier, resume)).toEqual({ status: 204 })
    for (const events of [eventsIn(await carrier.untilClosed('a')), (await plain.rest()).events]) {
      expect(dataOf(events.at(-1))['finishReason']).toBe('cancelled')
    }
    expect(await cancel(carrier, resume)).toEqual({ status: 204 })
    expect(server.runs[0]!.state).toBe('finished')
  })

  test('[P5.6] [P3.5] DELETE with the key cancels a run that comes afterwards', async () => {
    const { url } = await serve(options)
    const carrier = await openCarrier(url)
    const key = { 'idempotency-key': 'k1' }
    expect(await cancel(carrier, '/api/generate', key)).toEqual({ status: 204 })
    await carrier.post(openRun('a', { headers: key }))
    const events = eventsIn(await carrier.untilClosed('a'))
    expect(events.map(({ type }) => type)).toEqual(['start', 'end'])
    expect(dataOf(events[1])['finishReason']).toBe('cancelled')
  })

  test('[P5.6] [P3.4] the same key joins the run, over a channel and beside it; another body is 422', async () => {
    const { url, server } = await serve({ ...options, delay: 0 })
    const headers = { 'idempotency-key': 'k1' }
    const body = JSON.stringify({ prompt: 'Hi' })
    const plain = await (await openReading(`${url}/api/generate`, { method: 'POST', headers, body })).rest()
    const carrier = await openCarrier(url)
    await carrier.post(openRun('a', { headers }), openRun('b', { headers, body: '{"prompt":"other"}' }))
    expect(eventsIn(await carrier.untilClosed('a'))).toEqual(plain.events)
    expect(controlOf(await carrier.untilClosed('b'), 'open')['status']).toBe(422)
    expect(server.runs).toHaveLength(1)
  })

  test('[P5.6] [P3.3] after the terminal event 204, of a forgotten run 404', async () => {
    const { url, clock } = await serve({ ...options, delay: 0, retention: 1_000 })
    const carrier = await openCarrier(url)
    await carrier.post(openRun('a'))
    const events = eventsIn(await carrier.untilClosed('a'))
    await carrier.post(openPath('b', resumeOf(events), { lastEventId: lastIdOf(events) }))
    expect(controlOf(await carrier.untilClosed('b'), 'open')['status']).toBe(204)
    await clock.advance(1_000)
    await carrier.post(openPath('c', resumeOf(events)))
    expect(controlOf(await carrier.untilClosed('c'), 'open')['status']).toBe(404)
  })

  test('[P5.6] [P3.5] who reads over a channel is a reader: a run that is read is not stopped, one whose carrier is gone is', async () => {
    const { url, server, clock } = await serve({ answers: ['x'.repeat(1_000)], delay: 1_000, abandon: 5_000 })
    const carrier = await openCarrier(url)
    await carrier.post(openRun('a'))
    await carrier.when('a', (all) => all.length === 2)
    await clock.advance(20_000)
    expect(server.runs[0]!.state).toBe('running')
    carrier.reading.leave()
    await eventually(() => server.runs[0]!.readers === 0)
    await clock.advance(4_999)
    expect(server.runs[0]!.state).toBe('running')
    await clock.advance(1)
    expect(server.runs[0]!.state).toBe('finished')
  })

  test('[P5.6] [P3.5] retention begins after the last reader, over whatever connection', async () => {
    const { url, server, clock } = await serve({ ...options, delay: 10, retention: 1_000 })
    const carrier = await openCarrier(url)
    // Held back: what it has not been given yet, it still reads.
    await carrier.post(openRun('a', { window: 100 }))
    await carrier.when('a', (all) => all.length === 2)
    await clock.advance(5_000)
    expect(server.runs).toHaveLength(1)
    expect(server.runs[0]).toMatchObject({ state: 'finished', readers: 1 })
    await carrier.post({ op: 'close', key: 'a' })
    await clock.advance(999)
    expect(server.runs).toHaveLength(1)
    await clock.advance(1)
    expect(server.runs).toEqual([])
  })

  test('[P5.6] [P3.5] close detaches, as dropping a connection does; only DELETE cancels', async () => {
    const { url, server, clock } = await serve(options)
    const carrier = await openCarrier(url)
    await carrier.post(openRun('a'))
    await carrier.when('a', (all) => all.length === 2)
    await carrier.post({ op: 'close', key: 'a' })
    await clock.advance(1_000)
    expect(server.runs[0]).toMatchObject({ state: 'finished', text: ANSWER, readers: 0 })
  })
})

describe('without a socket', () => {
  test('[P5.6] the mock in process has channels, and hears of what came over them', async () => {
    const mock = createMock({ answers: [ANSWER] })
    const carrier = await openCarrier('http://localhost', { fetch: mock.fetch })
    await carrier.post(openRun('a'), openPath('b'))
    expect(textOf(eventsIn(await carrier.untilClosed('a')))).toBe(ANSWER)
    mock.feed().send({ type: 'note', data: 1 })
    await carrier.when('b', (all) => all.at(-1)?.type === 'note')
    expect(mock.requests.map(({ method, url }) => `${method} ${new URL(url).pathname}`)).toEqual([
      'GET /api/channel',
      'POST /api/channel/ops',
      'POST /api/generate',
      'GET /api/stream',
    ])
    expect(await mock.requests[2]!.json()).toEqual({ prompt: 'Hi' })
    carrier.reading.leave()
    await eventually(() => mock.feed().clients.length === 0)
    mock.close()
  })
})
