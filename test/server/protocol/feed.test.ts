/** Tests of section 2 of PROTOCOL.md (feeds), through both faces of the server. */
import { describe, expect, test } from 'vitest'
import type { ServerRecord } from '../../../server/base/instrument.ts'
import type { FeedOptions } from '../../../server/feed/feed.ts'
import type { Identity } from '../../../server/http/identity.ts'
import type { ServerOptions } from '../../../server/service/create-server.ts'
import type { Block } from '../../mock-server/support/blocks.ts'
import type { StreamReader } from '../../mock-server/support/stream-reader.ts'
import { type Face, after, createTestServer, faces, mount } from '../support/faces.ts'

interface Events {
  early: number
  tick: number
  other: number
}

async function openFeed(
  face: Face,
  feedOptions: FeedOptions<Identity> = {},
  serverOptions: ServerOptions<Identity> = {},
) {
  const { server, clock } = createTestServer(serverOptions)
  const feed = server.feed<Events>('ticks', feedOptions)
  const mounted = await mount(face, { '/any/path': feed.handler })
  const open = (id?: string, query = ''): Promise<StreamReader> => mounted.open(`/any/path${query}`, after(id))
  return { server, clock, feed, open, mounted }
}

/** Returns the types and data of the events after `connected`. */
const describeEvents = (events: readonly Block[]): string[] =>
  events.slice(1).map(({ type, data }) => `${type} ${data ?? ''}`)

