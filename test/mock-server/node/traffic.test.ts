/** Traffic figures of connections: kind, compression, bytes sent and buffered, number of streams. */
import { describe, expect, test } from 'vitest'
import { createMock } from '../../../mock-server/mock/mock.ts'
import { openChannelClient, openGetOperation, openRunOperation } from '../support/channel-client.ts'
import { waitUntil, openLocalTestServer } from '../support/local-test-server.ts'
import { openRawClient } from '../support/raw-client.ts'
import { openStreamReader } from '../support/stream-reader.ts'

const accepting = (encoding: string): { headers: Record<string, string> } => ({
  headers: { 'accept-encoding': encoding },
})

describe('a connection', () => {
  test.each(['identity', 'gzip', 'br'] as const)(
    'the figures for encoding %s match the bytes that the client receives',
    async (encoding) => {
      const { url, server } = await openLocalTestServer()
      const plain = openRawClient(`${url}/api/stream`, accepting('identity'))
      const raw = openRawClient(`${url}/api/stream`, accepting(encoding))
      await plain.waitForText('connected')
      await waitUntil(() => server.clients.length === 2 && server.connections.length === 2)
      for (let count = 0; count < 100; count++) {
        const id = server.broadcast({ type: 'note', data: 'the same again' })
        await plain.waitForText(id)
      }
      const [, connection] = server.clients.map((client) => client.connection)
      expect(server.connections).toContain(connection)
      await waitUntil(() => connection!.bytes === plain.bytes.length && connection!.sent === raw.bytes.length)
      expect(connection).toMatchObject({ kind: 'feed', path: '/api/stream', encoding, streams: 1, buffered: 0 })
      if (encoding === 'identity') expect(connection!.sent).toBe(connection!.bytes)
      else expect(connection!.sent).toBeLessThan(connection!.bytes / 2)
      for (const client of [plain, raw]) client.close()
      await waitUntil(() => server.connections.length === 0)
    },
  )

  test('connections include runs, but not error or JSON responses', async () => {
    const { url, server } = await openLocalTestServer({ delay: 10 })
    const run = openRawClient(`${url}/api/generate?prompt=x`)
    await run.waitForText('start')
    await fetch(`${url}/_mock`)
    await fetch(`${url}/nowhere`)
    expect(server.connections.map(({ kind, path }) => [kind, path])).toEqual([['run', '/api/generate']])
    run.close()
  })

  test('bytes that the client does not read are counted as buffered', async () => {
    const { url, server } = await openLocalTestServer({ history: 100_000 })
    const raw = openRawClient(`${url}/api/stream`)
    await raw.waitForText('connected')
    raw.socket.pause()
    const data = 'x'.repeat(64 * 1024)
    for (let count = 0; count < 400; count++) server.broadcast({ data })
    await waitUntil(() => (server.connections[0]?.buffered ?? 0) > 0)
    expect(server.connections[0]!.buffered).toBeLessThan(1024 * 1024)
    raw.close()
  })
})

describe('a channel', () => {
  test('a hundred channel streams use one connection and one socket', async () => {
    const { url, server } = await openLocalTestServer({ delay: 10 })
    const raw = openRawClient(`${url}/api/channel`)
    await raw.waitForText('channel')
    const before = server.sockets
    expect(before).toBe(1)
    const channelId = /"channelId":"([^"]+)"/.exec(raw.text)![1]
    const ops = Array.from({ length: 100 }, (_, index) =>
      index % 2 ? openRunOperation(`k${index}`) : openGetOperation(`k${index}`),
    )
    const body = JSON.stringify({ channelId, ops })
    await fetch(`${url}/api/channel/ops`, { method: 'POST', body, headers: { connection: 'close' } })
    await waitUntil(() => server.sockets === before)
    expect(server.connections).toHaveLength(1)
    expect(server.connections[0]).toMatchObject({ kind: 'channel', path: '/api/channel', streams: 100 })
    expect(server.clients).toHaveLength(50)
    expect(new Set(server.clients.map(({ connection }) => connection))).toEqual(new Set(server.connections))
    raw.close()
  })

  test('streams that end or are closed are no longer counted', async () => {
    const { url, server } = await openLocalTestServer({ answers: ['x'], delay: 0 })
    const channel = await openChannelClient(url)
    await channel.post(openRunOperation('a'), openGetOperation('b'), openGetOperation('c'))
    await channel.readUntilClosed('a')
    expect(server.connections[0]!.streams).toBe(2)
    await channel.post({ op: 'close', key: 'b' })
    expect(server.connections[0]!.streams).toBe(1)
    channel.reader.close()
    await waitUntil(() => server.connections.length === 0)
  })
})

test('sockets are counted, including idle ones', async () => {
  const { url, server } = await openLocalTestServer()
  expect(server.sockets).toBe(0)
  const idle = openRawClient(`${url}/nowhere`)
  await idle.status()
  expect([server.sockets, server.connections.length]).toEqual([1, 0])
  idle.close()
  await waitUntil(() => server.sockets === 0)
})

test('the in-process mock counts bytes as well', async () => {
  const mock = createMock()
  const reader = await openStreamReader('/api/stream', {}, mock.fetch)
  await reader.readEvents(1)
  const { connection } = mock.feed().clients[0]!
  expect(connection).toMatchObject({
    kind: 'feed',
    encoding: 'identity',
    bytes: Buffer.byteLength(reader.text),
    buffered: 0,
  })
  mock.close()
})
