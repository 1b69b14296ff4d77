/** Deduplication in feeds: only events that a new connection repeats are dropped. */
import { describe, expect, test } from 'vitest'
import type { SubscribeOptions } from '../../src/request/stream-options.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { connected } from '../support/native-events.ts'
import type { ScriptedBlock, ScriptedConnection } from '../support/scripted-connect.ts'
import { type TestClient, createTestClient } from '../support/test-client.ts'

interface RecordedFeed extends TestClient {
  /** Delivered events, as `type:data`. */
  received: string[]
  /** Ends `connection` and responds to the next attempt. */
  reopen(connection: ScriptedConnection): Promise<ScriptedConnection>
}

function subscribeAndRecord(options: SubscribeOptions = {}): RecordedFeed {
  const testClient = createTestClient()
  const received: string[] = []
  testClient.client
    .subscribe('/x', { parse: 'text', ...options })
    .onAny(({ type, data }) => received.push(`${type}:${String(data)}`))
  return {
    ...testClient,
    received,
    async reopen(connection) {
      connection.end()
      await flushMicrotasks()
      await testClient.clock.advance(testClient.clock.pendingDelays[0]!)
      return testClient.open()
    },
  }
}

const event = (id: string | undefined, data = `e${id}`): ScriptedBlock => ({ data, ...(id !== undefined && { id }) })

describe('[F25] a replay that overlaps received events', () => {
  test('each explicit ID is delivered once and in order, and events without an ID are never dropped', async () => {
    const { open, reopen, received } = subscribeAndRecord()
    const first = await open()
    first.send(event('1'), event(undefined, 'x'), event('2'), event('3'))
    const second = await reopen(first)
    second.send(event('2'), event(undefined, 'y'), event('3'), event(undefined, 'z'), event('4'))
    await flushMicrotasks()
    expect(received).toEqual(['e1', 'x', 'e2', 'e3', 'y', 'z', 'e4'].map((data) => `message:${data}`))
  })

  test('events after a second `connected` event on the same connection are treated as a replay', async () => {
    const { open, received } = subscribeAndRecord()
    const connection = await open()
    connection.send(connected('0'), event('1'), event('2'))
    connection.send(connected('2'), event('1'), event('2'), event('3'))
    await flushMicrotasks()
    expect(received.map((text) => text.split(':', 2).join(':').slice(0, 10))).toEqual([
      'connected:',
      'message:e1',
      'message:e2',
      'connected:',
      'message:e3',
    ])
  })

  test('a duplicate does not move the cursor back', async () => {
    const { open, reopen, network } = subscribeAndRecord()
    const first = await open()
    first.send(event('1'), event('2'))
    const second = await reopen(first)
    second.send(event('1'), event(undefined, 'x'))
    await reopen(second)
    expect(network.last.request.lastEventId).toBe('2')
  })

  test('an event without an ID after a duplicate has the last received ID', async () => {
    const testClient = createTestClient()
    const ids: string[] = []
    testClient.client.subscribe('/x', { parse: 'text' }).onAny(({ id }) => ids.push(id))
    const first = await testClient.open()
    first.send(event('1'), event('2'))
    first.end()
    await flushMicrotasks()
    await testClient.clock.advance(1_000)
    const second = await testClient.open()
    second.send(event('1'), event(undefined, 'x'))
    await flushMicrotasks()
    expect(ids).toEqual(['1', '2', '2'])
  })

  test('[F19] duplicates do not reset backoff', async () => {
    const { open, clock } = subscribeAndRecord()
    const first = await open()
    first.send(event('1'), event('2'))
    await flushMicrotasks()
    first.end()
    for (const delay of [1_000, 2_000, 4_000]) {
      await flushMicrotasks()
      expect(clock.pendingDelays).toEqual([delay])
      await clock.advance(delay)
      const replay = await open()
      replay.send(event('1'), event('2'))
      replay.end()
    }
  })

  test('an ID repeated on one connection is delivered twice', async () => {
    const { open, received } = subscribeAndRecord()
    const connection = await open()
    connection.send(event('1', 'a'), event('1', 'b'))
    await flushMicrotasks()
    expect(received).toEqual(['message:a', 'message:b'])
  })

  test('the event with the ID of the lastEventId option is a duplicate', async () => {
    const { open, received } = subscribeAndRecord({ lastEventId: '5' })
    const connection = await open()
    connection.send(connected('5'), event('5'), event('6'))
    await flushMicrotasks()
    expect(received.slice(1)).toEqual(['message:e6'])
  })

  test('`dedupeWindow` limits the number of remembered IDs, and 0 turns deduplication off', async () => {
    const cases: [dedupeWindow: number, repeatedIds: string[], expected: string[]][] = [
      [1, ['2', '1'], ['e1', 'e2', 'e1']],
      [0, ['1', '2'], ['e1', 'e2', 'e1', 'e2']],
    ]
    for (const [dedupeWindow, repeatedIds, expected] of cases) {
      const { open, reopen, received } = subscribeAndRecord({ dedupeWindow })
      const first = await open()
      first.send(event('1'), event('2'))
      const second = await reopen(first)
      for (const id of repeatedIds) second.send(event(id))
      await flushMicrotasks()
      expect(received).toEqual(expected.map((data) => `message:${data}`))
    }
  })

  test('events with an empty ID are never duplicates', async () => {
    const { open, reopen, received } = subscribeAndRecord()
    const first = await open()
    first.send(event('', 'a'))
    const second = await reopen(first)
    second.send(event('', 'b'))
    await flushMicrotasks()
    expect(received).toEqual(['message:a', 'message:b'])
  })
})

describe('[F26] [P2.2] [P2.3] protocol events', () => {
  const connectedText = `connected:${connected().data}`

  test('`connected` is delivered even if its ID is known, and `reset` makes the feed forget known IDs', async () => {
    const { open, reopen, received, resets } = subscribeAndRecord()
    const first = await open()
    first.send(connected('0'), event('1'), event('2'))
    const second = await reopen(first)
    second.send(
      connected('2'),
      event('2'),
      { type: 'reset', data: '{"reason":"unknown"}', id: '0' },
      event('1'),
      event('2'),
    )
    await flushMicrotasks()
    expect(received).toEqual([
      connectedText,
      'message:e1',
      'message:e2',
      connectedText,
      'reset:{"reason":"unknown"}',
      'message:e1',
      'message:e2',
    ])
    expect(resets).toEqual([{ reason: 'unknown' }])
  })
})
