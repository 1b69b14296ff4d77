/** PROTOCOL.md, section 2, on a socket. */
import { describe, expect, test } from 'vitest'
import { dataOf, type Block } from '../support/blocks.ts'
import { type Reading, openReading } from '../support/stream-reader.ts'
import { serve, type Serving } from '../support/local-test-server.ts'

const open = ({ url }: Serving, lastEventId?: string, query = ''): Promise<Reading> =>
  openReading(
    `${url}/api/stream${query}`,
    lastEventId === undefined ? {} : { headers: { 'last-event-id': lastEventId } },
  )

/** Types and data of the events after `connected`. */
const said = (events: readonly Block[]): unknown[] => events.slice(1).map(({ type, data }) => `${type} ${data}`)

describe('order', () => {
  test('[P2.1] connected, then live', async () => {
    const serving = await serve()
    serving.server.broadcast({ type: 'early', data: 0 })
    const reading = await open(serving)
    await reading.take(1)
    serving.server.broadcast({ type: 'tick', data: { n: 1 } })
    serving.server.broadcast({ data: [2] })
    const events = await reading.take(3)
    expect(events[0]!.type).toBe('connected')
    expect(said(events)).toEqual(['tick {"n":1}', 'message [2]'])
    reading.leave()
  })

  test('[P2.1] connected, then the replay, then live', async () => {
    const serving = await serve()
    const from = serving.server.broadcast({ type: 'tick', data: 1 })
    serving.server.broadcast({ type: 'tick', data: 2 })
    serving.server.broadcast({ type: 'tick', data: 3 })
    const reading = await open(serving, from)
    await reading.take(3)
    serving.server.broadcast({ type: 'tick', data: 4 })
    const events = await reading.take(4)
    expect(events[0]!.type).toBe('connected')
    expect(said(events)).toEqual(['tick 2', 'tick 3', 'tick 4'])
    reading.leave()
  })

  test('[P2.1] connected, then reset, then live', async () => {
    const serving = await serve()
    const reading = await open(serving, 'elsewhere-7')
    await reading.take(2)
    serving.server.broadcast({ type: 'tick', data: 1 })
    const events = await reading.take(3)
    expect(said(events)).toEqual(['reset {"reason":"unknown"}', 'tick 1'])
    reading.leave()
  })
})

describe('connected', () => {
  test('[P2.2] says the protocol, who one is, and a message', async () => {
    const serving = await serve()
    const [one, other] = await Promise.all([open(serving), open(serving)])
    const first = dataOf((await one.take(1))[0])
    const second = dataOf((await other.take(1))[0])
    expect(first).toEqual({ protocol: 1, clientId: expect.any(String), message: expect.any(String), heartbeat: 30_000 })
    expect(first['clientId']).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(first['clientId']).not.toBe(second['clientId'])
    expect(new Set(serving.server.clients.map(({ id }) => id))).toEqual(
      new Set([first['clientId'], second['clientId']]),
    )
    one.leave()
    other.leave()
  })

  test('[P2.2] its id is the head of the log, also of an empty one', async () => {
    const serving = await serve()
    const empty = await open(serving)
    const [atStart] = await empty.take(1)
    const newest = serving.server.broadcast({ data: 1 })
    const later = await open(serving)
    expect((await later.take(1))[0]!.id).toBe(newest)
    const resumed = await open(serving, atStart!.id)
    const events = await resumed.take(2)
    expect(said(events)).toEqual(['message 1'])
    for (const reading of [empty, later, resumed]) reading.leave()
  })

  test('[P2.2] its id is the position asked for, where the server has it', async () => {
    const serving = await serve()
    const from = serving.server.broadcast({ data: 1 })
    serving.server.broadcast({ data: 2 })
    const reading = await open(serving, from)
    expect((await reading.take(1))[0]!.id).toBe(from)
    reading.leave()
  })

  test('[P2.2] its id is the head, where the server has not', async () => {
    const serving = await serve()
    const newest = serving.server.broadcast({ data: 1 })
    const reading = await open(serving, 'what is this')
    expect((await reading.take(1))[0]!.id).toBe(newest)
    reading.leave()
  })
})

