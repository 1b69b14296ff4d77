/**
 * Tests of section 5.6 of PROTOCOL.md, over real sockets: runs and feeds resume over another channel or a plain
 * connection.
 */
import { describe, expect, test } from 'vitest'
import { createMock } from '../../../mock-server/mock/mock.ts'
import { type Block, dataOf, textOf } from '../support/blocks.ts'
import {
  type ChannelClient,
  controlOf,
  eventsOfItems,
  openChannelClient,
  openGetOperation,
  openRunOperation,
} from '../support/channel-client.ts'
import { waitUntil, openLocalTestServer } from '../support/local-test-server.ts'
import { openStreamReader } from '../support/stream-reader.ts'

const ANSWER = '0123456789'
const options = { answers: [ANSWER], delay: 10 }
const resumeOf = (events: readonly Block[]): string => dataOf(events[0])['resume'] as string
const lastIdOf = (events: readonly Block[]): string => events.findLast(({ id }) => id)!.id!

describe('a dropped channel', () => {
  test('[P5.6] wherever a channel is cut, the run resumes over the next channel', async () => {
    const { url, clock } = await openLocalTestServer(options)
    let channel = await openChannelClient(url)
    await channel.post(openRunOperation('k0'))
    let received: Block[] = []
    for (let count = 0; received.at(-1)?.type !== 'end'; count++) {
      const key = `k${count}`
      const previous = received
      const items = await channel.readUntil(key, (all) => eventsOfItems(all).length > 0)
      received = [...previous, ...eventsOfItems(items)]
      channel.reader.close()
      await clock.advance(10)
      channel = await openChannelClient(url)
      await channel.post(openGetOperation(`k${count + 1}`, resumeOf(received), { lastEventId: lastIdOf(received) }))
    }
    expect(textOf(received)).toBe(ANSWER)
    expect(received.map(({ id }) => Number(id!.split('-').at(-2)))).toEqual(received.map((_, index) => index + 1))
  })

  test('[P5.6] [P2.3] each feed resumes from its own cursor, without losing or repeating events', async () => {
    const { url, server } = await openLocalTestServer()
    const cursors: (string | undefined)[] = [undefined, undefined, undefined]
    const received: unknown[][] = [[], [], []]
    let next = 0
    for (let round = 0; round < 5; round++) {
      const channel = await openChannelClient(url)
      await channel.post(
        ...cursors.map((lastEventId, index) =>
          openGetOperation(`f${index}`, '/api/stream', lastEventId === undefined ? {} : { lastEventId }),
        ),
      )
      for (const [index] of cursors.entries())
        await channel.readUntil(`f${index}`, (all) => all.some(({ type }) => type === 'connected'))
      for (let count = 0; count < 10; count++) server.broadcast({ type: 'note', data: next++ })
      // Each feed stops at a different event.
      for (const [index] of cursors.entries()) {
        const missing = round * 10 + 10 - received[index]!.length
        const notes = (
          await channel.readUntil(`f${index}`, (all) => all.filter(({ type }) => type === 'note').length >= missing)
        ).filter(({ type }) => type === 'note')
        const taken = notes.slice(0, missing - index)
        received[index]!.push(...taken.map(({ data }) => Number(data)))
        cursors[index] = taken.at(-1)?.id ?? cursors[index]
      }
      channel.reader.close()
      await waitUntil(() => server.clients.length === 0)
    }
    for (const [index, numbers] of received.entries())
      expect(numbers).toEqual(Array.from({ length: 50 - index }, (_, count) => count))
  })

  test('[P5.6] a killed and restarted server has lost the channel, but the run can be resumed', async () => {
    const { url, server, clock } = await openLocalTestServer(options)
    const channel = await openChannelClient(url)
    await channel.post(openRunOperation('a'))
    await channel.readUntil('a', (all) => all.length >= 2)
    const first = eventsOfItems(channel.itemsOf('a'))
    await server.kill()
    await clock.advance(50)
    await server.restart()
    expect((await channel.post(openGetOperation('b'))).status).toBe(404)
    const again = await openChannelClient(url)
    await again.post(openGetOperation('a', resumeOf(first), { lastEventId: lastIdOf(first) }))
    await again.readUntil('a', (all) => eventsOfItems(all).length >= 5)
    await clock.advance(1_000)
    expect(textOf(first) + textOf(eventsOfItems(await again.readUntilClosed('a')))).toBe(ANSWER)
  })

  test('[P5.6] a server that has lost its events sends `reset` over a channel', async () => {
    const { url, server } = await openLocalTestServer()
    const lastEventId = server.broadcast({ data: 1 })
    await server.restart({ log: 'lose' })
    const channel = await openChannelClient(url)
    await channel.post(openGetOperation('a', '/api/stream', { lastEventId }), openGetOperation('b'))
    const a = await channel.readUntil('a', (all) => all.length === 3)
    expect(dataOf(eventsOfItems(a)[1])).toEqual({ reason: 'unknown' })
    expect(await channel.readUntil('b', (all) => all.length === 2)).toHaveLength(2)
  })
})