describe.each(faces)('%s', (face) => {
  test('[P5.3] `retry` tells clients how long to wait before they connect again', async () => {
    const { open } = await openFeed(face, { retry: 5_000 })
    const reader = await open()
    await reader.readEvents(1)
    expect(reader.text).toMatch(/^: open\n\nretry: 5000\n\nevent: connected\n/)
    reader.close()
  })

  test('[P2.3] an id that is no longer kept is expired', async () => {
    const { feed, open } = await openFeed(face, { retention: { events: 3, age: 0 } })
    const ids = []
    for (let data = 0; data < 5; data++) {
      ids.push(await feed.send('tick', data))
      // Events are not trimmed before readers had a turn.
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
    }
    const tooOld = await open(ids[1])
    expect(describeEvents(await tooOld.readEvents(2))).toEqual(['reset {"reason":"expired"}'])
    const justRight = await open(ids[2])
    expect(describeEvents(await justRight.readEvents(3))).toEqual(['tick 3', 'tick 4'])
    for (const reader of [tooOld, justRight]) reader.close()
  })

  test('[P2.4] only the types that the feed allows can be selected', async () => {
    const { feed, open } = await openFeed(face, { types: ['tick'] })
    const reader = await open(undefined, '?types=tick,other')
    await reader.readEvents(1)
    await feed.send('other', 1)
    await feed.send('tick', 2)
    expect(describeEvents(await reader.readEvents(2))).toEqual(['tick 2'])
    reader.close()
  })

  test('[P2.5] a feed whose server closes can be resumed on another one with the same log', async () => {
    const { memoryLog } = await import('../../../server/log/memory-log.ts')
    const log = memoryLog({ shared: false })
    const before = await openFeed(face, {}, { log })
    const reader = await before.open()
    await reader.readEvents(1)
    const id = await before.feed.send('tick', 1)
    await reader.readEvents(2)
    await before.server.close()
    expect((await reader.readToEnd()).error).toBeUndefined()
    expect((await before.mounted.fetch('/any/path')).status).toBe(503)
    await expect(before.feed.send('tick', 2)).rejects.toMatchObject({ name: 'SendError', code: 'closed' })
    const next = await openFeed(face, {}, { log })
    await next.feed.send('tick', 2)
    const resumed = await next.open(id)
    expect(describeEvents(await resumed.readEvents(2))).toEqual(['tick 2'])
    resumed.close()
  })

  test('[P2.6] a snapshot is sent to a new client, and events after it follow', async () => {
    let at: string | undefined
    const { feed, open } = await openFeed(face, { snapshot: () => ({ data: { sum: 3 }, at }) })
    await feed.send('tick', 1)
    at = await feed.send('tick', 2)
    await feed.send('tick', 3)
    const reader = await open()
    const events = await reader.readEvents(3)
    expect(events[0]).toMatchObject({ type: 'connected', id: at })
    expect(describeEvents(events)).toEqual(['reset {"reason":"initial","snapshot":{"sum":3}}', 'tick 3'])
    reader.close()
  })

  test('[P2.6] a snapshot is sent to a client that has missed events, but not to one that has not', async () => {
    const { feed, open } = await openFeed(face, { snapshot: () => ({ data: [1] }) })
    const id = await feed.send('tick', 1)
    const lost = await open('elsewhere-7-aa')
    expect(describeEvents(await lost.readEvents(2))).toEqual(['reset {"reason":"unknown","snapshot":[1]}'])
    const resumed = await open(id)
    await resumed.readEvents(1)
    await feed.send('tick', 2)
    expect(describeEvents(await resumed.readEvents(2))).toEqual(['tick 2'])
    for (const reader of [lost, resumed]) reader.close()
  })

  test('[P2.6] events that are sent while a snapshot without a position is made follow it', async () => {
    const { feed, open } = await openFeed(face, {
      snapshot: async () => {
        await feed.send('tick', 1)
        return { data: null }
      },
    })
    const reader = await open()
    expect(describeEvents(await reader.readEvents(3))).toEqual(['reset {"reason":"initial","snapshot":null}', 'tick 1'])
    reader.close()
  })

  test('[P4.1] an identity without permission gets a 403', async () => {
    const authenticate = (request: Request) => ({ subject: request.headers.get('x-api-key') ?? 'nobody' })
    const { mounted } = await openFeed(face, { authorize: ({ subject }) => subject === 'ann' }, { authenticate })
    const statusOf = async (key: string): Promise<number> => {
      const { status, body } = await mounted.fetch('/any/path', { headers: { 'x-api-key': key } })
      await body?.cancel()
      return status
    }
    expect([await statusOf('ann'), await statusOf('bob')]).toEqual([200, 403])
  })

  test('`instrument` receives a record of each response, and what became of the position of its client', async () => {
    const records: ServerRecord[] = []
    const instrument = (record: ServerRecord): void => void records.push(record)
    const { feed, open, server } = await openFeed(face, {}, { instrument })
    const id = await feed.send('tick', 1)
    await feed.send('tick', 2)
    for (const lastEventId of [undefined, id, 'elsewhere-7-aa']) await (await open(lastEventId)).readEvents(1)
    await server.close()
    const reader = { kind: 'feed', stream: 'ticks', subject: 'anonymous' }
    const closed = { type: 'close', reason: 'closed', duration: 0, ...reader }
    expect(records).toEqual([
      { type: 'open', ...reader },
      { type: 'open', ...reader },
      { type: 'resumed', missed: 1, ...reader },
      { type: 'open', ...reader },
      { type: 'reset', reason: 'unknown', ...reader },
      closed,
      closed,
      closed,
    ])
  })

  test('an instrument that throws changes nothing', async () => {
    const instrument = (): void => {
      throw new Error('no metrics')
    }
    const { open } = await openFeed(face, {}, { instrument })
    const reader = await open()
    await reader.readEvents(1)
    reader.close()
  })

  test('a feed whose events exceed four times its bytes rejects further ones as overloaded', async () => {
    const { feed } = await openFeed(face, { retention: { bytes: 1_000 } })
    const sent = await Promise.allSettled(Array.from({ length: 200 }, (_, number) => feed.send('tick', number)))
    const rejected = sent.filter(({ status }) => status === 'rejected')
    expect(rejected).not.toEqual([])
    for (const { reason } of rejected as PromiseRejectedResult[]) {
      expect(reason).toMatchObject({ name: 'SendError', code: 'overloaded' })
    }
  })

  test('[P1.2] a line break in a type is rejected, and data that is not JSON', async () => {
    const { feed } = await openFeed(face)
    await expect(feed.send('a\nb' as 'tick', 1)).rejects.toThrow(TypeError)
    await expect(feed.send('tick', undefined as unknown as number)).rejects.toThrow(TypeError)
  })
})

test.each([-1, 1.5, Number.NaN, Infinity])('a `retry` of %s is rejected', (retry) => {
  const { server } = createTestServer()
  expect(() => server.feed('ticks', { retry })).toThrow(TypeError)
})
