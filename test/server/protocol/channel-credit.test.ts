/** Tests of section 5.4 of PROTOCOL.md, through both faces: credit, turns, and what a channel that is not read costs. */
import { describe, expect, test } from 'vitest'
import { textOf } from '../../mock-server/support/blocks.ts'
import type { ChannelItem } from '../../mock-server/support/channel-client.ts'
import {
  controlOf,
  eventsOfItems,
  openGetOperation,
  openRunOperation,
} from '../../mock-server/support/channel-client.ts'
import { waitUntil } from '../../mock-server/support/local-test-server.ts'
import { openRawClient } from '../../mock-server/support/raw-client.ts'
import { openChannels } from '../support/channels.ts'
import { faces } from '../support/faces.ts'

/** Returns the credit that items cost. */
const costOf = (items: readonly ChannelItem[]): number =>
  items.reduce((sum, { kind, data }) => sum + (kind === 'control' ? 0 : Buffer.byteLength(data ?? '') + 32), 0)

const sentences = Array.from({ length: 200 }, () => '你好, 🧑‍🚀 and é. ')

describe.each(faces)('%s', (face) => {
  test('[P5.4] a stream gets one window and no more, while another stream continues', async () => {
    const { connect, feed } = await openChannels(face)
    const channel = await connect()
    await channel.post(openGetOperation('slow', '/api/stream', { window: 2_000 }), openGetOperation('other'))
    for (const key of ['slow', 'other']) await channel.readUntil(key, (all) => all.length === 2)
    for (let count = 1; count <= 100; count++) {
      await feed.send('note', `note ${count}`)
      await channel.readUntil('other', (all) => all.length === 2 + count)
    }
    const items = channel.itemsOf('slow')
    // The last event is sent whole if any credit is left.
    expect(costOf(items)).toBeGreaterThanOrEqual(2_000)
    expect(costOf(items.slice(0, -1))).toBeLessThan(2_000)
  })

  test('[P5.4] with credit for what was read, a whole answer arrives, never more than a window ahead', async () => {
    const { connect, model } = await openChannels(face)
    const channel = await connect()
    const window = 1_000
    await channel.post(openRunOperation('a', { window }))
    await waitUntil(() => model.runs.length === 1)
    model.runs[0]!.say(...sentences)
    model.runs[0]!.end()
    const isClosed = (all: readonly ChannelItem[]): boolean => all.at(-1)?.type === 'close'
    for (let read = 0; ;) {
      const items = await channel.readUntil('a', (all) => isClosed(all) || costOf(all) >= read + window)
      if (isClosed(items)) break
      expect(costOf(items.slice(0, -1)) - read).toBeLessThan(window)
      const bytes = costOf(items) - read
      read += bytes
      await channel.post({ op: 'credit', key: 'a', bytes })
    }
    expect(textOf(eventsOfItems(channel.itemsOf('a')))).toBe(sentences.join(''))
  })

  test('[P5.4] the default window is 256 KiB', async () => {
    const { connect, feed } = await openChannels(face)
    const channel = await connect()
    await channel.post(openGetOperation('a'), openGetOperation('b', '/api/stream', { window: 2 ** 30 }))
    for (const key of ['a', 'b']) await channel.readUntil(key, (all) => all.length === 2)
    for (let count = 1; count <= 10; count++) {
      await feed.send('note', 'x'.repeat(32 * 1024))
      await channel.readUntil('b', (all) => all.length === 2 + count)
    }
    const items = channel.itemsOf('a')
    expect(costOf(items)).toBeGreaterThanOrEqual(256 * 1024)
    expect(costOf(items.slice(0, -1))).toBeLessThan(256 * 1024)
  })

  test('[P5.4] one event may exceed the window, and the next one waits until its credit is positive', async () => {
    const { connect, feed } = await openChannels(face)
    const channel = await connect()
    await channel.post(openGetOperation('a', '/api/stream', { window: 400 }), openGetOperation('b'))
    for (const key of ['a', 'b']) await channel.readUntil(key, (all) => all.length === 2)
    const before = costOf(channel.itemsOf('a'))
    await feed.send('big', 'x'.repeat(4_998))
    await feed.send('small', 1)
    await channel.readUntil('b', (all) => all.at(-1)!.type === 'small')
    expect(channel.itemsOf('a').at(-1)!.type).toBe('big')
    const missing = before + 5_032 - 400
    await channel.post({ op: 'credit', key: 'a', bytes: missing })
    await feed.send('mark', 1)
    await channel.readUntil('b', (all) => all.at(-1)!.type === 'mark')
    expect(channel.itemsOf('a').at(-1)!.type).toBe('big')
    await channel.post({ op: 'credit', key: 'a', bytes: 1 })
    expect((await channel.readUntil('a', (all) => all.length === 4)).at(-1)!.type).toBe('small')
  })

  test('[P5.4] credit never exceeds the window', async () => {
    const { connect, feed } = await openChannels(face)
    const channel = await connect()
    await channel.post(
      openGetOperation('a', '/api/stream', { window: 1_000 }),
      { op: 'credit', key: 'a', bytes: 1_000_000 },
      openGetOperation('b'),
    )
    for (const key of ['a', 'b']) await channel.readUntil(key, (all) => all.length === 2)
    for (let count = 1; count <= 50; count++) await feed.send('note', 'x'.repeat(100))
    await channel.readUntil('b', (all) => all.length === 52)
    expect(costOf(channel.itemsOf('a').slice(0, -1))).toBeLessThan(1_000)
  })

  test('[P5.4] streams that have much to send take turns', async () => {
    const { connect, feed } = await openChannels(face, { feed: { retention: { events: 1_000 } } })
    const from = await feed.send('note', 0)
    for (let count = 0; count < 40; count++) await feed.send('note', 'x'.repeat(10 * 1024))
    const channel = await connect()
    const keys = ['a', 'b', 'c']
    await channel.post(
      ...keys.map((key) => openGetOperation(key, '/api/stream', { lastEventId: from, window: 2 ** 20 })),
    )
    for (const key of keys) await channel.readUntil(key, (all) => all.length === 42)
    const notes = channel.reader.events.filter(({ type }) => type === 'note').map(({ id }) => id![0]!)
    // No stream is more than a page ahead of another one.
    for (let count = 1; count <= notes.length; count++) {
      const counts = keys.map((key) => notes.slice(0, count).filter((note) => note === key).length)
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThan(16)
    }
  })

  test('[P5.4] a run whose end waits for credit is closed after `drainTimeout`, and can be resumed', async () => {
    const under = await openChannels(face, { server: { drainTimeout: 1_000 } })
    const { connect, model, clock } = under
    const channel = await connect()
    await channel.post(openRunOperation('a', { window: 1 }))
    await channel.readUntil('a', (all) => all.length === 2)
    model.runs[0]!.say('Hello')
    model.runs[0]!.end()
    await waitUntil(() => under.records.some(({ type }) => type === 'run-end'))
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    await clock.advance(999)
    expect(channel.itemsOf('a')).toHaveLength(2)
    await clock.advance(1_000)
    const items = await channel.readUntilClosed('a')
    expect(controlOf(items, 'close')['status']).toBe(502)
    expect(under.readers).toBe(0)
    await channel.post(openGetOperation('b', '/api/generate', { lastEventId: items[1]!.id }))
    expect(textOf(eventsOfItems(await channel.readUntilClosed('b')))).toBe('Hello')
  })

  test('[P5.4] a stream that is read slowly is not closed, however long its page takes', async () => {
    const { connect, feed, clock } = await openChannels(face, { server: { drainTimeout: 1_000 } })
    const from = await feed.send('note', 0)
    for (let count = 1; count <= 20; count++) await feed.send('note', count)
    const channel = await connect()
    await channel.post(openGetOperation('a', '/api/stream', { lastEventId: from, window: 1 }))
    await channel.readUntil('a', (all) => all.length === 2)
    const connected = costOf(channel.itemsOf('a'))
    for (let count = 1; count <= 20; count++) {
      await clock.advance(900)
      // With a window of one byte, the credit of each event is needed.
      const spent = count === 1 ? connected : costOf(channel.itemsOf('a').slice(-1))
      await channel.post({ op: 'credit', key: 'a', bytes: spent })
      const items = await channel.readUntil('a', (all) => all.length === 2 + count)
      expect(items.at(-1)).toMatchObject({ type: 'note', data: String(count) })
    }
  })

  test('[P5.4] a feed that gets no credit for `drainTimeout` is closed, and the channel remains', async () => {
    const { connect, feed, clock } = await openChannels(face, { server: { drainTimeout: 1_000 } })
    const channel = await connect()
    await channel.post(openGetOperation('a', '/api/stream', { window: 1 }), openGetOperation('b'))
    for (const key of ['a', 'b']) await channel.readUntil(key, (all) => all.length === 2)
    await feed.send('note', 1)
    await channel.readUntil('b', (all) => all.length === 3)
    await clock.advance(1_000)
    expect(controlOf(await channel.readUntilClosed('a'), 'close')['status']).toBe(502)
    await feed.send('note', 2)
    await channel.readUntil('b', (all) => all.length === 4)
  })
})

