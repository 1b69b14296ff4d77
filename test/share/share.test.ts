/** Tests of shared streams: which tab leads, which tabs follow, and which events each tab receives. */
import { expect, test, vi } from 'vitest'
import { StreamError } from '../../src/base/errors.ts'
import { createClient } from '../../src/client/client.ts'
import type { Batch, Connect } from '../../src/connect/connect.ts'
import { trapUnhandled } from '../support/unhandled.ts'
import { type TestTab, connected, createTestTabs, event, flushMessages, readAll, createRequest } from './test-tabs.ts'

trapUnhandled()

/** Opens a leader and a follower, which share one connection, and starts reading in both. */
async function openPair(more = {}) {
  const tabs = createTestTabs()
  const [one, two] = [tabs.open(), tabs.open()]
  const leading = one.connect(createRequest(more))
  await flushMessages()
  const wire = tabs.network.last.respond()
  const leader = await leading
  const followed = two.connect(createRequest(more))
  await flushMessages()
  const follower = await followed
  return { ...tabs, one, two, wire, leader, follower, leaderReads: readAll(leader), followerReads: readAll(follower) }
}

test('two tabs share one connection, and each receives its own copy of every batch', async () => {
  const { one, two, wire, leader, follower, leaderReads, followerReads, network } = await openPair()
  wire.send(connected('4'), event(5))
  wire.send({ type: 'tick', data: 'no id' })
  wire.comment(7)
  wire.retry(2_000)
  await flushMessages()
  expect(network.attempts).toHaveLength(1)
  expect([one.role, two.role]).toEqual(['leader', 'follower'])
  expect(leaderReads.blocks).toEqual(['connected:4', 'message:5', 'tick:no id'])
  const [snapshot, ...batches] = followerReads.batches
  expect(snapshot!.blocks).toEqual([])
  expect(batches).toEqual(leaderReads.batches)
  expect(batches[0]!.blocks[0]).not.toBe(leaderReads.batches[0]!.blocks[0])
  expect([follower.status, follower.headers.get('content-type')]).toEqual([leader.status, 'text/event-stream'])
  expect([leader.url, follower.url]).toEqual(['https://example.com/feed?q=1', 'https://example.com/feed'])
})

test('the connection of a follower says that another tab carries it, and that of the leader says what carries it', async () => {
  const { leader, follower } = await openPair()
  expect([leader.via, follower.via]).toEqual([undefined, 'tab'])
})

test('a follower receives the comments of the stream, also if only its own request wants them', async () => {
  const { open } = createTestTabs()
  let resume: (() => void) | undefined
  const started = new Promise<void>((resolve) => (resume = resolve))
  const connect: Connect = async ({ url, wantsComments }) => {
    const batches: Batch[] = [
      { blocks: [], bytes: 9, ...(wantsComments && { comments: [{ position: 0, text: 'heartbeat' }] }) },
    ]
    return {
      status: 200,
      url,
      headers: new Headers({ 'content-type': 'text/event-stream' }),
      read: () => started.then(() => batches.shift() ?? new Promise(() => {})),
      readText: async () => '',
      cancel() {},
    }
  }
  readAll(await open({ connect }).connect(createRequest()))
  const follower = readAll(await open({ connect }).connect(createRequest({ wantsComments: true })))
  await flushMessages()
  resume!()
  await flushMessages()
  expect(follower.batches.at(-1)!.comments).toEqual([{ position: 0, text: 'heartbeat' }])
})

test('onChange receives the role, the scope, and the URL without its query', async () => {
  const { one } = await openPair({ scope: 'alice' })
  expect(one.states).toEqual([{ url: 'https://example.com/feed', scope: 'alice', role: 'leader' }])
})

test('[P2.2] a new feed receives a connected event with the start position, and no earlier events', async () => {
  const { open, wire } = await openPair()
  wire.send(connected('4'), event(5), event(6))
  await flushMessages()
  const late = readAll(await open().connect(createRequest()))
  wire.send(event(7))
  await flushMessages()
  expect(late.blocks).toEqual(['connected:6', 'message:7'])
})

test('[P2.3] a tab with a known cursor receives the events that it missed', async () => {
  const { open, wire, network } = await openPair()
  wire.send(connected('4'), event(5), event(6), event(7))
  await flushMessages()
  const late = readAll(await open().connect(createRequest({ lastEventId: '5' })))
  wire.send(event(8))
  await flushMessages()
  expect(late.blocks).toEqual(['connected:5', 'message:6', 'message:7', 'message:8'])
  expect(network.attempts).toHaveLength(1)
})

