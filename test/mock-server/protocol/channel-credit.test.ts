/**
 * Tests of section 5.4 of PROTOCOL.md, over real sockets: a slow stream does not hold back the others, but an unread
 * socket holds back all streams.
 */
import { describe, expect, test } from 'vitest'
import { parseOperations } from '../../../server/channel/operations.ts'
import { type ChannelItem, openChannelClient, openGetOperation, openRunOperation } from '../support/channel-client.ts'
import { waitUntil, openLocalTestServer } from '../support/local-test-server.ts'
import { openRawClient } from '../support/raw-client.ts'

/** Returns the credit that an event costs. */
const creditCost = ({ kind, data }: ChannelItem): number =>
  kind === 'control' ? 0 : Buffer.byteLength(data ?? '') + 32
const totalCost = (items: readonly ChannelItem[]): number => items.reduce((sum, one) => sum + creditCost(one), 0)

const text = '你好, 🧑‍🚀 and é. '.repeat(200)

describe('credit', () => {
  test('[P5.4] a stream receives one window of events and no more, while another stream continues', async () => {
    const { url, server } = await openLocalTestServer({ answers: [text], delay: 0 })
    const channel = await openChannelClient(url)
    await channel.post(openRunOperation('slow', { window: 2_000 }), openGetOperation('other'))
    for (let count = 1; count <= 100; count++) {
      server.broadcast({ type: 'note', data: count })
      await channel.readUntil('other', (all) => all.length === 2 + count)
    }
    const items = channel.itemsOf('slow')
    // The last event is sent whole if any credit is left.
    expect(totalCost(items)).toBeGreaterThanOrEqual(2_000)
    expect(totalCost(items.slice(0, -1))).toBeLessThan(2_000)
  })

  test('[P5.4] with credit for bytes drained, the whole answer arrives, never more than a window ahead', async () => {
    const { url } = await openLocalTestServer({ answers: [text], delay: 0 })
    const channel = await openChannelClient(url)
    const window = 1_000
    await channel.post(openRunOperation('a', { window }))
    let drained = 0
    const isClosed = (all: readonly ChannelItem[]): boolean => all.at(-1)?.type === 'close'
    for (;;) {
      const items = await channel.readUntil('a', (all) => isClosed(all) || totalCost(all) >= drained + window)
      expect(totalCost(items) - drained).toBeLessThan(window + 400) // the last event may exceed the remaining credit
      if (isClosed(items)) break
      const bytes = totalCost(items) - drained
      drained += bytes
      await channel.post({ op: 'credit', key: 'a', bytes })
    }
    const deltas = channel.itemsOf('a').filter(({ type }) => type === 'delta')
    expect(deltas.map(({ data }) => (JSON.parse(data!) as { content: string }).content).join('')).toBe(text)
  })

  test('[P5.4] the default window is 256 KiB', async () => {
    const { url, server } = await openLocalTestServer({ answers: ['x'.repeat(10_000)], delay: 0 })
    const channel = await openChannelClient(url)
    await channel.post(openRunOperation('a'), openGetOperation('b'))
    await channel.readUntil('a', (all) => totalCost(all) >= 256 * 1024)
    server.broadcast({ type: 'note', data: 1 })
    await channel.readUntil('b', (all) => all.at(-1)?.type === 'note')
    expect(totalCost(channel.itemsOf('a').slice(0, -1))).toBeLessThan(256 * 1024)
  })

  test('[P5.4] one event may exceed the window, but the next one waits for credit', async () => {
    const { url, server } = await openLocalTestServer()
    const channel = await openChannelClient(url)
    await channel.post(openGetOperation('a', '/api/stream?types=big,small', { window: 400 }), openGetOperation('b'))
    await channel.readUntil('a', (all) => all.length === 2)
    server.broadcast({ type: 'big', data: 'x'.repeat(5_000) })
    server.broadcast({ type: 'small', data: 1 })
    const [, , big] = await channel.readUntil('a', (all) => all.length === 3)
    expect(big!.type).toBe('big')
    await channel.post({ op: 'credit', key: 'a', bytes: 4_000 })
    server.broadcast({ type: 'mark', data: 1 })
    await channel.readUntil('b', (all) => all.at(-1)?.type === 'mark')
    expect(channel.itemsOf('a')).toHaveLength(3)
    await channel.post({ op: 'credit', key: 'a', bytes: 1_032 })
    expect((await channel.readUntil('a', (all) => all.length === 4)).at(-1)!.type).toBe('small')
  })

  test('[P5.4] credit never exceeds the window', async () => {
    const { url } = await openLocalTestServer({ answers: [text], delay: 0 })
    const channel = await openChannelClient(url)
    await channel.post(
      openRunOperation('a', { window: 1_000 }),
      { op: 'credit', key: 'a', bytes: 1_000_000 },
      openGetOperation('b'),
    )
    await channel.readUntil('b', (all) => all.length === 2)
    await channel.readUntil('a', (all) => totalCost(all) >= 1_000)
    expect(totalCost(channel.itemsOf('a').slice(0, -1))).toBeLessThan(1_000)
  })

  test('[P5.4] a large window is not reduced, because reducing it would leave the client waiting forever', () => {
    const window = 2 ** 30
    const body = { channelId: 'c', ops: [openGetOperation('a', '/', { window })] }
    expect(parseOperations(body, 1).operations).toMatchObject([{ window }])
  })

  test('[P5.4] streams that have much to send take turns', async () => {
    const { url } = await openLocalTestServer({ answers: ['x'.repeat(1_000)], delay: 0 })
    const channel = await openChannelClient(url)
    const keys = ['a', 'b', 'c']
    await channel.post(...keys.map((key) => openRunOperation(key)))
    for (const key of keys) await channel.readUntilClosed(key)
    const turns = channel.reader.events.filter(({ type }) => type === 'delta').map(({ id }) => id![0]!)
    // No stream sends all of its deltas before the others have sent some.
    for (const key of keys) {
      const others = keys.filter((other) => other !== key)
      for (const other of others) expect(turns.indexOf(other)).toBeLessThan(turns.lastIndexOf(key))
    }
  })
})

describe('buffering', () => {
  test('[P5.4] [F46] an unread channel connection is dropped, with all of its streams', async () => {
    const { url, server, clock } = await openLocalTestServer({ history: 100_000 })
    const raw = openRawClient(`${url}/api/channel`)
    await raw.waitForText('channel')
    const channelId = /"channelId":"([^"]+)"/.exec(raw.text)![1]
    raw.socket.pause()
    const ops = ['a', 'b'].map((key) => openGetOperation(key, '/api/stream', { window: 16 * 1024 * 1024 }))
    await fetch(`${url}/api/channel/ops`, { method: 'POST', body: JSON.stringify({ channelId, ops }) })
    await waitUntil(() => server.clients.length === 2)
    const data = 'x'.repeat(64 * 1024)
    for (let count = 0; count < 500; count++) server.broadcast({ data })
    // The drain timeout starts over whenever a write is accepted, so advancing the clock once is not enough.
    while (server.clients.length > 0) {
      await new Promise((resolve) => setImmediate(resolve))
      await clock.advance(10_000)
    }
    raw.close()
  })
})
