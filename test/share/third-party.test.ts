/**
 * Tests of streams whose IDs count per connection, are constant, repeat or are absent, as those of third-party servers may:
 * every tab still receives every event once and in order.
 */
import { expect, test } from 'vitest'
import { createRequest, createTestTabs, dataOf, flushMessages, openTabs, readAll } from './test-tabs.ts'

interface Numbering {
  name: string
  /** Returns the ID of event `number`, which is event `count` of its connection. */
  idOf(number: number, count: number): string | undefined
}

const numberings: Numbering[] = [
  { name: 'count per connection', idOf: (_, count) => `${count}` },
  { name: 'are constant', idOf: () => 'same' },
  { name: 'are seconds', idOf: (number) => `${1_700_000_000 + Math.ceil(number / 2)}` },
]
const absent: Numbering = { name: 'are absent', idOf: () => undefined }

/** Creates the events of one connection, numbered in their data. */
function createEvents({ idOf }: Numbering): (first: number, last?: number) => { data: string; id?: string }[] {
  let count = 0
  return (first, last = first) =>
    Array.from({ length: last - first + 1 }, (_, index) => {
      const id = idOf(first + index, ++count)
      return { data: `${first + index}`, ...(id !== undefined && { id }) }
    })
}

test.each(numberings)(
  'IDs $name: when the leader closes, every tab receives what the next leader receives, once and marked',
  async (numbering) => {
    const { connections, wire, network, logs, open } = await openTabs(3)
    wire.send(...createEvents(numbering)(1, 3))
    await flushMessages()
    connections[0]!.cancel()
    await flushMessages()
    expect(network.attempts).toHaveLength(2)
    expect(network.last.request.lastEventId).toBe(numbering.idOf(3, 3))
    const successor = network.last.respond()
    const next = createEvents(numbering)
    successor.send(...next(4, 6))
    await flushMessages()
    expect(logs.slice(1).map(dataOf)).toEqual(['1 2 3 | 4 5 6', '1 2 3 | 4 5 6'])
    expect(logs.map(({ batches }) => batches.at(-1)!.native)).toEqual([false, false, false])
    const late = readAll(await open().connect(createRequest({ lastEventId: numbering.idOf(3, 3)! })))
    successor.send(...next(7))
    await flushMessages()
    expect(dataOf(late)).toBe('7')
    expect(logs.slice(1).map(dataOf)).toEqual(['1 2 3 | 4 5 6 7', '1 2 3 | 4 5 6 7'])
    expect(network.attempts).toHaveLength(2)
  },
)

test.each(numberings)(
  'IDs $name: a tab that was frozen during a takeover receives all of it from its position',
  async (numbering) => {
    const { connections, members, wire, network, logs, clock } = await openTabs(3)
    const events = createEvents(numbering)
    wire.send(...events(1, 2))
    await flushMessages()
    members[2]!.tab.freeze('lossy')
    wire.send(...events(3))
    wire.send(...events(4))
    await flushMessages()
    connections[0]!.cancel()
    await flushMessages()
    const successor = network.last.respond()
    const next = createEvents(numbering)
    successor.send(...next(5, 6))
    await flushMessages()
    members[2]!.tab.thaw()
    successor.send(...next(7))
    await flushMessages()
    // The new leader does not know this tab yet, which notices the silence after two checks.
    await clock.advance(2_000)
    await flushMessages()
    expect(logs.slice(1).map(dataOf)).toEqual(['1 2 3 4 | 5 6 7', '1 2 3 4 | 5 6 7'])
    expect(members.map(({ role }) => role)).toEqual(['closed', 'leader', 'follower'])
    expect(network.attempts).toHaveLength(2)
  },
)

test.each([...numberings, absent])(
  'IDs $name: a tab that lost messages receives the missing events, and no event twice',
  async (numbering) => {
    const { members, wire, network, logs, clock } = await openTabs(2)
    const events = createEvents(numbering)
    wire.send(...events(1, 3))
    await flushMessages()
    members[1]!.tab.freeze('lossy')
    wire.send(...events(4))
    wire.comment()
    wire.send(...events(5, 6))
    await flushMessages()
    members[1]!.tab.thaw()
    await clock.advance(3_000)
    await flushMessages()
    expect(dataOf(logs[1]!)).toBe('1 2 3 4 5 6')
    members[1]!.tab.freeze('lossy')
    wire.send(...events(7))
    await flushMessages()
    members[1]!.tab.thaw()
    wire.send(...events(8))
    wire.send(...events(9))
    await flushMessages()
    expect(logs.map(dataOf)).toEqual(['1 2 3 4 5 6 7 8 9', '1 2 3 4 5 6 7 8 9'])
    expect([members[1]!.role, network.attempts.length]).toEqual(['follower', 1])
  },
)

