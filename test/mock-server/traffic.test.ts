/** The figures of connections: what each is for, how it is compressed, what it has carried, what waits. */
import { describe, expect, test } from 'vitest'
import { createMock } from '../../mock-server/mock/mock.ts'
import { openCarrier, openPath, openRun } from './support/channel-client.ts'
import { openRaw } from './support/raw-client.ts'
import { openReading } from './support/stream-reader.ts'
import { eventually, serve } from './support/local-test-server.ts'

const accepting = (encoding: string): { headers: Record<string, string> } => ({
  headers: { 'accept-encoding': encoding },
})

describe('a connection', () => {
  test.each(['identity', 'gzip', 'br'] as const)(
    'in %s: bytes before and after compression, as the client counts them',
    async (encoding) => {
      const { url, server } = await serve()
      const plain = openRaw(`${url}/api/stream`, accepting('identity'))
      const raw = openRaw(`${url}/api/stream`, accepting(encoding))
      await plain.until('connected')
      await eventually(() => server.clients.length === 2 && server.connections.length === 2)
      for (let count = 0; count < 100; count++) {
        const id = server.broadcast({ type: 'note', data: 'the same again' })
        await plain.until(id)
      }
      const [, connection] = server.clients.map((client) => client.connection)
      expect(server.connections).toContain(connection)
      await eventually(() => connection!.bytes === plain.bytes.length && connection!.sent === raw.bytes.length)
      expect(connection).toMatchObject({ kind: 'feed', path: '/api/stream', encoding, streams: 1, buffered: 0 })
      if (encoding === 'identity') expect(connection!.sent).toBe(connection!.bytes)
      else expect(connection!.sent).toBeLessThan(connection!.bytes / 2)
      for (const client of [plain, raw]) client.close()
      await eventually(() => server.connections.length === 0)
    },
  )

  test('runs are among them, refusals and JSON are not', async () => {
    const { url, server } = await serve({ delay: 10 })
    const run = openRaw(`${url}/api/generate?prompt=x`)
    await run.until('start')
    await fetch(`${url}/_mock`)
    await fetch(`${url}/nowhere`)
    expect(server.connections.map(({ kind, path }) => [kind, path])).toEqual([['run', '/api/generate']])
    run.close()
  })

  test('what its client does not read is buffered', async () => {
    const { url, server } = await serve({ history: 100_000 })
    const raw = openRaw(`${url}/api/stream`)
    await raw.until('connected')
    raw.socket.pause()
    const data = 'x'.repeat(64 * 1024)
    for (let count = 0; count < 400; count++) server.broadcast({ data })
    await eventually(() => (server.connections[0]?.buffered ?? 0) > 0)
    expect(server.connections[0]!.buffered).toBeLessThan(1024 * 1024)
    raw.close()
  })
})

describe('a channel', () => {
  test('a hundred streams on it are one connection, and one socket', async () => {
    const { url, server } = await serve({ delay: 10 })
    const raw = openRaw(`${url}/api/channel`)
    await raw.until('channel')
    const before = server.sockets
    expect(before).toBe(1)
    const channelId = /"channelId":"([^"]+)"/.exec(raw.text)![1]
    const ops = Array.from({ length: 100 }, (_, index) => (index % 2 ? openRun(`k${index}`) : openPath(`k${index}`)))
    const body = JSON.stringify({ channelId, ops })
    await fetch(`${url}/api/channel/ops`, { method: 'POST', body, headers: { connection: 'close' } })
    await eventually(() => server.sockets === before)
    expect(server.connections).toHaveLength(1)
    expect(server.connections[0]).toMatchObject({ kind: 'channel', path: '/api/channel', streams: 100 })
    expect(server.clients).toHaveLength(50)
    expect(new Set(server.clients.map(({ connection }) => connection))).toEqual(new Set(server.connections))
    raw.close()
  })

  test('streams that end or are let go of are no longer counted', async () => {
    const { url, server } = await serve({ answers: ['x'], delay: 0 })
    const carrier = await openCarrier(url)
    await carrier.post(openRun('a'), openPath('b'), openPath('c'))
    await carrier.untilClosed('a')
    expect(server.connections[0]!.streams).toBe(2)
    await carrier.post({ op: 'close', key: 'b' })
    expect(server.connections[0]!.streams).toBe(1)
    carrier.reading.leave()
    await eventually(() => server.connections.length === 0)
  })
})

test('sockets are counted, idle ones too', async () => {
  const { url, server } = await serve()
  expect(server.sockets).toBe(0)
  const idle = openRaw(`${url}/nowhere`)
  await idle.status()
  expect([server.sockets, server.connections.length]).toEqual([1, 0])
  idle.close()
  await eventually(() => server.sockets === 0)
})

test('without a socket the bytes are counted as well', async () => {
  const mock = createMock()
  const reading = await openReading('/api/stream', {}, mock.fetch)
  await reading.take(1)
  const { connection } = mock.feed().clients[0]!
  expect(connection).toMatchObject({
    kind: 'feed',
    encoding: 'identity',
    bytes: Buffer.byteLength(reading.text),
    buffered: 0,
  })
  mock.close()
})
