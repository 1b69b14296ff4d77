/** Feeds of servers that do not speak PROTOCOL.md: nothing with new content is dropped, and no event has our meaning. */
import { describe, expect, test } from 'vitest'
import type { SubscribeOptions } from '../../src/request/stream-options.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { connected } from '../support/native-events.ts'
import type { ScriptedBlock } from '../support/scripted-connect.ts'
import { createTestClient } from '../support/test-client.ts'

const event = (id: string | undefined, data: string, type?: string): ScriptedBlock => ({
  data,
  ...(id !== undefined && { id }),
  ...(type && { type }),
})

/** Delivers connections of a server, one after another. Returns the data of the delivered events, and the resets. */
async function readConnections(connections: ScriptedBlock[][], options: SubscribeOptions = {}) {
  const { client, open, clock, resets, network } = createTestClient()
  const received: string[] = []
  const feed = client.subscribe('/x', { parse: 'text', ...options })
  feed.onAny(({ data }) => received.push(String(data)))
  for (const blocks of connections) {
    const connection = await open()
    connection.send(...blocks)
    await flushMicrotasks()
    connection.end()
    await flushMicrotasks()
    await clock.advance(clock.pendingDelays[0]!)
  }
  feed.close()
  return {
    received: received.join(''),
    resets: resets.map(({ reason }) => reason),
    lastEventId: network.last.request.lastEventId,
  }
}

describe('IDs that are not unique', () => {
  test('each connection counts from 1', async () => {
    const { received, resets } = await readConnections([
      [event('1', 'a'), event('2', 'b'), event('3', 'c')],
      [event('1', 'd'), event('2', 'e'), event('3', 'f')],
      [event('1', 'g')],
    ])
    expect(received).toBe('abcdefg')
    expect(resets).toEqual(['ids-not-unique', 'ids-not-unique'])
  })

  test('one ID for all events', async () => {
    const { received, resets } = await readConnections([[event('x', 'a'), event('x', 'b')], [event('x', 'c')]])
    expect(received).toBe('abc')
    expect(resets).toEqual(['ids-not-unique', 'ids-not-unique'])
  })

  test('IDs that are seconds', async () => {
    const { received, resets } = await readConnections([[event('1700000000', 'a')], [event('1700000000', 'b')]])
    expect(received).toBe('ab')
    expect(resets).toEqual(['ids-not-unique'])
  })

  test('the same data under another event name is new', async () => {
    const { received } = await readConnections([[event('1', 'a', 'x')], [event('1', 'a', 'y')]])
    expect(received).toBe('aa')
  })
})

describe('repetitions', () => {
  test('a replay from the start is dropped, and what follows is delivered', async () => {
    const { received, resets, lastEventId } = await readConnections([
      [event('1', 'a'), event('2', 'b'), event('3', 'c')],
      [event('1', 'a'), event('2', 'b'), event('3', 'c'), event('4', 'd')],
    ])
    expect([received, resets, lastEventId]).toEqual(['abcd', [], '4'])
  })

  test('events without an ID are delivered and do not end the replay', async () => {
    const { received } = await readConnections([
      [event('1', 'a'), event(undefined, 'x'), event('2', 'b')],
      [event('1', 'a'), event(undefined, 'y'), event('2', 'b'), event('3', 'c')],
    ])
    expect(received).toBe('axbyc')
  })

  test('a repetition after a new event is delivered', async () => {
    const { received } = await readConnections([
      [event('1', 'a'), event('2', 'b')],
      [event('3', 'c'), event('1', 'a')],
    ])
    expect(received).toBe('abca')
  })

  test('a repetition out of order is delivered', async () => {
    const { received } = await readConnections([
      [event('1', 'a'), event('2', 'b'), event('3', 'c')],
      [event('1', 'a'), event('3', 'c')],
    ])
    expect(received).toBe('abcc')
  })

  test('with dedupeWindow: 0, nothing is dropped and nothing is detected', async () => {
    const { received, resets } = await readConnections([[event('1', 'a')], [event('1', 'a')], [event('1', 'b')]], {
      dedupeWindow: 0,
    })
    expect([received, resets]).toEqual(['aab', []])
  })

  test('an event outside the window is delivered again', async () => {
    const first = [event('1', 'a'), event('2', 'b'), event('3', 'c')]
    const { received } = await readConnections([first, first], { dedupeWindow: 2 })
    expect(received).toBe('abcabc')
  })

  test('the window holds 64 Ki characters', async () => {
    const large = 'x'.repeat(40_000)
    const { received } = await readConnections([
      [event('1', large), event('2', large)],
      [event('1', large), event('2', large)],
    ])
    expect(received.length).toBe(4 * large.length)
  })

  test('the last event is remembered whatever its size', async () => {
    const large = 'x'.repeat(100_000)
    const { received } = await readConnections([[event('1', large)], [event('1', large), event('2', 'b')]])
    expect(received.length).toBe(large.length + 1)
  })
})

describe('events with the names of the protocol', () => {
  test('`connected` without `protocol: 1` announces no heartbeat', async () => {
    const { client, open, clock, network } = createTestClient()
    client.subscribe('/x')
    const connection = await open()
    connection.send({ type: 'connected', data: '{"heartbeat":30}' })
    await clock.advance(60_000)
    expect(network.attempts.length).toBe(1)
    client.close()
  })

  test('`reset` calls no onReset, and its ID is the cursor like any other', async () => {
    const { received, resets, lastEventId } = await readConnections([
      [event('1', '{"level":1}', 'level'), event('2', '{"reason":"game over"}', 'reset')],
      [],
    ])
    expect([received, resets, lastEventId]).toEqual(['{"level":1}{"reason":"game over"}', [], '2'])
  })

  test('the first event of each connection decides', async () => {
    const { resets } = await readConnections([
      [event('1', 'a'), { type: 'reset', data: '{"reason":"expired"}' }],
      [connected('1'), { type: 'reset', data: '{"reason":"expired"}', id: '2' }],
      [event('3', 'b'), { type: 'reset', data: '{"reason":"expired"}' }],
    ])
    expect(resets).toEqual(['expired'])
  })
})

test('an ID that a header cannot carry is kept, and each reconnect is reported', async () => {
  const { received, resets } = await readConnections([[event('a\u0001', 'a')], [event('b\u0001', 'b')], []])
  expect([received, resets]).toEqual(['ab', ['unsendable-id', 'unsendable-id']])
})