test('a stream without a connected event is replayed to new tabs while the buffer contains its start', async () => {
  const { open, wire, network } = await openPair()
  wire.send({ type: 'start', data: '{}' }, { data: 'a' })
  await flushMessages()
  expect(readAll(await open().connect(createRequest())).blocks).toEqual([])
  await flushMessages()
  const late = readAll(await open().connect(createRequest()))
  await flushMessages()
  expect(late.blocks).toEqual(['start:{}', 'message:a'])
  for (let sent = 0; sent < 1_100; sent++) wire.send({ data: `${sent}` })
  await flushMessages()
  const later = open()
  void later.connect(createRequest())
  await flushMessages()
  expect(later.role).toBe('detached')
  expect(network.attempts).toHaveLength(2)
})

test('a `connected` event of a different protocol is an ordinary event', async () => {
  const { open, wire } = await openPair()
  wire.send({ type: 'connected', data: 'hello', id: '1' }, { type: 'snapshot', data: 's', id: '2' })
  await flushMessages()
  const late = readAll(await open().connect(createRequest()))
  await flushMessages()
  expect(late.blocks).toEqual(['connected:1', 'snapshot:2'])
})

test('a tab with an unknown cursor is detached until it has caught up, and then follows', async () => {
  const { open, wire, network, clock } = await openPair()
  wire.send(connected('100'), event(101), event(102))
  await flushMessages()
  const late = open()
  const pending = late.connect(createRequest({ lastEventId: '50' }))
  await flushMessages()
  expect([late.role, network.last.request.lastEventId]).toEqual(['detached', '50'])
  const own = network.last.respond()
  const reads = readAll(await pending)
  own.send(connected('50'), event(51))
  await clock.advance(1_000)
  await flushMessages()
  expect(late.role).toBe('detached')
  own.send(event(101))
  await clock.advance(2_000)
  await flushMessages()
  expect([late.role, own.cancelled]).toEqual(['follower', true])
  own.send(event(102))
  wire.send(event(103))
  await flushMessages()
  expect(reads.blocks).toEqual(['connected:50', 'message:51', 'message:101', 'message:102', 'message:103'])
})

test('when the leader closes, the next tab continues from its own cursor at once, without gaps or repeats', async () => {
  const { one, two, open, wire, leader, network, leaderReads, followerReads } = await openPair()
  const three = open()
  const third = readAll(await three.connect(createRequest()))
  wire.send(connected('4'), event(5))
  await flushMessages()
  leader.cancel()
  await flushMessages()
  expect([one.role, two.role, wire.cancelled]).toEqual(['closed', 'leader', true])
  expect(network.attempts).toHaveLength(2)
  expect(network.last.request.lastEventId).toBe('5')
  const successor = network.last.respond()
  successor.send(event(6))
  await flushMessages()
  expect(leaderReads.blocks).toEqual(['connected:4', 'message:5'])
  expect(followerReads.blocks).toEqual(['connected:4', 'message:5', 'message:6'])
  expect(third.blocks).toEqual(['connected:4', 'message:5', 'message:6'])
  expect([three.role, followerReads.end]).toEqual(['follower', undefined])
})

test('a new leader that is rejected, or gets no response within 10 s, fails with a retryable error', async () => {
  for (const failure of ['rejected', 'silent']) {
    const { wire, leader, network, followerReads, clock } = await openPair()
    wire.send(connected('4'))
    await flushMessages()
    leader.cancel()
    await flushMessages()
    if (failure === 'rejected') network.last.respond({ status: 401 })
    else await clock.advance(10_000)
    await flushMessages()
    expect(followerReads.end).toMatchObject({ code: 'network', retryable: true })
    expect(clock.pendingDelays).toEqual([])
  }
})

test('events without an id are neither repeated nor lost when the leader changes', async () => {
  const { open, wire, leader, network, follower, followerReads } = await openPair()
  const third = readAll(await open().connect(createRequest()))
  wire.send(connected('4'), event(5), { type: 'tick', data: 'a' })
  await flushMessages()
  const late = readAll(await open().connect(createRequest()))
  wire.send({ type: 'tick', data: 'b' })
  await flushMessages()
  leader.cancel()
  await flushMessages()
  const second = network.last.respond()
  second.send(connected('5'), { type: 'tick', data: 'c' })
  await flushMessages()
  follower.cancel()
  await flushMessages()
  network.last.respond().send(connected('5'), { type: 'tick', data: 'd' }, event(6))
  await flushMessages()
  const ticks = ({ blocks }: { blocks: string[] }) => blocks.filter((block) => !block.startsWith('connected'))
  expect(ticks(followerReads)).toEqual(['message:5', 'tick:a', 'tick:b', 'tick:c'])
  expect(ticks(third)).toEqual(['message:5', 'tick:a', 'tick:b', 'tick:c', 'tick:d', 'message:6'])
  expect(ticks(late)).toEqual(['tick:b', 'tick:c', 'tick:d', 'message:6'])
})

