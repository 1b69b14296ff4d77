/**
 * Tests of the position of a tab in a stream of a third-party server: where an ID says too little, and where `connected` and
 * `reset` are ordinary events.
 */
import { expect, test } from 'vitest'
import { connected, createRequest, dataOf, flushMessages, openTabs, readAll } from './test-tabs.ts'

test('a detached tab whose ID stands for another event at the leader does not rejoin', async () => {
  const { open, wire, network, clock } = await openTabs(1)
  wire.send({ id: '10', data: 'a' }, { id: '11', data: 'b' })
  await flushMessages()
  const late = open()
  const pending = late.connect(createRequest({ lastEventId: '9' }))
  await flushMessages()
  const own = network.last.respond()
  const reads = readAll(await pending)
  own.send({ id: '10', data: 'x' })
  await clock.advance(5_000)
  await flushMessages()
  own.send({ id: '11', data: 'y' })
  await flushMessages()
  expect([late.role, dataOf(reads)]).toEqual(['detached', 'x y'])
})

test('a detached tab of a third-party server with unique IDs rejoins when it has caught up', async () => {
  const { open, wire, network, clock } = await openTabs(1)
  wire.send({ id: '10', data: 'a' }, { id: '11', data: 'b' })
  await flushMessages()
  const late = open()
  const pending = late.connect(createRequest({ lastEventId: '9' }))
  await flushMessages()
  const own = network.last.respond()
  const reads = readAll(await pending)
  own.send({ id: '10', data: 'a' })
  await clock.advance(2_000)
  await flushMessages()
  expect([late.role, own.cancelled, dataOf(reads)]).toEqual(['follower', true, 'a | b'])
})

test('a server that repeats events after a reconnect still has unique IDs', async () => {
  const { open, wire, connections, network } = await openTabs(2)
  const events = ['1', '2', '3', '4'].map((id) => ({ id, data: `data ${id}` }))
  wire.send(...events.slice(0, 3))
  await flushMessages()
  connections[0]!.cancel()
  await flushMessages()
  network.last.respond().send(...events.slice(1))
  await flushMessages()
  const late = readAll(await open().connect(createRequest({ lastEventId: '3' })))
  await flushMessages()
  expect(late.blocks).toEqual(['message:4'])
})

test('`connected` and `reset` of a third-party server are ordinary events', async () => {
  const { open, wire, logs, connections, network } = await openTabs(2)
  wire.send(
    { id: '1', data: 'a' },
    { ...connected('2') },
    { id: '3', data: 'b' },
    { type: 'reset', data: '{}', id: '4' },
  )
  wire.send({ type: 'reset', data: '{}' }, { type: 'connected', data: '{}' })
  await flushMessages()
  const all = ['message:1', 'connected:2', 'message:3', 'reset:4', 'reset:{}', 'connected:{}']
  expect(logs.map(({ blocks }) => blocks)).toEqual([all, all])
  // They are part of a replay, and a `reset` does not end it.
  const late = readAll(await open().connect(createRequest({ lastEventId: '1' })))
  const fresh = readAll(await open().connect(createRequest()))
  await flushMessages()
  expect([late.blocks, fresh.blocks]).toEqual([all.slice(1), all])
  connections[0]!.cancel()
  await flushMessages()
  expect(network.last.request.lastEventId).toBe('4')
})

test('the ID of a `connected` event of a third-party server moves the cursor', async () => {
  const { wire, connections, network } = await openTabs(2)
  wire.send({ id: '1', data: 'a' }, { ...connected('2') })
  await flushMessages()
  connections[0]!.cancel()
  await flushMessages()
  expect(network.last.request.lastEventId).toBe('2')
})

test('a replaced leader of a stream without IDs that has read on does not receive the stream from its beginning again', async () => {
  const { members, wire, network, logs, clock, open } = await openTabs(1)
  members[0]!.tab.freeze('lossy')
  const other = open()
  const pending = other.connect(createRequest())
  await clock.advance(5_000)
  await flushMessages()
  const successor = network.last.respond()
  const otherReads = readAll(await pending)
  // Both connections deliver the event, before the replaced leader learns that it was replaced.
  wire.send({ data: 'a' })
  successor.send({ data: 'a' })
  await flushMessages()
  members[0]!.tab.thaw()
  await clock.advance(5_000)
  await flushMessages()
  expect([other.role, dataOf(otherReads), dataOf(logs[0]!)]).toEqual(['leader', 'a', 'a'])
  expect(logs[0]!.end).toMatchObject({ code: 'network', retryable: true })
})

test('a detached tab whose ID is that of an event which the replay buffer has just dropped does not rejoin', async () => {
  const { open, wire, network, clock } = await openTabs(1)
  for (let id = 1; id <= 14; id++) wire.send({ id: `${id}`, data: `${id}`.padEnd(90_000) })
  await flushMessages()
  const late = open()
  const pending = late.connect(createRequest())
  await flushMessages()
  const own = network.last.respond()
  const reads = readAll(await pending)
  const dropped = 14 - Math.floor(0x100000 / 90_000)
  for (let id = 1; id <= dropped; id++) own.send({ id: `${id}`, data: `own ${id}` })
  await flushMessages()
  await clock.advance(5_000)
  await flushMessages()
  expect([late.role, reads.blocks.length, network.attempts.length]).toEqual(['detached', dropped, 2])
})
