/**
 * Tests of section 2 of PROTOCOL.md (feeds) that only the mock server has, over real sockets. What the server has as well is
 * in test/server/protocol/feed-rules.test.ts.
 */
import { describe, expect, test } from 'vitest'
import { dataOf, type Block } from '../support/blocks.ts'
import { openLocalTestServer, type LocalTestServer } from '../support/local-test-server.ts'
import { type StreamReader, openStreamReader } from '../support/stream-reader.ts'

const open = ({ url }: LocalTestServer, lastEventId?: string, query = ''): Promise<StreamReader> =>
  openStreamReader(
    `${url}/api/stream${query}`,
    lastEventId === undefined ? {} : { headers: { 'last-event-id': lastEventId } },
  )

/** Returns the types and data of the events after `connected`. */
const describeEvents = (events: readonly Block[]): unknown[] =>
  events.slice(1).map(({ type, data }) => `${type} ${data}`)

describe('connected', () => {
  test('[P2.2] `connected` has the protocol, an unguessable client id, a message and the heartbeat', async () => {
    const testServer = await openLocalTestServer()
    const [one, other] = await Promise.all([open(testServer), open(testServer)])
    const first = dataOf((await one.readEvents(1))[0])
    const second = dataOf((await other.readEvents(1))[0])
    expect(first).toEqual({ protocol: 1, clientId: expect.any(String), message: expect.any(String), heartbeat: 30_000 })
    expect(first['clientId']).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(first['clientId']).not.toBe(second['clientId'])
    expect(new Set(testServer.server.clients.map(({ id }) => id))).toEqual(
      new Set([first['clientId'], second['clientId']]),
    )
    one.close()
    other.close()
  })
})

describe('resuming', () => {
  test('[P2.3] an id is expired only if an event after it is no longer kept', async () => {
    const testServer = await openLocalTestServer({ history: 3 })
    const ids = [0, 1, 2, 3, 4].map((data) => testServer.server.broadcast({ data }))
    const tooOld = await open(testServer, ids[0])
    expect(describeEvents(await tooOld.readEvents(2))).toEqual(['reset {"reason":"expired"}'])
    const justRight = await open(testServer, ids[1])
    expect(describeEvents(await justRight.readEvents(4))).toEqual(['message 2', 'message 3', 'message 4'])
    tooOld.close()
    justRight.close()
  })

  test('[P2.3] a feed keeps a thousand events by default', async () => {
    const { server } = await openLocalTestServer()
    for (let data = 0; data < 1_500; data++) server.broadcast({ data })
    expect(server.service.feed().keptEvents).toBe(1_000)
  })

  test('[P2.3] a feed resumes after a restart that keeps the log', async () => {
    const testServer = await openLocalTestServer()
    const before = await open(testServer)
    const id = testServer.server.broadcast({ data: 1 })
    await before.readEvents(2)
    await testServer.server.kill()
    expect((await before.readToEnd()).error).toBeInstanceOf(TypeError)
    await expect(fetch(`${testServer.url}/api/stream`)).rejects.toThrow(TypeError)
    testServer.server.broadcast({ data: 2 })
    await testServer.server.restart()
    const after = await open(testServer, id)
    expect(describeEvents(await after.readEvents(2))).toEqual(['message 2'])
    after.close()
  })

  test('[P2.3] [F26] a restart that loses the log makes old ids unknown, even if their numbers recur', async () => {
    const testServer = await openLocalTestServer()
    const id = testServer.server.broadcast({ data: 1 })
    testServer.server.broadcast({ data: 2 })
    await testServer.server.restart({ log: 'lose' })
    testServer.server.broadcast({ data: 3 })
    testServer.server.broadcast({ data: 4 })
    const reader = await open(testServer, id)
    expect(describeEvents(await reader.readEvents(2))).toEqual(['reset {"reason":"unknown"}'])
    reader.close()
  })
})

describe('filters', () => {
  test('[P2.4] heartbeats advance the cursor of a filtered feed, so that the cursor does not expire', async () => {
    const testServer = await openLocalTestServer({ history: 2, heartbeat: 1_000 })
    const reader = await open(testServer, undefined, '?types=wanted')
    await reader.readEvents(1)
    const ids = [1, 2].map((data) => testServer.server.broadcast({ type: 'other', data }))
    await testServer.clock.advance(1_000)
    await reader.readUntil(`id: ${ids[1]}\n\n`)
    const idOnly = reader.blocks.find(({ id, data }) => id === ids[1] && data === undefined)
    expect(idOnly).toBeDefined()
    reader.close()
    testServer.server.broadcast({ type: 'wanted', data: 3 })
    const resumed = await open(testServer, ids[1], '?types=wanted')
    expect(describeEvents(await resumed.readEvents(2))).toEqual(['wanted 3'])
    resumed.close()
  })

  test('[P1.3] [P2.4] filtered events do not postpone the heartbeat', async () => {
    const testServer = await openLocalTestServer({ heartbeat: 1_000 })
    const reader = await open(testServer, undefined, '?types=wanted')
    await reader.readEvents(1)
    await testServer.clock.advance(600)
    testServer.server.broadcast({ type: 'other', data: 1 })
    await testServer.clock.advance(400)
    await reader.readUntil(': heartbeat\n\n')
    reader.close()
  })

  test('[P2.4] an unchanged cursor is not sent again', async () => {
    const testServer = await openLocalTestServer({ heartbeat: 1_000 })
    const reader = await open(testServer, undefined, '?types=wanted')
    await reader.readEvents(1)
    testServer.server.broadcast({ type: 'wanted', data: 1 })
    await reader.readEvents(2)
    await testServer.clock.advance(1_000)
    await reader.readUntil(': heartbeat\n\n')
    await testServer.clock.advance(1_000)
    await reader.readUntil(': heartbeat\n\n: heartbeat\n\n')
    reader.close()
  })
})

describe('the end', () => {
  test('[P2.5] [F3] a feed whose connection ended can be resumed at once', async () => {
    const testServer = await openLocalTestServer({ scenario: 'end-after:1,once' })
    const reader = await open(testServer)
    expect(await reader.readToEnd()).toMatchObject({ events: [{ type: 'connected' }], error: undefined })
    const again = await open(testServer, reader.events[0]!.id)
    testServer.server.broadcast({ data: 1 })
    expect(describeEvents(await again.readEvents(2))).toEqual(['message 1'])
    again.close()
  })
})

describe('broadcasts', () => {
  test('a POST reaches every client and returns the number of clients', async () => {
    const testServer = await openLocalTestServer()
    const readings = await Promise.all([open(testServer), open(testServer), open(testServer)])
    await Promise.all(readings.map((reader) => reader.readEvents(1)))
    const body = JSON.stringify({ type: 'note', data: '你好 🧑‍🚀' })
    const response = await fetch(`${testServer.url}/api/broadcast`, { method: 'POST', body })
    expect(response.status).toBe(202)
    const result = (await response.json()) as { id: string; clients: number }
    expect(result.clients).toBe(3)
    for (const reader of readings) {
      const event = (await reader.readEvents(2))[1]!
      expect(event).toMatchObject({ type: 'note', data: '"你好 🧑‍🚀"', id: result.id })
      reader.close()
    }
  })

  test('a newline in the data arrives unchanged [P1.2]', async () => {
    const testServer = await openLocalTestServer()
    const reader = await open(testServer)
    await reader.readEvents(1)
    testServer.server.broadcast({ data: 'a\nb' })
    expect((await reader.readEvents(2))[1]!.data).toBe(String.raw`"a\nb"`)
    reader.close()
  })
})