test('when the leader closes, a stream without ids fails, because it cannot be resumed', async () => {
  const { wire, leader, network, followerReads } = await openPair()
  wire.send({ data: 'a' })
  await flushMessages()
  leader.cancel()
  await flushMessages()
  expect(followerReads.end).toMatchObject({ code: 'network' })
  expect(network.attempts).toHaveLength(1)
})

test('[F41] a frozen leader is replaced after 3 to 4 s, and becomes a follower when thawed; late messages from it are ignored', async () => {
  const { one, two, wire, network, clock, browser, leaderReads, followerReads } = await openPair()
  wire.send(connected('4'), event(5))
  await flushMessages()
  await clock.advance(10_000)
  expect(network.attempts).toHaveLength(1)
  one.tab.freeze()
  await clock.advance(2_999)
  expect(two.role).toBe('follower')
  await clock.advance(1_001)
  await flushMessages()
  expect([two.role, network.last.request.lastEventId]).toEqual(['leader', '5'])
  const successor = network.last.respond()
  successor.send(event(6), event(7))
  // The replaced leader still sends a batch, with its old epoch.
  wire.send(event(6))
  await flushMessages()
  const messages = browser.messages as { type: string; epoch: number }[]
  const late = messages.findLast(({ type }) => type === 'batch')!
  expect(late.epoch).toBeLessThan(messages.findLast(({ type }) => type === 'leader-alive')!.epoch)
  expect(followerReads.blocks).toEqual(['connected:4', 'message:5', 'message:6', 'message:7'])
  one.tab.thaw()
  await flushMessages()
  await clock.advance(1_000)
  await flushMessages()
  expect([one.role, two.role, wire.cancelled]).toEqual(['follower', 'leader', true])
  successor.send(event(8))
  await flushMessages()
  expect(leaderReads.blocks).toEqual(['connected:4', 'message:5', 'message:6', 'message:7', 'message:8'])
  expect(followerReads.blocks).toEqual(leaderReads.blocks)
})

test('a leader that receives no events answers pings and remains the leader', async () => {
  const { one, network, clock, browser } = await openPair()
  await clock.advance(60_000)
  expect([one.role, network.attempts.length]).toEqual(['leader', 1])
  expect(browser.messages.filter((message) => (message as { type: string }).type === 'ping').length).toBeGreaterThan(10)
})

test('an older tab that opens the same stream takes over as the leader', async () => {
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
  expect([old.role, network.last.request.lastEventId, wire.cancelled]).toEqual(['leader', '4', true])
  network.last.respond().send(event(5))
  await flushMessages()
  expect([old.role, young.role]).toEqual(['leader', 'follower'])
  expect(youngReads.blocks).toEqual(['connected:4', 'message:5'])
  expect(oldReads.blocks).toEqual(['connected:4', 'message:5'])
  now.mockRestore()
})

test('of two tabs that opened in the same millisecond, one becomes the leader of all streams', async () => {
  const { open, network } = createTestTabs()
  const now = vi.spyOn(Date, 'now').mockReturnValue(1_900_000_000_000)
  const tabs = [open(), open()]
  const urls = ['https://example.com/one', 'https://example.com/two']
  const isLeader = ({ states }: TestTab, url: string): boolean =>
    states.findLast((state) => state.url === url)?.role === 'leader'
  let responded = 0
  const respondToAll = async (): Promise<void> => {
    await flushMessages()
    while (responded < network.attempts.length) {
      network.attempts[responded++]!.respond().send(connected('4'))
      await flushMessages()
    }
  }
  const subscribe = async (tab: TestTab, url: string): Promise<void> => {
    const connecting = tab.connect(createRequest({ url }))
    await respondToAll()
    readAll(await connecting)
    await respondToAll()
  }
  await subscribe(tabs[0]!, urls[0]!)
  await subscribe(tabs[1]!, urls[1]!)
  expect(urls.map((url) => tabs.map((tab) => isLeader(tab, url)))).toEqual([
    [true, false],
    [false, true],
  ])
  await subscribe(tabs[0]!, urls[1]!)
  await subscribe(tabs[1]!, urls[0]!)
  const leaders = urls.map((url) => tabs.findIndex((tab) => isLeader(tab, url)))
  expect(leaders).toEqual([0, 0])
  now.mockRestore()
})

