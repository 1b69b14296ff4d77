/** What a new connection of a feed repeats is dropped, and nothing else is. */
import { describe, expect, test } from 'vitest'
import type { SubscribeOptions } from '../../src/request/options.ts'
import type { ScriptedBlock, ScriptedConnection } from '../support/scripted-connect.ts'
import { type TestClient, createTestClient } from '../support/test-client.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'

interface RecordedFeed extends TestClient {
  /** `type:data` of each event. */
  received: string[]
  /** Ends this connection, and answers the next attempt. */
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

describe('[F25] a replay that overlaps what was received', () => {
  test('each explicit id is delivered once, in order; events without an id of their own are never swallowed', async () => {
    const { open, reopen, received } = subscribeAndRecord()
    const first = await open()
    first.send(event('1'), event(undefined, 'x'), event('2'), event('3'))
    const second = await reopen(first)
    second.send(event('2'), event(undefined, 'y'), event('3'), event(undefined, 'z'), event('4'))
    await flushMicrotasks()
    expect(received).toEqual(['e1', 'x', 'e2', 'e3', 'y', 'z', 'e4'].map((data) => `message:${data}`))
  })

  test('what follows another greeting on the same connection is a replay as well', async () => {
    const { open, received } = subscribeAndRecord()
    const connection = await open()
    const greeting = { type: 'connected', data: '{}' }
    connection.send({ ...greeting, id: '0' }, event('1'), event('2'))
    connection.send({ ...greeting, id: '2' }, event('1'), event('2'), event('3'))
    await flushMicrotasks()
    expect(received).toEqual(['connected:{}', 'message:e1', 'message:e2', 'connected:{}', 'message:e3'])
  })

  test('a duplicate does not move the cursor back, nor lend it its id', async () => {
    const { open, reopen, network } = subscribeAndRecord()
    const first = await open()
    first.send(event('1'), event('2'))
    const second = await reopen(first)
    second.send(event('1'), event(undefined, 'x'))
    await reopen(second)
    expect(network.last.request.lastEventId).toBe('2')
  })

  test('what has no id of its own behind a duplicate has the last one received', async () => {
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

  test('[F19] is no progress: the backoff keeps growing', async () => {
    const { open, clock } = subscribeAndRecord()
    const first = await open()
    first.send(event('1'), event('2'))
    await flushMicrotasks()
    first.end()
    for (const delay of [1_000, 2_000, 4_000]) {
      await flushMicrotasks()
      expect(clock.pendingDelays).toEqual([delay])
      await clock.advance(delay)
      const again = await open()
      again.send(event('1'), event('2'))
      again.end()
    }
  })

  test('the same id twice on one connection is delivered twice', async () => {
    const { open, received } = subscribeAndRecord()
    const connection = await open()
    connection.send(event('1', 'a'), event('1', 'b'))
    await flushMicrotasks()
    expect(received).toEqual(['message:a', 'message:b'])
  })

  test('the event that the feed was told to go on after is a duplicate', async () => {
    const { open, received } = subscribeAndRecord({ lastEventId: '5' })
    const connection = await open()
    connection.send(event('5'), event('6'))
    await flushMicrotasks()
    expect(received).toEqual(['message:e6'])
  })

  test('`dedupeWindow` bounds it; 0 turns it off', async () => {
    const cases: [number, string[], string[]][] = [
      [1, ['2', '1'], ['e1', 'e2', 'e1']],
      [0, ['1', '2'], ['e1', 'e2', 'e1', 'e2']],
    ]
    for (const [dedupeWindow, again, expected] of cases) {
      const { open, reopen, received } = subscribeAndRecord({ dedupeWindow })
      const first = await open()
      first.send(event('1'), event('2'))
      const second = await reopen(first)
      for (const id of again) second.send(event(id))
      await flushMicrotasks()
      expect(received).toEqual(expected.map((data) => `message:${data}`))
    }
  })

  test("an empty id is nobody's own", async () => {
    const { open, reopen, received } = subscribeAndRecord()
    const first = await open()
    first.send(event('', 'a'))
    const second = await reopen(first)
    second.send(event('', 'b'))
    await flushMicrotasks()
    expect(received).toEqual(['message:a', 'message:b'])
  })
})

describe('[F26] [P2.2] [P2.3] what a server says for the client', () => {
  test('`connected` is delivered each time, though its id was had; `reset` lets ids begin anew', async () => {
    const { open, reopen, received, resets } = subscribeAndRecord()
    const first = await open()
    first.send({ type: 'connected', data: '{}', id: '0' }, event('1'), event('2'))
    const second = await reopen(first)
    second.send(
      { type: 'connected', data: '{}', id: '2' },
      event('2'),
      { type: 'reset', data: '{"reason":"unknown"}', id: '0' },
      event('1'),
      event('2'),
    )
    await flushMicrotasks()
    expect(received).toEqual([
      'connected:{}',
      'message:e1',
      'message:e2',
      'connected:{}',
      'reset:{"reason":"unknown"}',
      'message:e1',
      'message:e2',
    ])
    expect(resets).toEqual([{ reason: 'unknown' }])
  })
})