describe('runs over a channel', () => {
  const cancel = async (channel: ChannelClient, path: string, headers = {}): Promise<unknown> => {
    const key = `d${Math.random().toString(36).slice(2)}`
    await channel.post(openGetOperation(key, path, { method: 'DELETE', headers }))
    return controlOf(await channel.readUntilClosed(key), 'close')
  }

  test('[P5.6] [P3.5] DELETE ends a run for every reader, on any connection', async () => {
    const { url, server } = await openLocalTestServer(options)
    const channel = await openChannelClient(url)
    await channel.post(openRunOperation('a'))
    await channel.readUntil('a', (all) => all.length === 2)
    const resume = resumeOf(eventsOfItems(channel.itemsOf('a')))
    const plain = await openStreamReader(new URL(resume, url).href)
    expect(await cancel(channel, resume)).toEqual({ status: 204 })
    for (const events of [eventsOfItems(await channel.readUntilClosed('a')), (await plain.readToEnd()).events]) {
      expect(dataOf(events.at(-1))['finishReason']).toBe('cancelled')
    }
    expect(await cancel(channel, resume)).toEqual({ status: 204 })
    expect(server.runs[0]!.state).toBe('finished')
  })

  test('[P5.6] [P3.5] DELETE with an idempotency key cancels a run that starts afterwards with that key', async () => {
    const { url } = await openLocalTestServer(options)
    const channel = await openChannelClient(url)
    const key = { 'idempotency-key': 'k1' }
    expect(await cancel(channel, '/api/generate', key)).toEqual({ status: 204 })
    await channel.post(openRunOperation('a', { headers: key }))
    const events = eventsOfItems(await channel.readUntilClosed('a'))
    expect(events.map(({ type }) => type)).toEqual(['start', 'end'])
    expect(dataOf(events[1])['finishReason']).toBe('cancelled')
  })

  test('[P5.6] [P3.4] the same key joins a run of a plain connection, and a different body gets a 422', async () => {
    const { url, server } = await openLocalTestServer({ ...options, delay: 0 })
    const headers = { 'idempotency-key': 'k1' }
    const body = JSON.stringify({ prompt: 'Hi' })
    const plain = await (await openStreamReader(`${url}/api/generate`, { method: 'POST', headers, body })).readToEnd()
    const channel = await openChannelClient(url)
    await channel.post(
      openRunOperation('a', { headers }),
      openRunOperation('b', { headers, body: '{"prompt":"other"}' }),
    )
    expect(eventsOfItems(await channel.readUntilClosed('a'))).toEqual(plain.events)
    expect(controlOf(await channel.readUntilClosed('b'), 'open')['status']).toBe(422)
    expect(server.runs).toHaveLength(1)
  })

  test('[P5.6] [P3.3] resuming after the terminal event gets a 204, and resuming a forgotten run a 404', async () => {
    const { url, clock } = await openLocalTestServer({ ...options, delay: 0, retention: 1_000 })
    const channel = await openChannelClient(url)
    await channel.post(openRunOperation('a'))
    const events = eventsOfItems(await channel.readUntilClosed('a'))
    await channel.post(openGetOperation('b', resumeOf(events), { lastEventId: lastIdOf(events) }))
    expect(controlOf(await channel.readUntilClosed('b'), 'open')['status']).toBe(204)
    await clock.advance(1_000)
    await channel.post(openGetOperation('c', resumeOf(events)))
    expect(controlOf(await channel.readUntilClosed('c'), 'open')['status']).toBe(404)
  })

  test('[P5.6] [P3.5] a run read over a channel is stopped only after the channel is gone', async () => {
    const { url, server, clock } = await openLocalTestServer({
      answers: ['x'.repeat(1_000)],
      delay: 1_000,
      abandon: 5_000,
    })
    const channel = await openChannelClient(url)
    await channel.post(openRunOperation('a'))
    await channel.readUntil('a', (all) => all.length === 2)
    await clock.advance(20_000)
    expect(server.runs[0]!.state).toBe('running')
    channel.reader.close()
    await waitUntil(() => server.runs[0]!.readers === 0)
    await clock.advance(4_999)
    expect(server.runs[0]!.state).toBe('running')
    await clock.advance(1)
    expect(server.runs[0]!.state).toBe('finished')
  })

  test('[P5.6] [P3.5] the retention period starts when the last reader leaves, on any connection', async () => {
    const { url, server, clock } = await openLocalTestServer({ ...options, delay: 10, retention: 1_000 })
    const channel = await openChannelClient(url)
    // Without credit, the stream has not received all of the run, so it is still a reader.
    await channel.post(openRunOperation('a', { window: 100 }))
    await channel.readUntil('a', (all) => all.length === 2)
    await clock.advance(5_000)
    expect(server.runs).toHaveLength(1)
    expect(server.runs[0]).toMatchObject({ state: 'finished', readers: 1 })
    await channel.post({ op: 'close', key: 'a' })
    await clock.advance(999)
    expect(server.runs).toHaveLength(1)
    await clock.advance(1)
    expect(server.runs).toEqual([])
  })

  test('[P5.6] [P3.5] the close operation detaches a stream from the run instead of cancelling the run', async () => {
    const { url, server, clock } = await openLocalTestServer(options)
    const channel = await openChannelClient(url)
    await channel.post(openRunOperation('a'))
    await channel.readUntil('a', (all) => all.length === 2)
    await channel.post({ op: 'close', key: 'a' })
    await clock.advance(1_000)
    expect(server.runs[0]).toMatchObject({ state: 'finished', text: ANSWER, readers: 0 })
  })
})

describe('without a socket', () => {
  test('[P5.6] the in-process mock supports channels and records their requests', async () => {
    const mock = createMock({ answers: [ANSWER] })
    const channel = await openChannelClient('http://localhost', { fetch: mock.fetch })
    await channel.post(openRunOperation('a'), openGetOperation('b'))
    expect(textOf(eventsOfItems(await channel.readUntilClosed('a')))).toBe(ANSWER)
    mock.feed().send({ type: 'note', data: 1 })
    await channel.readUntil('b', (all) => all.at(-1)?.type === 'note')
    expect(mock.requests.map(({ method, url }) => `${method} ${new URL(url).pathname}`)).toEqual([
      'GET /api/channel',
      'POST /api/channel/ops',
      'POST /api/generate',
      'GET /api/stream',
    ])
    expect(await mock.requests[2]!.json()).toEqual({ prompt: 'Hi' })
    channel.reader.close()
    await waitUntil(() => mock.feed().clients.length === 0)
    mock.close()
  })
})