test('a tab that loses the lead of one stream gives up the lead of its other streams', async () => {
  const { open, network, browser } = createTestTabs()
  const tabs = [open(), open()]
  const urls = ['https://example.com/one', 'https://example.com/two']
  let responded = 0
  const respondToAll = async (): Promise<void> => {
    await flushMessages()
    while (responded < network.attempts.length) {
      network.attempts[responded++]!.respond().send(connected('4'))
      await flushMessages()
    }
  }
  for (const { connect } of tabs) {
    for (const url of urls) {
      const connecting = connect(createRequest({ url }))
      await respondToAll()
      readAll(await connecting)
    }
  }
  const leaders = (): number[] =>
    urls.map((url) => tabs.findIndex(({ states }) => states.findLast((state) => state.url === url)?.role === 'leader'))
  expect(leaders()).toEqual([0, 0])
  // Another tab takes the lock and closes: the first tab did not answer in time.
  const other = browser.openTab()
  const lockName = `rivulet:1:${JSON.stringify(['app', null, urls[0]])}`
  void other.locks.request(lockName, { steal: true }, () => {})
  await respondToAll()
  expect(leaders()).toEqual([1, 1])
})

test('a clean end or a network error reaches every tab after all earlier events', async () => {
  for (const ending of ['end', 'disconnect'] as const) {
    const { wire, leaderReads, followerReads, clock, network } = await openPair()
    wire.send(connected('4'), event(5))
    wire[ending]()
    await flushMessages()
    const expected = ending === 'end' ? 'clean' : expect.objectContaining({ code: 'network', retryable: true })
    expect([leaderReads.end, followerReads.end]).toEqual([expected, expected])
    expect(followerReads.blocks).toEqual(['connected:4', 'message:5'])
    await clock.advance(100)
    expect([clock.pendingDelays, network.attempts.length]).toEqual([[], 1])
  }
})

test('an error that affects only the leader makes the next tab the leader', async () => {
  const { two, wire, leaderReads, network } = await openPair()
  wire.send(connected('4'))
  wire.disconnect(new StreamError('too-large', 'Event longer than the leader accepts'))
  await flushMessages()
  expect(leaderReads.end).toMatchObject({ code: 'too-large' })
  expect([two.role, network.last.request.lastEventId]).toEqual(['leader', '4'])
})

test.each([404, 503, 204])(
  'a response with status %i reaches every tab, with its problem document and without secrets',
  async (status) => {
    const { open, network, clock, browser } = createTestTabs()
    const leading = open().connect(createRequest())
    await flushMessages()
    const followed = open().connect(createRequest())
    await flushMessages()
    const headers = {
      'content-type': 'application/problem+json',
      'retry-after': '7',
      'set-cookie': 's3cret',
      'x-token': 's3cret',
    }
    network.last.respond({ status, headers, problem: '{"title":"No"}' })
    const leader = await leading
    expect(await leader.readText(16_384)).toBe('{"title":"No"}')
    leader.cancel()
    const follower = await followed
    expect([follower.status, follower.headers.get('retry-after'), await follower.readText(16_384)]).toEqual([
      status,
      '7',
      '{"title":"No"}',
    ])
    follower.cancel()
    expect(JSON.stringify(browser.messages)).not.toContain('s3cret')
    await clock.advance(100)
    expect([clock.pendingDelays, network.attempts.length]).toEqual([[], 1])
  },
)

test.each([401, 403])('if the leader gets a %i, the other tabs fail with a retryable error', async (status) => {
  const { open, network, browser } = createTestTabs()
  const requestAs = (token: string) =>
    createRequest({ scope: 'alice', headers: [['authorization', token]], credentialHeaders: ['authorization'] })
  const leading = open().connect(requestAs('Bearer one'))
  await flushMessages()
  const followed = open().connect(requestAs('Bearer two'))
  const failed = followed.catch((error: unknown) => error)
  await flushMessages()
  network.last.respond({ status })
  ;(await leading).cancel()
  expect(await failed).toMatchObject({ code: 'network', retryable: true })
  await flushMessages()
  expect(network.attempts).toHaveLength(1)
  expect(JSON.stringify(browser.messages)).not.toContain('Bearer')
})

test('a tab that joins while the leader is connecting waits for the response', async () => {
  const { open, network } = createTestTabs()
  const leading = open().connect(createRequest())
  await flushMessages()
  const followed = open().connect(createRequest())
  await flushMessages()
  const wire = network.last.respond()
  const reads = [readAll(await leading), readAll(await followed)]
  wire.send(connected('4'))
  await flushMessages()
  expect(reads.map(({ blocks }) => blocks)).toEqual([['connected:4'], ['connected:4']])
})

