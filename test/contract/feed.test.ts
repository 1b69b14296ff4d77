/** Contract of feeds: PROTOCOL.md section 2. */
import { expect, test } from 'vitest'
import { createSyncManualClock } from '../setup/sync-manual-clock.ts'
import { registerContract } from './contract.ts'
import { payloadsOf, recordEvents } from './record-events.ts'
import { waitUntil } from './wait-until.ts'

registerContract('feeds', (open) => {
  test('[P2.1][P2.2] a feed starts with a connected event whose ID is the head of the log, then delivers live events in order', async () => {
    const { client, server } = await open()
    const head = await server.send({ data: 'before' })
    const feed = client.subscribe('/api/stream')
    const events = recordEvents(feed)
    await waitUntil(() => events.length)
    for (let count = 0; count < 3; count++) await server.send({ type: 'count', data: { count } })
    await waitUntil(() => events.length === 4)
    expect(events[0]).toMatchObject({
      type: 'connected',
      id: head,
      data: { protocol: 1, clientId: expect.stringMatching(/^[0-9a-f-]{36}$/), heartbeat: 30_000 },
    })
    expect(payloadsOf(events, 'count')).toEqual([{ count: 0 }, { count: 1 }, { count: 2 }])
    expect(feed.lastEventId).toBe(events[3]!.id)
  })

  test('[P2.3] a feed receives missed events in order after a cut, then live events, without loss or duplicates', async () => {
    const { client, server } = await open()
    const feed = client.subscribe('/api/stream')
    const events = recordEvents(feed)
    await waitUntil(() => events.length)
    for (let round = 0; round < 3; round++) {
      await server.send({ data: `${round} live` })
      await server.drop()
      await server.send({ data: `${round} while away` })
      await waitUntil(() => payloadsOf(events).length === 2 * (round + 1))
    }
    expect(payloadsOf(events)).toEqual(['0 live', '0 while away', '1 live', '1 while away', '2 live', '2 while away'])
    expect((await server.requests()).map(({ headers }) => 'last-event-id' in headers)).toEqual([
      false,
      true,
      true,
      true,
    ])
  })

  test('[P2.3] a feed resumes from its last event ID after a server restart', async () => {
    const { client, server, states } = await open()
    const feed = client.subscribe('/api/stream')
    const events = recordEvents(feed)
    await waitUntil(() => events.length)
    await server.send({ data: 1 })
    await waitUntil(() => payloadsOf(events).length === 1)
    await server.kill()
    await waitUntil(() => states.filter(({ status }) => status === 'waiting').length >= 2) // refused at least once
    await server.send({ data: 2 })
    await server.restart()
    await waitUntil(() => payloadsOf(events).length === 2)
    expect(payloadsOf(events)).toEqual([1, 2])
  })

  test('[P2.3] a feed starts after the ID given as the lastEventId option', async () => {
    const { client, server } = await open()
    const lastEventId = await server.send({ data: 1 })
    await server.send({ data: 2 })
    const events = recordEvents(client.subscribe('/api/stream', { lastEventId }))
    await waitUntil(() => payloadsOf(events).length === 1)
    expect(payloadsOf(events)).toEqual([2])
    expect(events[0]).toMatchObject({ type: 'connected', id: lastEventId })
  })

  test.each(['expired', 'unknown'])('[P2.3] onReset reports a gap when the last event ID is %s', async (reason) => {
    const { client, server, resets } = await open({
      history: 2,
      scenario: reason === 'unknown' ? { gap: 'unknown' } : [],
    })
    const lastEventId = await server.send({ data: 0 })
    await server.sendMany({ data: 'gone' }, 5)
    const events = recordEvents(client.subscribe('/api/stream', { lastEventId }))
    await waitUntil(() => resets.length)
    await server.send({ data: 'live' })
    await waitUntil(() => payloadsOf(events).length)
    expect(resets).toEqual([{ reason }])
    expect(events.map(({ type }) => type)).toEqual(['connected', 'reset', 'message'])
  })

  test('[P2.4] ID-only blocks advance the cursor of a filtered feed without being delivered', async () => {
    const { client, server } = await open({ time: 'manual', history: 3, heartbeat: 1_000 })
    const feed = client.subscribe('/api/stream', { searchParams: { types: 'rare' }, idleTimeout: 60_000 })
    const events = recordEvents(feed)
    await waitUntil(() => events.length)
    for (let count = 0; count < 4; count++) {
      const id = await server.sendMany({ type: 'frequent', data: count }, 2)
      await server.advance(1_000)
      await waitUntil(() => feed.lastEventId === id)
    }
    await server.drop()
    await waitUntil(async () => (await server.state()).feedReaders === 1)
    await server.send({ type: 'rare', data: 'still here' })
    await waitUntil(() => payloadsOf(events, 'rare').length)
    expect(events.map(({ type }) => type)).toEqual(['connected', 'connected', 'rare'])
  })

  test('[P2.5] a feed reconnects after its connection ends cleanly', async () => {
    const { client, server } = await open({ scenario: { 'end-after': 2 } })
    const events = recordEvents(client.subscribe('/api/stream'))
    await waitUntil(() => events.length)
    for (let count = 0; count < 3; count++) {
      await server.send({ data: count })
      await waitUntil(() => payloadsOf(events).length === count + 1)
    }
    expect(payloadsOf(events)).toEqual([0, 1, 2])
  })

  test('[P1.3] the default idle timeout of a feed is three times the heartbeat interval announced by the server', async () => {
    const clock = createSyncManualClock()
    const { client, server } = await open({ heartbeat: 10_000 }, { clock })
    const events = recordEvents(client.subscribe('/api/stream'))
    await waitUntil(() => clock.pendingDelays.includes(30_000))
    clock.advance(29_999)
    await server.send({ data: 'not idle yet' })
    await waitUntil(() => payloadsOf(events).length)
    clock.advance(30_000)
    await waitUntil(() => clock.pendingDelays.includes(5))
    clock.advance(5)
    await waitUntil(() => events.length === 3)
    expect(events.map(({ type }) => type)).toEqual(['connected', 'message', 'connected'])
  })
})
