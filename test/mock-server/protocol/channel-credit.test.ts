/** PROTOCOL.md 5.4, on a socket: a slow stream is held back alone, and a socket that nobody reads holds back all. */
import { describe, expect, test } from 'vitest'
import { createCarriedStream } from '../../../mock-server/channel/channel-stream.ts'
import { parseOps } from '../../../mock-server/channel/operations.ts'
import type { Chunk } from '../../../mock-server/stream/stream-body.ts'
import { type Carried, openCarrier, openPath, openRun } from '../support/channel-client.ts'
import { openRaw } from '../support/raw-client.ts'
import { eventually, serve } from '../support/local-test-server.ts'

/** What an event counts. */
const costOf = ({ kind, data }: Carried): number => (kind === 'control' ? 0 : Buffer.byteLength(data ?? '') + 32)
const spent = (carried: readonly Carried[]): number => carried.reduce((sum, one) => sum + costOf(one), 0)

const text = '你好, 🧑‍🚀 and é. '.repeat(200)

describe('credit', () => {
  test('[P5.4] a stream is sent its window and no more, while another goes on', async () => {
    const { url, server } = await serve({ answers: [text], delay: 0 })
    const carrier = await openCarrier(url)
    await carrier.post(openRun('slow', { window: 2_000 }), openPath('other'))
    for (let count = 1; count <= 100; count++) {
      server.broadcast({ type: 'note', data: count })
      await carrier.when('other', (all) => all.length === 2 + count)
    }
    const carried = carrier.of('slow')
    // The last event goes out whole where any credit is left.
    expect(spent(carried)).toBeGreaterThanOrEqual(2_000)
    expect(spent(carried.slice(0, -1))).toBeLessThan(2_000)
  })

  test('[P5.4] with what is drained given back, all of it comes, never more than the window ahead', async () => {
    const { url } = await serve({ answers: [text], delay: 0 })
    const carrier = await openCarrier(url)
    const window = 1_000
    await carrier.post(openRun('a', { window }))
    let drained = 0
    const isClosed = (all: readonly Carried[]): boolean => all.at(-1)?.type === 'close'
    for (;;) {
      const carried = await carrier.when('a', (all) => isClosed(all) || spent(all) >= drained + window)
      expect(spent(carried) - drained).toBeLessThan(window + 400) // the last event is larger than what was left
      if (isClosed(carried)) break
      const bytes = spent(carried) - drained
      drained += bytes
      await carrier.post({ op: 'credit', key: 'a', bytes })
    }
    const deltas = carrier.of('a').filter(({ type }) => type === 'delta')
    expect(deltas.map(({ data }) => (JSON.parse(data!) as { content: string }).content).join('')).toBe(text)
  })

  test('[P5.4] without a window it is 256 KiB', async () => {
    const { url, server } = await serve({ answers: ['x'.repeat(10_000)], delay: 0 })
    const carrier = await openCarrier(url)
    await carrier.post(openRun('a'), openPath('b'))
    await carrier.when('a', (all) => spent(all) >= 256 * 1024)
    server.broadcast({ type: 'note', data: 1 })
    await carrier.when('b', (all) => all.at(-1)?.type === 'note')
    expect(spent(carrier.of('a').slice(0, -1))).toBeLessThan(256 * 1024)
  })

  test('[P5.4] one event may be larger than the window; the next waits until it is paid for', async () => {
    const { url, server } = await serve()
    const carrier = await openCarrier(url)
    await carrier.post(openPath('a', '/api/stream?types=big,small', { window: 400 }), openPath('b'))
    await carrier.when('a', (all) => all.length === 2)
    server.broadcast({ type: 'big', data: 'x'.repeat(5_000) })
    server.broadcast({ type: 'small', data: 1 })
    const [, , big] = await carrier.when('a', (all) => all.length === 3)
    expect(big!.type).toBe('big')
    await carrier.post({ op: 'credit', key: 'a', bytes: 4_000 })
    server.broadcast({ type: 'mark', data: 1 })
    await carrier.when('b', (all) => all.at(-1)?.type === 'mark')
    expect(carrier.of('a')).toHaveLength(3)
    await carrier.post({ op: 'credit', key: 'a', bytes: 1_032 })
    expect((await carrier.when('a', (all) => all.length === 4)).at(-1)!.type).toBe('small')
  })

  test('[P5.4] nobody gets more than a window, however much is given', async () => {
    const { url } = await serve({ answers: [text], delay: 0 })
    const carrier = await openCarrier(url)
    await carrier.post(openRun('a', { window: 1_000 }), { op: 'credit', key: 'a', bytes: 1_000_000 }, openPath('b'))
    await carrier.when('b', (all) => all.length === 2)
    await carrier.when('a', (all) => spent(all) >= 1_000)
    expect(spent(carrier.of('a').slice(0, -1))).toBeLessThan(1_000)
  })

  test('[P5.4] a window has the size that was asked for: a client that counts on more than it has would wait for ever', () => {
    const window = 2 ** 30
    expect(parseOps({ channelId: 'c', ops: [openPath('a', '/', { window })] }).ops).toMatchObject([{ window }])
  })

  test('[P5.4] streams take turns', async () => {
    const { url } = await serve({ answers: ['x'.repeat(50)], delay: 0 })
    const carrier = await openCarrier(url)
    await carrier.post(openRun('a'), openRun('b'), openRun('c'))
    for (const key of ['a', 'b', 'c']) await carrier.untilClosed(key)
    const turns = carrier.reading.events.filter(({ type }) => type === 'delta').map(({ id }) => id![0])
    expect(turns.slice(3, 60).join('')).toMatch(/^(abc|bca|cab)+$/)
  })
})

