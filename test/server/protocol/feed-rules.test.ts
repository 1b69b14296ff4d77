/** Tests of section 2 of PROTOCOL.md (feeds): the same for the server, through both faces, and for the mock server. */
import { describe, expect, test } from 'vitest'
import { type Block, dataOf } from '../../mock-server/support/blocks.ts'
import { type FeedSide, feedSides } from '../support/feed-sides.ts'

/** Returns the types and data of the events after `connected`. */
const describeEvents = (events: readonly Block[]): string[] =>
  events.slice(1).map(({ type, data }) => `${type} ${data ?? ''}`)

describe.each<[string, FeedSide]>(Object.entries(feedSides))('%s', (_side, openFeed) => {
  test('[P2.1] a new client receives `connected`, then live events', async () => {
    const { feed, open } = await openFeed()
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
    const { feed, open } = await openFeed()
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
    const { feed, open } = await openFeed()
    const reader = await open('elsewhere-7-aa')
    await reader.readEvents(2)
    await feed.send('tick', 1)
    expect(describeEvents(await reader.readEvents(3))).toEqual(['reset {"reason":"unknown"}', 'tick 1'])
    reader.close()
  })

  test('[P2.2] `connected` has the protocol, an unguessable client id, a message and the heartbeat', async () => {
    const { open } = await openFeed()
    const [one, other] = await Promise.all([open(), open()])
    const first = dataOf((await one.readEvents(1))[0])
    const second = dataOf((await other.readEvents(1))[0])
    expect(first).toEqual({ protocol: 1, clientId: expect.any(String), message: expect.any(String), heartbeat: 30_000 })
    expect(first['clientId']).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(first['clientId']).not.toBe(second['clientId'])
    for (const reader of [one, other]) reader.close()
  })

  test('[P2.2] the id of `connected` is the head of the log, even if the log is empty', async () => {
    const { feed, open } = await openFeed()
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
    const { feed, open } = await openFeed()
    const from = await feed.send('tick', 1)
    const newest = await feed.send('tick', 2)
    const resumed = await open(from)
    expect((await resumed.readEvents(1))[0]!.id).toBe(from)
    const unknown = await open('not an id')
    expect((await unknown.readEvents(1))[0]!.id).toBe(newest)
    for (const reader of [resumed, unknown]) reader.close()
  })

  test('[P2.3] a resumed feed loses and repeats nothing, wherever the connection ended', async () => {
    const { feed, open } = await openFeed()
    const ids = await Promise.all(Array.from({ length: 20 }, (_, number) => feed.send('tick', number)))
    for (const [received, id] of ids.entries()) {
      const reader = await open(id)
      const expected = Array.from({ length: 19 - received }, (_, index) => `tick ${received + 1 + index}`)
      expect(describeEvents(await reader.readEvents(ids.length - received))).toEqual(expected)
      reader.close()
    }
  })

  test('[P2.3] future ids, ids of another log, altered ids and malformed ids are unknown', async () => {
    const { feed, open } = await openFeed()
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
    const { feed, open } = await openFeed()
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
    const { feed, open, clock } = await openFeed({ heartbeat: 1_000 })
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
})