test.each([...numberings, absent])(
  'IDs $name: a leader that was replaced while frozen follows from its position',
  async (numbering) => {
    const { members, wire, network, logs, clock } = await openTabs(2)
    wire.send(...createEvents(numbering)(1, 3))
    await flushMessages()
    members[0]!.tab.freeze()
    await clock.advance(4_000)
    await flushMessages()
    if (numbering === absent) {
      // No tab knows where to continue.
      expect(logs[1]!.end).toMatchObject({ code: 'network' })
      return
    }
    const next = createEvents(numbering)
    const successor = network.last.respond()
    successor.send(...next(4, 6))
    await flushMessages()
    members[0]!.tab.thaw()
    await clock.advance(1_000)
    await flushMessages()
    successor.send(...next(7))
    await flushMessages()
    expect(logs.map(dataOf)).toEqual(['1 2 3 | 4 5 6 7', '1 2 3 | 4 5 6 7'])
    expect(members.map(({ role }) => role)).toEqual(['follower', 'leader'])
  },
)

test.each([...numberings, absent])(
  'IDs $name: a new tab receives the stream from its beginning while the replay buffer has it',
  async (numbering) => {
    const { open, wire, network } = await openTabs(1)
    const events = createEvents(numbering)
    wire.send(...events(1, 4))
    await flushMessages()
    const late = readAll(await open().connect(createRequest()))
    wire.send(...events(5))
    await flushMessages()
    expect([dataOf(late), late.batches.at(-1)!.native, network.attempts.length]).toEqual(['1 2 3 4 5', false, 1])
  },
)

test.each(numberings)(
  'IDs $name: a tab whose cursor identifies no position starts with the next event',
  async (numbering) => {
    const { open, wire, network } = await openTabs(1)
    const events = createEvents(numbering)
    wire.send(...events(1, 4))
    if (numbering.name.includes('per connection')) wire.send({ id: '1', data: 'again' })
    await flushMessages()
    const late = open()
    const reads = readAll(await late.connect(createRequest({ lastEventId: numbering.idOf(2, 2)! })))
    await flushMessages()
    wire.send(...events(5))
    await flushMessages()
    expect([dataOf(reads), late.role, network.attempts.length]).toEqual(['5', 'follower', 1])
  },
)

test.each(numberings)(
  'IDs $name: a slow follower continues with a connection of its own, and does not rejoin at an uncertain position',
  async (numbering) => {
    const tabs = createTestTabs()
    const [one, two] = [tabs.open(), tabs.open()]
    const leading = one.connect(createRequest())
    await flushMessages()
    const wire = tabs.network.last.respond()
    const leaderReads = readAll(await leading)
    const follower = await two.connect(createRequest())
    const events = createEvents(numbering)
    const big = (number: number) =>
      events(number).map(({ data, id }) => ({ data: data.padEnd(0x10000), ...(id && { id }) }))
    for (let number = 1; number <= 30; number++) wire.send(...big(number))
    await flushMessages()
    expect([one.role, two.role]).toEqual(['leader', 'detached'])
    const reads = readAll(follower)
    await flushMessages()
    const numbers = (): number[] => reads.batches.flatMap(({ blocks }) => blocks.map(({ data }) => Number(data)))
    const received = numbers().length
    expect(tabs.network.last.request.lastEventId).toBe(numbering.idOf(received, received))
    const own = tabs.network.last.respond()
    const next = createEvents(numbering)
    own.send(...next(31, 33))
    wire.send(...events(31, 33))
    await tabs.clock.advance(10_000)
    await flushMessages()
    own.send(...next(34))
    wire.send(...events(34))
    await flushMessages()
    expect(numbers()).toEqual([...Array.from({ length: received }, (_, index) => index + 1), 31, 32, 33, 34])
    expect(reads.batches.map(({ begins }) => begins).filter(Boolean)).toHaveLength(1)
    expect(dataOf(leaderReads).replace(/ +/g, ' ')).toBe(Array.from({ length: 34 }, (_, index) => index + 1).join(' '))
    expect([two.role, tabs.network.attempts.length]).toEqual(['detached', 2])
  },
)

test('a slow follower of a stream without IDs fails with a retryable error, because it cannot be resumed', async () => {
  const tabs = createTestTabs()
  const leading = tabs.open().connect(createRequest())
  await flushMessages()
  const wire = tabs.network.last.respond()
  const leaderReads = readAll(await leading)
  const follower = await tabs.open().connect(createRequest())
  for (let number = 1; number <= 30; number++) wire.send({ data: `${number}`.padEnd(0x10000) })
  await flushMessages()
  const reads = readAll(follower)
  await flushMessages()
  const numbers = reads.batches.flatMap(({ blocks }) => blocks.map(({ data }) => Number(data)))
  expect(numbers).toEqual(numbers.map((_, index) => index + 1))
  expect(reads.end).toMatchObject({ code: 'network', retryable: true })
  expect([leaderReads.blocks.length, tabs.network.attempts.length]).toEqual([30, 1])
})
