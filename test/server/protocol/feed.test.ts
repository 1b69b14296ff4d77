/** Tests of section 2 of PROTOCOL.md (feeds), through both faces of the server. */
import { describe, expect, test } from 'vitest'
import type { ServerRecord } from '../../../server/base/instrument.ts'
import type { FeedOptions } from '../../../server/feed/feed.ts'
import type { Identity } from '../../../server/http/identity.ts'
import type { ServerOptions } from '../../../server/service/create-server.ts'
import { type Block, dataOf } from '../../mock-server/support/blocks.ts'
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
  test('[P2.1] a new client receives `connected`, then live events', async () => {
    const { feed, open } = await openFeed(face)
    await feed.send('early', 0)
    const reader = await open()
    await reader.readEvents(1)
    await feed.send('tick', 1)
    await feed.send('tick', 2)
    const events = await reader.readEvents(3)
    expect(events[0]!.type).toBe('connected')
    expect(describeEvents(events)).toEqual(['tick 1', 'tick 2'])
    reader.close()
  })

  test('[P2.1] a resuming client receives `connected`, then the replay, then live events', async () => {
    const { feed, open } = await openFeed(face)
    const from = await feed.send('tick', 1)
    await feed.send('tick', 2)
    await feed.send('tick', 3)
    const reader = await open(from)
    await reader.readEvents(3)
    await feed.send('tick', 4)
    const events = await reader.readEvents(4)
    expect(events[0]!.type).toBe('connected')
    expect(describeEvents(events)).toEqual(['tick 2', 'tick 3', 'tick 4'])
    reader.close()
  })

  test('[P2.1] a client with an unknown id receives `connected`, then `reset`, then live events', async () => {
    const { feed, open } = await openFeed(face)
    const reader = await open('elsewhere-7-aa')
    await reader.readEvents(2)
    await feed.send('tick', 1)
    expect(describeEvents(await reader.readEvents(3))).toEqual(['reset {"reason":"unknown"}', 'tick 1'])
    reader.close()
  })

  test('[P2.2] `connected` has the protocol, an unguessable client id, a message and the heartbeat', async () => {
    const { open } = await openFeed(face)
    const [one, other] = await Promise.all([open(), open()])
    const first = dataOf((await one.readEvents(1))[0])
    const second = dataOf((await other.readEvents(1))[0])
    expect(first).toEqual({ protocol: 1, clientId: expect.any(String), message: expect.any(String), heartbeat: 30_000 })
    expect(first['clientId']).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(first['clientId']).not.toBe(second['clientId'])
    for (const reader of [one, other]) reader.close()
  })

  test('[P2.2] the id of `connected` is the head of the log, even if the log is empty', async () => {
    const { feed, open } = await openFeed(face)
    const empty = await open()
    const [atStart] = await empty.readEvents(1)
    const newest = await feed.send('tick', 1)
    const later = await open()
    expect((await later.readEvents(1))[0]!.id).toBe(newest)
    const resumed = await open(atStart!.id)
    const events = await resumed.readEvents(2)
    expect(events[0]!.id).toBe(atStart!.id)
    expect(describeEvents(events)).toEqual(['tick 1'])
    for (const reader of [empty, later, resumed]) reader.close()
  })

  test('[P2.2] the id of `connected` is the requested position if that is kept, otherwise the head', async () => {
    const { feed, open } = await openFeed(face)
    const from = await feed.send('tick', 1)
    const newest = await feed.send('tick', 2)
    const resumed = await open(from)
    expect((await resumed.readEvents(1))[0]!.id).toBe(from)
    const unknown = await open('not an id')
    expect((await unknown.readEvents(1))[0]!.id).toBe(newest)
    for (const reader of [resumed, unknown]) reader.close()
  })

  test('[P2.3] a resumed feed loses and repeats nothing, wherever the connection ended', async () => {
    const { feed, open } = await openFeed(face)
    const ids = await Promise.all(Array.from({ length: 20 }, (_, number) => feed.send('tick', number)))
    for (const [received, id] of ids.entries()) {
      const reader = await open(id)
      const expected = Array.from({ length: 19 - received }, (_, index) => `tick ${received + 1 + index}`)
      expect(describeEvents(await reader.readEvents(ids.length - received))).toEqual(expected)
      reader.close()
    }
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

  test('[P2.3] future ids, ids of another log, altered ids and malformed ids are unknown', async () => {
    const { feed, open } = await openFeed(face)
    const id = await feed.send('tick', 1)
    const [epoch, , nonce] = id.split('-')
    const wrong = [`${epoch}-2-${nonce}`, `${epoch}-`, `x${id}x`, '1', `${epoch}-1-ffffffff`, `ffffffff-1-${nonce}`]
    for (const lastEventId of [...wrong, `${epoch}-99999999999999999999-${nonce}`]) {
      const reader = await open(lastEventId)
      expect(describeEvents(await reader.readEvents(2)), lastEventId).toEqual(['reset {"reason":"unknown"}'])
      reader.close()
    }
  })

  test('[P2.3] an empty Last-Event-ID is ignored, and ?lastEventId= works in its place', async () => {
    const { feed, open } = await openFeed(face)
    const from = await feed.send('tick', 1)
    const fresh = await open('')
    await fresh.readEvents(1)
    await feed.send('tick', 2)
    expect(describeEvents(await fresh.readEvents(2))).toEqual(['tick 2'])
    const resumed = await open(undefined, `?lastEventId=${from}`)
    expect(describeEvents(await resumed.readEvents(2))).toEqual(['tick 2'])
    for (const reader of [fresh, resumed]) reader.close()
  })

  test('[P2.4] heartbeats advance the cursor of a filtered feed, so that the cursor does not expire', async () => {
    const { feed, open, clock } = await openFeed(face, { types: ['tick', 'other'] }, { heartbeat: 1_000 })
    const reader = await open(undefined, '?types=tick')
    await reader.readEvents(1)
    await feed.send('other', 1)
    const newest = await feed.send('other', 2)
    await new Promise((resolve) => setImmediate(resolve))
    await clock.advance(1_000)
    await reader.readUntil(`: heartbeat\n\nid: ${newest}\n\n`)
    await clock.advance(1_000)
    await reader.readUntil(`id: ${newest}\n\n: heartbeat\n\n`)
    await feed.send('tick', 3)
    expect(describeEvents(await reader.readEvents(2))).toEqual(['tick 3'])
    const resumed = await open(newest, '?types=tick')
    expect(describeEvents(await resumed.readEvents(2))).toEqual(['tick 3'])
    for (const each of [reader, resumed]) each.close()
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
