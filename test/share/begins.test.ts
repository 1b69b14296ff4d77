/** Tests of `begins` and `native`: each member knows where another connection to the server starts, and its verdict. */
import { expect, test, vi } from 'vitest'
import type { Batch } from '../../src/connect/connect.ts'
import { connected, createRequest, createTestTabs, event, flushMessages, openTabs, readAll } from './test-tabs.ts'

/** Returns the batches as text: `begins`, the verdict about the server, and the ids of the blocks. */
function describeBatches(batches: readonly Batch[]): string[] {
  return batches.map(({ begins, native, blocks }) =>
    [
      begins && 'begins',
      native !== undefined && (native ? 'native' : 'third-party'),
      ...blocks.map(({ id, type }) => id ?? type),
    ]
      .filter(Boolean)
      .join(' '),
  )
}

/** Like `openTabs()`; `take()` returns the new batches of each tab as text. */
async function openDescribedTabs(count: number) {
  const tabs = await openTabs(count)
  const take = (): string[][] => tabs.logs.map(({ batches }) => describeBatches(batches.splice(0)))
  take()
  return { ...tabs, take }
}

const plain = (id: string, data = id) => ({ type: 'message', id, data })

test('the first event of the connection decides in every tab whether the server is native', async () => {
  const native = await openDescribedTabs(2)
  native.wire.comment()
  native.wire.send(connected('4'))
  native.wire.send(event(5))
  await flushMessages()
  expect(native.take()).toEqual([
    ['', 'native 4', 'native 5'],
    ['', 'native 4', 'native 5'],
  ])
  const other = await openDescribedTabs(2)
  other.wire.send({ id: '1' })
  other.wire.send(plain('2'), { ...connected('3') })
  await flushMessages()
  expect(other.take()).toEqual([
    ['1', 'third-party 2 3'],
    ['1', 'third-party 2 3'],
  ])
})

test.each([
  ['native', connected('4')],
  ['third-party', plain('4')],
])('a tab that joins later receives the verdict %s with its first batch', async (verdict, first) => {
  const { open, wire } = await openDescribedTabs(1)
  wire.send(first, event(5), event(6))
  await flushMessages()
  const late = readAll(await open().connect(createRequest({ lastEventId: '5' })))
  await flushMessages()
  wire.send(event(7))
  await flushMessages()
  const [snapshot, next] = late.batches
  expect([snapshot!.native, next!.native]).toEqual([verdict === 'native', verdict === 'native'])
  expect(late.batches.some(({ begins }) => begins)).toBe(false)
})

test('a `connected` event of a native server in a later batch does not make the connection native', async () => {
  const { open, wire, take } = await openDescribedTabs(1)
  wire.send(plain('1'))
  wire.send(connected('2'))
  await flushMessages()
  expect(take()).toEqual([['third-party 1', 'third-party 2']])
  const late = readAll(await open().connect(createRequest()))
  await flushMessages()
  expect(late.blocks).toEqual(['message:1', 'connected:2'])
  expect(late.batches[0]!.native).toBe(false)
})

test('when the leader closes, the first batch of the new connection begins for the new leader and its followers', async () => {
  const { wire, connections, network, take } = await openDescribedTabs(3)
  wire.send(connected('4'), event(5))
  await flushMessages()
  take()
  connections[0]!.cancel()
  await flushMessages()
  const successor = network.last.respond()
  await flushMessages()
  const empty = take()
  successor.send(connected('5'), event(6))
  successor.send(event(7))
  await flushMessages()
  const after = take()
  for (const index of [1, 2]) {
    const all = [...empty[index]!, ...after[index]!]
    expect(all.filter((batch) => batch.startsWith('begins'))).toHaveLength(1)
    expect(all.slice(-2).map((batch) => batch.replace('begins ', ''))).toEqual(['native 5 6', 'native 7'])
    expect(all.findIndex((batch) => batch.startsWith('begins'))).toBeLessThanOrEqual(all.length - 2)
  }
})

test('a takeover may find another verdict: the new connection decides', async () => {
  const { wire, connections, network, take } = await openDescribedTabs(3)
  wire.send(connected('4'), event(5))
  await flushMessages()
  take()
  connections[0]!.cancel()
  await flushMessages()
  network.last.respond().send(plain('6'))
  await flushMessages()
  const [, leader, follower] = take()
  expect(leader).toEqual(['begins third-party 6'])
  expect(follower!.at(-1)).toMatch(/third-party 6$/)
  expect(follower!.join(' ').match(/begins/g)).toHaveLength(1)
})

test('a tab that joins between a takeover and its first event receives both connections apart', async () => {
  const { open, wire, connections, network } = await openDescribedTabs(2)
  wire.send(connected('4'), event(5), event(6))
  await flushMessages()
  connections[0]!.cancel()
  await flushMessages()
  const successor = network.last.respond()
  await flushMessages()
  const late = readAll(await open().connect(createRequest({ lastEventId: '5' })))
  await flushMessages()
  successor.send(connected('6'), event(7))
  await flushMessages()
  expect(late.blocks).toEqual(['connected:5', 'message:6', 'connected:6', 'message:7'])
  expect(late.batches[0]).toMatchObject({ native: true })
  expect(late.batches[0]!.begins).toBeFalsy()
  expect(late.batches.filter(({ begins }) => begins)).toHaveLength(1)
  expect(late.batches.at(-1)!.native).toBe(true)
})