test('[P5.4] a channel that is not read holds little, and is cut after `drainTimeout` with all of its streams', async () => {
  const under = await openChannels('node', {
    server: { drainTimeout: 1_000 },
    feed: { retention: { events: 10, age: 0 } },
  })
  const { mounted, post, feed, clock, records } = under
  const raw = openRawClient(`${mounted.url}/api/channel`)
  await raw.waitForText('channelId')
  const channelId = /"channelId":"([^"]+)"/.exec(raw.text)![1]!
  raw.socket.pause()
  const keys = Array.from({ length: 50 }, (_, index) => `k${index}`)
  await post({ channelId, ops: keys.map((key) => openGetOperation(key, '/api/stream', { window: 2 ** 30 })) })
  await waitUntil(() => under.readers === 50)
  const send = async (): Promise<void> => {
    for (let count = 0; count < 40; count++) {
      await feed.send('note', 'x'.repeat(64 * 1024))
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  // The kernel's socket buffers are full after this.
  for (let round = 0; round < 5; round++) await send()
  const before = process.memoryUsage().arrayBuffers
  for (let round = 0; round < 5; round++) await send()
  // All streams together hold the same page.
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024)
  await clock.advance(1_000)
  await clock.advance(1_000)
  await waitUntil(() => under.readers === 0)
  expect(records.filter((record) => record.type === 'close' && record.kind === 'channel')).toMatchObject([
    { reason: 'slow' },
  ])
  raw.close()
})