describe('coming back', () => {
  test('[P2.3] nothing is lost and nothing comes twice, wherever the connection ends', async () => {
    const serving = await serve()
    const ids = Array.from({ length: 20 }, (_, number) => serving.server.broadcast({ data: number }))
    for (const [received, id] of ids.entries()) {
      const reading = await open(serving, id)
      const events = await reading.take(ids.length - received)
      expect(said(events)).toEqual(
        Array.from({ length: ids.length - received - 1 }, (_, index) => `message ${received + 1 + index}`),
      )
      reading.leave()
    }
  })

  test('[P2.3] an id that is no longer kept is expired; the oldest one that is kept is not', async () => {
    const serving = await serve({ history: 3 })
    const ids = [0, 1, 2, 3, 4].map((data) => serving.server.broadcast({ data }))
    const tooOld = await open(serving, ids[0])
    expect(said(await tooOld.take(2))).toEqual(['reset {"reason":"expired"}'])
    const justRight = await open(serving, ids[1])
    expect(said(await justRight.take(4))).toEqual(['message 2', 'message 3', 'message 4'])
    tooOld.leave()
    justRight.leave()
  })

  test('[P2.3] the history is a thousand events unless told otherwise', async () => {
    const { server } = await serve()
    for (let data = 0; data < 1_500; data++) server.broadcast({ data })
    expect(server.service.feed().kept).toBe(1_000)
  })

  test('[P2.3] ids of the future, of another log, and no ids at all are unknown', async () => {
    const serving = await serve()
    const id = serving.server.broadcast({ data: 1 })
    const [epoch] = id.split('-')
    for (const wrong of [`${epoch}-2`, `${epoch}-`, `x${id}x`, '1', `${epoch}-99999999999999999999`, 'ffffffff-1']) {
      const reading = await open(serving, wrong)
      expect(said(await reading.take(2)), wrong).toEqual(['reset {"reason":"unknown"}'])
      reading.leave()
    }
  })

  test('[P2.3] an empty Last-Event-ID is none', async () => {
    const serving = await serve()
    serving.server.broadcast({ data: 1 })
    const reading = await open(serving, '')
    await reading.take(1)
    serving.server.broadcast({ data: 2 })
    expect(said(await reading.take(2))).toEqual(['message 2'])
    reading.leave()
  })

  test('[P2.3] a client that cannot send headers may ask in the query', async () => {
    const serving = await serve()
    const from = serving.server.broadcast({ data: 1 })
    serving.server.broadcast({ data: 2 })
    const reading = await open(serving, undefined, `?lastEventId=${from}`)
    expect(said(await reading.take(2))).toEqual(['message 2'])
    reading.leave()
  })

  test('[P2.3] after a restart that keeps the log the replay goes on', async () => {
    const serving = await serve()
    const before = await open(serving)
    const id = serving.server.broadcast({ data: 1 })
    await before.take(2)
    await serving.server.kill()
    expect((await before.rest()).error).toBeInstanceOf(TypeError)
    await expect(fetch(`${serving.url}/api/stream`)).rejects.toThrow(TypeError)
    serving.server.broadcast({ data: 2 })
    await serving.server.restart()
    const after = await open(serving, id)
    expect(said(await after.take(2))).toEqual(['message 2'])
    after.leave()
  })

  test('[P2.3] [F26] after a restart that loses the log positions are unknown, though the numbers come again', async () => {
    const serving = await serve()
    const id = serving.server.broadcast({ data: 1 })
    serving.server.broadcast({ data: 2 })
    await serving.server.restart({ log: 'lose' })
    serving.server.broadcast({ data: 3 })
    serving.server.broadcast({ data: 4 })
    const reading = await open(serving, id)
    expect(said(await reading.take(2))).toEqual(['reset {"reason":"unknown"}'])
    reading.leave()
  })
})

describe('filters', () => {
  test('[P2.4] quiet cursors move with the heartbeats, so that they do not expire', async () => {
    const serving = await serve({ history: 2, heartbeat: 1_000 })
    const reading = await open(serving, undefined, '?types=wanted')
    await reading.take(1)
    const ids = [1, 2].map((data) => serving.server.broadcast({ type: 'other', data }))
    await serving.clock.advance(1_000)
    await reading.until(`id: ${ids[1]}\n\n`)
    const idOnly = reading.blocks.find(({ id, data }) => id === ids[1] && data === undefined)
    expect(idOnly).toBeDefined()
    reading.leave()
    serving.server.broadcast({ type: 'wanted', data: 3 })
    const resumed = await open(serving, ids[1], '?types=wanted')
    expect(said(await resumed.take(2))).toEqual(['wanted 3'])
    resumed.leave()
  })

  test('[P1.3] [P2.4] what is filtered out does not put the heartbeat off', async () => {
    const serving = await serve({ heartbeat: 1_000 })
    const reading = await open(serving, undefined, '?types=wanted')
    await reading.take(1)
    await serving.clock.advance(600)
    serving.server.broadcast({ type: 'other', data: 1 })
    await serving.clock.advance(400)
    await reading.until(': heartbeat\n\n')
    reading.leave()
  })

  test('[P2.4] a cursor that has not moved is not sent again', async () => {
    const serving = await serve({ heartbeat: 1_000 })
    const reading = await open(serving, undefined, '?types=wanted')
    await reading.take(1)
    serving.server.broadcast({ type: 'wanted', data: 1 })
    await reading.take(2)
    await serving.clock.advance(1_000)
    await reading.until(': heartbeat\n\n')
    await serving.clock.advance(1_000)
    await reading.until(': heartbeat\n\n: heartbeat\n\n')
    reading.leave()
  })
})

describe('the end', () => {
  test('[P2.5] [F3] a feed that ends may be read again at once', async () => {
    const serving = await serve({ scenario: 'end-after:1,once' })
    const reading = await open(serving)
    expect(await reading.rest()).toMatchObject({ events: [{ type: 'connected' }], error: undefined })
    const again = await open(serving, reading.events[0]!.id)
    serving.server.broadcast({ data: 1 })
    expect(said(await again.take(2))).toEqual(['message 1'])
    again.leave()
  })
})

describe('broadcasts', () => {
  test('a POST reaches every client and says how many', async () => {
    const serving = await serve()
    const readings = await Promise.all([open(serving), open(serving), open(serving)])
    await Promise.all(readings.map((reading) => reading.take(1)))
    const body = JSON.stringify({ type: 'note', data: '你好 🧑‍🚀' })
    const response = await fetch(`${serving.url}/api/broadcast`, { method: 'POST', body })
    expect(response.status).toBe(202)
    const answer = (await response.json()) as { id: string; clients: number }
    expect(answer.clients).toBe(3)
    for (const reading of readings) {
      const event = (await reading.take(2))[1]!
      expect(event).toMatchObject({ type: 'note', data: '"你好 🧑‍🚀"', id: answer.id })
      reading.leave()
    }
  })

  test('a newline in the data becomes several lines, and is one again for the reader [P1.2]', async () => {
    const serving = await serve()
    const reading = await open(serving)
    await reading.take(1)
    serving.server.broadcast({ data: 'a\nb' })
    expect((await reading.take(2))[1]!.data).toBe(String.raw`"a\nb"`)
    reading.leave()
  })
})