test('a tab that is detached begins its own connection, and begins the shared one when it has rejoined', async () => {
  const { open, wire, network, clock } = await openDescribedTabs(1)
  wire.send(connected('100'), event(101), event(102))
  await flushMessages()
  const late = open()
  const pending = late.connect(createRequest({ lastEventId: '50' }))
  await flushMessages()
  const own = network.last.respond()
  const reads = readAll(await pending)
  own.send(connected('50'), event(51))
  own.send(event(102))
  await clock.advance(2_000)
  await flushMessages()
  expect(late.role).toBe('follower')
  wire.send(event(103))
  await flushMessages()
  expect(describeBatches(reads.batches)).toEqual(['native 50 51', 'native 102', 'begins native', 'native 103'])
})

test('a follower that is too slow begins its own connection', async () => {
  const { wire, network, clock, members, connections } = await (async () => {
    const tabs = createTestTabs()
    const members = [tabs.open(), tabs.open()]
    const pending = members[0]!.connect(createRequest())
    await flushMessages()
    const wire = tabs.network.last.respond()
    return { ...tabs, members, wire, connections: [await pending, await members[1]!.connect(createRequest())] }
  })()
  readAll(connections[0]!)
  wire.send(connected('0'))
  for (let id = 1; id <= 20; id++) wire.send(event(id, 'x'.repeat(0x10000)))
  await flushMessages()
  expect(members[1]!.role).toBe('detached')
  const reads = readAll(connections[1]!)
  await flushMessages()
  const known = reads.blocks.length - 1
  const own = network.last.respond()
  for (let id = known + 1; id <= 20; id++) own.send(event(id, 'x'.repeat(0x10000)))
  await flushMessages()
  expect(reads.batches.map(({ begins }, index) => begins && index).filter(Boolean)).toEqual([known + 2])
  expect(reads.batches[known + 2]!.native).toBe(false)
  await clock.advance(2_000)
  await flushMessages()
  expect([members[1]!.role, reads.batches.at(-1)!.begins]).toEqual(['follower', true])
})

test('a slow leader that keeps its connection does not begin another', async () => {
  const tabs = createTestTabs()
  const pending = tabs.open().connect(createRequest())
  await flushMessages()
  const wire = tabs.network.last.respond()
  const leader = await pending
  const followerReads = readAll(await tabs.open().connect(createRequest()))
  wire.send(connected('0'))
  for (let id = 1; id <= 20; id++) wire.send(event(id, 'x'.repeat(0x10000)))
  await flushMessages()
  tabs.network.last.respond().send(connected('17'))
  const leaderReads = readAll(leader)
  await flushMessages()
  expect(leaderReads.blocks).toHaveLength(21)
  expect(leaderReads.batches.some(({ begins }) => begins)).toBe(false)
  expect(followerReads.batches.filter(({ begins }) => begins)).toHaveLength(1)
})

test('a leader that was replaced while frozen begins the connection of the new leader', async () => {
  const { members, wire, network, clock, take } = await openDescribedTabs(2)
  wire.send(connected('4'), event(5))
  await flushMessages()
  take()
  members[0]!.tab.freeze()
  await clock.advance(4_000)
  await flushMessages()
  network.last.respond().send(connected('5'), event(6))
  await flushMessages()
  members[0]!.tab.thaw()
  await clock.advance(1_000)
  await flushMessages()
  expect(members[0]!.role).toBe('follower')
  expect(take()).toEqual([['begins native 5 6'], ['begins native 5 6']])
})

test('an older tab that takes over begins its own connection, and so does the leader that it replaces', async () => {
  const { open, network } = createTestTabs()
  const [old, young] = [open(), open()]
  void old.connect(createRequest({ url: 'https://example.com/other' }))
  await flushMessages()
  const now = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 5_000)
  const leading = young.connect(createRequest())
  await flushMessages()
  const wire = network.last.respond()
  const youngReads = readAll(await leading)
  wire.send(connected('4'))
  await flushMessages()
  const oldReads = readAll(await old.connect(createRequest()))
  await flushMessages()
  network.last.respond().send(connected('4'), event(5))
  await flushMessages()
  for (const { batches } of [oldReads, youngReads]) {
    expect(batches.filter(({ begins }) => begins)).toHaveLength(1)
    expect(batches[0]!.begins).toBeFalsy()
    expect(batches.at(-1)!.native).toBe(true)
  }
  now.mockRestore()
})

test('a connection that begins below the leader begins for every tab, with its own verdict', async () => {
  const { open } = createTestTabs()
  const batches: Batch[] = [
    { blocks: [{ type: 'connected', data: '{"protocol":1}', id: '4' }], bytes: 9 },
    { blocks: [{ type: 'message', data: 'a', id: '5' }], bytes: 9, begins: true, native: false },
    { blocks: [{ type: 'message', data: 'b', id: '6' }], bytes: 9 },
    { blocks: [{ type: 'connected', data: '{"protocol":1}', id: '6' }], bytes: 9, begins: true },
  ]
  let resume: (() => void) | undefined
  const started = new Promise<void>((resolve) => (resume = resolve))
  const connect = async () => ({
    status: 200,
    url: 'https://example.com/feed',
    headers: new Headers({ 'content-type': 'text/event-stream' }),
    read: async () => started.then(() => batches.shift() ?? new Promise<null>(() => {})),
    readText: async () => '',
    cancel() {},
  })
  const leader = readAll(await open({ connect }).connect(createRequest()))
  const follower = readAll(await open({ connect }).connect(createRequest()))
  await flushMessages()
  leader.batches.splice(0)
  follower.batches.splice(0)
  resume!()
  await flushMessages()
  const expected = ['native 4', 'begins third-party 5', 'third-party 6', 'begins native 6']
  expect([describeBatches(leader.batches), describeBatches(follower.batches)]).toEqual([expected, expected])
})