test.each(['joining', 'leader', 'follower'])(
  '[F37] an abort in a %s tab leaves no connection or timer',
  async (when) => {
    const { open, network, clock } = createTestTabs()
    const controller = new AbortController()
    const { signal } = controller
    const reason = new Error('aborted by the test')
    if (when === 'joining') {
      void open().connect(createRequest())
      await flushMessages()
      const tab = open()
      const pending = tab.connect(createRequest({ signal }))
      await flushMessages()
      controller.abort(reason)
      await expect(pending).rejects.toBe(reason)
      expect(tab.role).toBe('closed')
      return
    }
    const other = when === 'follower' ? open().connect(createRequest()) : undefined
    await flushMessages()
    const pending = open().connect(createRequest({ signal }))
    await flushMessages()
    const wire = network.last.respond()
    const reads = readAll(await pending)
    controller.abort(reason)
    await flushMessages()
    expect(reads.end).toBe(reason)
    ;(await other)?.cancel()
    await flushMessages()
    expect([wire.cancelled, clock.pendingDelays]).toEqual([true, []])
  },
)

test('[F37] if the signal is already aborted, connect() rejects with the reason and sends no request', async () => {
  const { open, network, clock } = createTestTabs()
  await expect(open().connect(createRequest({ signal: AbortSignal.abort('reason') }))).rejects.toBe('reason')
  expect([network.attempts, clock.pendingDelays]).toEqual([[], []])
})

test('[P2.2] [F26] a tab that becomes the leader between `connected` and `reset` resumes from the old cursor, so that the gap is reported', async () => {
  const { one, wire, network, clock } = await openPair({ lastEventId: '5' })
  wire.send(connected('new:9'))
  await flushMessages()
  one.tab.kill()
  for (let second = 0; second < 6; second++) {
    await clock.advance(1_000)
    await flushMessages()
  }
  expect(network.attempts.map((attempt) => attempt.request.lastEventId)).toEqual(['5', '5'])
})

test('[F36] an abort in onChange prevents further connections', async () => {
  for (const role of ['leader', 'follower', 'detached']) {
    const { open, wire, network, clock } = await openPair()
    wire.send(connected('100'))
    await flushMessages()
    const controller = new AbortController()
    const tab = open({
      ...(role === 'leader' && { name: 'other' }),
      onChange: (state) => state.role === role && controller.abort('closed'),
    })
    const pending = tab.connect(
      createRequest({ lastEventId: role === 'follower' ? '100' : '50', signal: controller.signal }),
    )
    await expect(pending).rejects.toBe('closed')
    await flushMessages()
    expect(network.attempts).toHaveLength(1)
    await clock.advance(0)
    expect(clock.pendingDelays).toHaveLength(2) // the timers of the other two tabs
  }
})

test('messages from other scripts are ignored', async () => {
  const { browser, wire, leaderReads, followerReads } = await openPair()
  const channel = browser.openTab().openChannel('rivulet:1:["app",null,"https://example.com/feed?q=1"]')
  for (const message of [null, undefined, 'hello', 7, {}, [], { type: 'ack' }, { epoch: 'soon' }]) {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a BroadcastChannel has no target origin
    channel.postMessage(message)
  }
  wire.send(connected('4'), event(5))
  await flushMessages()
  expect(leaderReads.blocks).toEqual(['connected:4', 'message:5'])
  expect(followerReads.blocks).toEqual(leaderReads.blocks)
})

test('[F25] events that the server repeats for a new leader are delivered once', async () => {
  const { open, network, clock } = createTestTabs()
  const feeds = [open(), open(), open()].map(({ connect }) =>
    createClient({ connect, clock }).subscribe('https://example.com/feed'),
  )
  const received = feeds.map((feed) => {
    const ids: string[] = []
    feed.on('message', ({ id }) => ids.push(id))
    return ids
  })
  await flushMessages()
  const wire = network.last.respond()
  await flushMessages()
  wire.send(connected('4'), event(5), event(6))
  await flushMessages()
  feeds[0]!.close()
  await flushMessages()
  expect(network.attempts).toHaveLength(2)
  network.last.respond().send(connected('6'), event(5), event(6), event(7))
  await flushMessages()
  expect(received).toEqual([
    ['5', '6'],
    ['5', '6', '7'],
    ['5', '6', '7'],
  ])
  for (const feed of feeds) feed.close()
})