describe('what is held', () => {
  test('[P5.4] a stream of 100 MB that nobody credits costs its source one write, and goes on where it was', async () => {
    let written = 0
    const event = new TextEncoder().encode(`data: ${'x'.repeat(64 * 1024)}\n\n`)
    async function* source(): AsyncGenerator<Chunk, void, undefined> {
      while (written++ < 1_600) yield { bytes: event }
    }
    let ready = 0
    const stream = createCarriedStream({
      key: 'a',
      url: '/',
      window: 100_000,
      ask: async () => ({ status: 200, headers: new Headers(), body: { chunks: source() } }),
      onReady: () => void ready++,
    })
    const drain = async (): Promise<number> => {
      let count = 0
      for (let turn = 0; turn < 20; turn++) {
        while (stream.take()) count++
        await new Promise((resolve) => setImmediate(resolve))
      }
      return count
    }
    expect(await drain()).toBe(3) // open, and as many events as began within the window
    expect(written).toBe(2)
    expect(stream.state).toBe('waiting')
    stream.credit(2 * 65_568)
    expect(await drain()).toBe(2)
    expect(ready).toBeGreaterThan(0)
    while (stream.state !== 'over') {
      stream.credit(2 * 65_568)
      await drain()
    }
    expect(written).toBe(1_601)
  }, 60_000)

  test('[P5.4] a stream that is not taken from asks its source for one write alone', async () => {
    let written = 0
    async function* source(): AsyncGenerator<Chunk, void, undefined> {
      for (;;) {
        written++
        yield { bytes: new TextEncoder().encode('data: x\n\n'.repeat(10)) }
      }
    }
    const ask = async () => ({ status: 200, headers: new Headers(), body: { chunks: source() } })
    const stream = createCarriedStream({ key: 'a', url: '/', window: 1_000_000, ask, onReady: () => undefined })
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(written).toBe(1)
    for (let count = 0; count < 11; count++) expect(stream.take()).toBeDefined()
    expect(stream.take()).toBeUndefined()
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(written).toBe(2)
    stream.close()
  })

  test('[P5.4] [F46] a carrier that nobody reads is dropped past the limit, and its streams with it', async () => {
    const { url, server, clock } = await serve({ history: 100_000 })
    const raw = openRaw(`${url}/api/channel`)
    await raw.until('channel')
    const channelId = /"channelId":"([^"]+)"/.exec(raw.text)![1]
    raw.socket.pause()
    const ops = ['a', 'b'].map((key) => openPath(key, '/api/stream', { window: 16 * 1024 * 1024 }))
    await fetch(`${url}/api/channel/ops`, { method: 'POST', body: JSON.stringify({ channelId, ops }) })
    await eventually(() => server.clients.length === 2)
    const data = 'x'.repeat(64 * 1024)
    for (let count = 0; count < 500; count++) server.broadcast({ data })
    // Time goes on only while nothing is written: a write that is taken begins it anew.
    while (server.clients.length > 0) {
      await new Promise((resolve) => setImmediate(resolve))
      await clock.advance(10_000)
    }
    raw.close()
  })
})
