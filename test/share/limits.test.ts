/** Tests of slow consumers: they neither block other tabs nor buffer without limit. */
import { expect, test } from 'vitest'
import { createTestTabs, connected, event, flushMessages, readAll, createRequest } from './test-tabs.ts'

const KIB = 1_024
const big = (id: number) => event(id, 'x'.repeat(64 * KIB))

async function openPair() {
  const tabs = createTestTabs()
  const [one, two] = [tabs.open(), tabs.open()]
  const leading = one.connect(createRequest())
  await flushMessages()
  const wire = tabs.network.last.respond()
  const leader = await leading
  const follower = await two.connect(createRequest())
  return { ...tabs, one, two, wire, leader, follower }
}

test('a single tab reads only what its consumer requests', async () => {
  const { open, network } = createTestTabs()
  const leading = open().connect(createRequest())
  await flushMessages()
  const wire = network.last.respond()
  const leader = await leading
  for (let id = 1; id <= 3; id++) wire.send(event(id))
  await flushMessages()
  expect([wire.pendingReads, wire.unreadBatches]).toEqual([0, 3])
  await leader.read()
  await flushMessages()
  expect(wire.unreadBatches).toBe(2)
})

test('the leader reads at most one window ahead for a follower', async () => {
  const { wire, follower } = await openPair()
  for (let id = 1; id <= 40; id++) wire.send(big(id))
  await flushMessages()
  const readKib = (40 - wire.unreadBatches) * 64
  expect(readKib).toBeGreaterThanOrEqual(256)
  expect(readKib).toBeLessThanOrEqual(256 + 64)
  await follower.read()
  await flushMessages()
  expect((40 - wire.unreadBatches) * 64).toBeLessThanOrEqual(256 + 3 * 64)
})

test('a slow follower becomes detached and continues from its own cursor', async () => {
  const { wire, leader, follower, two, network, clock } = await openPair()
  const leaderReads = readAll(leader)
  wire.send(connected('0'))
  for (let id = 1; id <= 40; id++) wire.send(big(id))
  await flushMessages()
  expect(leaderReads.blocks).toHaveLength(41)
  expect([two.role, network.attempts.length]).toEqual(['detached', 1]) // the follower's inbox is not empty yet
  const reads = readAll(follower)
  await flushMessages()
  const buffered = reads.blocks.length
  expect(buffered).toBeLessThanOrEqual(18) // the connected event and about 1 MiB: at most 17 events of 64 KiB
  expect(network.last.request.lastEventId).toBe(`${buffered - 1}`)
  const own = network.last.respond()
  for (let id = buffered; id <= 40; id++) own.send(big(id))
  await clock.advance(2_000)
  await flushMessages()
  expect([two.role, own.cancelled]).toEqual(['follower', true])
  wire.send(event(41))
  await flushMessages()
  expect(reads.blocks).toEqual(['connected:0', ...Array.from({ length: 41 }, (_, index) => `message:${index + 1}`)])
})

test('a slow leader hands over leadership and keeps its connection', async () => {
  const { wire, leader, follower, one, two, network } = await openPair()
  const followerReads = readAll(follower)
  wire.send(connected('0'))
  for (let id = 1; id <= 40; id++) wire.send(big(id))
  await flushMessages()
  expect([one.role, two.role]).toEqual(['detached', 'leader'])
  const known = followerReads.blocks.length - 1
  expect(network.last.request.lastEventId).toBe(`${known}`)
  const successor = network.last.respond()
  for (let id = known + 1; id <= 41; id++) successor.send(big(id))
  wire.send(event(41))
  const leaderReads = readAll(leader)
  await flushMessages()
  const all = ['connected:0', ...Array.from({ length: 41 }, (_, index) => `message:${index + 1}`)]
  expect(followerReads.blocks).toEqual(all)
  expect(leaderReads.blocks).toEqual(all)
  expect(network.attempts).toHaveLength(2)
})

test('a killed follower neither blocks the others nor makes the leader read ahead', async () => {
  const { wire, leader, two } = await openPair()
  two.tab.kill()
  for (let id = 1; id <= 40; id++) wire.send(big(id))
  await flushMessages()
  expect(wire.unreadBatches).toBeGreaterThan(30)
  const reads = readAll(leader)
  await flushMessages()
  expect(reads.blocks).toHaveLength(40)
})

test('a leader that was replaced and follows is read ahead for by one window, however much it has read before', async () => {
  const { wire, leader, follower, one, two, network, clock } = await openPair()
  const take = async (connection: typeof leader, count: number): Promise<void> => {
    for (let taken = 0; taken < count; taken++) await connection.read()
  }
  for (let id = 1; id <= 20; id++) wire.send(big(id))
  await Promise.all([take(leader, 20), take(follower, 21)])
  one.tab.freeze()
  await clock.advance(4_000)
  await flushMessages()
  expect(two.role).toBe('leader')
  const successor = network.last.respond()
  for (let id = 21; id <= 60; id++) successor.send(big(id))
  one.tab.thaw()
  await clock.advance(1_000)
  await flushMessages()
  expect(one.role).toBe('follower')
  await take(leader, 2)
  await flushMessages()
  expect((40 - successor.unreadBatches) * 64).toBeLessThanOrEqual(256 + 3 * 64)
})
