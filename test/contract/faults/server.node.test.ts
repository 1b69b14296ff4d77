/** Faults 44 to 48 in docs/faults.md: misbehaving clients of the mock server, over real sockets. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type MockServer, type MockServerOptions, startMockServer } from '../../../mock-server/node/mock-server.ts'
import { type PortTraffic, recordPort, forgetPort } from '../../setup/port-traffic.ts'
import { createSyncManualClock } from '../../setup/sync-manual-clock.ts'
import { waitUntil } from '../wait-until.ts'
import { get, openRawClient } from './raw-client.ts'

async function open(options: MockServerOptions = {}): Promise<{ server: MockServer; traffic: PortTraffic }> {
  const server = await startMockServer(options)
  const traffic = recordPort(server.port)
  onTestFinished(async () => {
    forgetPort(server.port)
    await server.kill()
    await server.close()
  })
  return { server, traffic }
}

test.each(['a\rb', 'a\nb', 'a\0b'])(
  '[F44][P1.2] broadcasting an event named %j throws a TypeError and writes nothing',
  async (type) => {
    const { server } = await open()
    const client = openRawClient(server.port, get('/api/stream'))
    await waitUntil(() => client.received.includes('connected'))
    expect(() => server.broadcast({ type, data: 'unwritten' })).toThrow(TypeError)
    const response = await fetch(`${server.url}/api/broadcast`, {
      method: 'POST',
      body: JSON.stringify({ type, data: 'unwritten' }),
    })
    expect(response.status).toBe(400)
    server.broadcast({ type: 'good', data: 'line\r\nbreak\0' })
    await waitUntil(() => client.received.includes('event: good'))
    expect(client.received).not.toContain('unwritten')
    expect(client.received).toContain('data: "line\\r\\nbreak\\u0000"\n')
  },
)

test('[F45] clients that disconnect before the first write are removed', async () => {
  const { server, traffic } = await open({ clock: createSyncManualClock(), scenario: { 'head-delay': 1_000 } })
  const clients = Array.from({ length: 5 }, () => openRawClient(server.port, get('/api/stream')))
  await waitUntil(() => traffic.requests.length === 5)
  for (const { socket } of clients) socket.destroy()
  await waitUntil(() => traffic.sockets.size === 0)
  expect(server.clients).toEqual([])
})

test('[F45] a thousand clients that disconnect mid-stream are removed, and the remaining client is served', async () => {
  const { server, traffic } = await open()
  const remaining = openRawClient(server.port, get('/api/stream'))
  await waitUntil(() => server.clients.length === 1)
  for (let round = 0; round < 10; round++) {
    const clients = Array.from({ length: 100 }, () => openRawClient(server.port, get('/api/stream')))
    await waitUntil(() => server.clients.length === 101)
    server.broadcast({ data: round })
    for (const [index, { socket }] of clients.entries()) {
      if (index % 2) socket.destroy()
      else socket.resetAndDestroy()
    }
    server.broadcast({ data: 'after the disconnects' })
    await waitUntil(() => server.clients.length === 1)
  }
  await waitUntil(() => traffic.sockets.size === 1)
  server.broadcast({ data: 'still here' })
  await waitUntil(() => remaining.received.includes('still here'))
})

test('[F45][P3.5] a run whose client disconnects continues and is stopped if no reader returns', async () => {
  const clock = createSyncManualClock()
  const { server } = await open({ clock, delay: 100, abandon: 2_000, answers: { '*': 'x'.repeat(1_000) } })
  const client = openRawClient(server.port, get('/api/generate?prompt=p'))
  await waitUntil(() => server.runs[0]?.readers === 1)
  client.socket.destroy()
  await waitUntil(() => server.runs[0]!.readers === 0)
  clock.advance(1_000)
  await waitUntil(() => server.runs[0]!.text.length === 10)
  expect(server.runs).toMatchObject([{ state: 'running' }])
  clock.advance(1_000)
  await waitUntil(() => server.runs[0]!.state === 'finished')
  expect(server.runs[0]!.text.length).toBeLessThan(25)
})

/** Opens a client that requests the feed and stops reading after `connected`. */
async function openPausedClient(server: MockServer): Promise<ReturnType<typeof openRawClient>> {
  const client = openRawClient(server.port, get('/api/stream'))
  await waitUntil(() => client.received.includes('connected'))
  client.socket.pause()
  return client
}

const largeEvent = { data: 'x'.repeat(64 * 1024) }

test('[F46] a client that stops reading holds up at most one write, and is dropped once its next event is no longer in the log', async () => {
  const { server, traffic } = await open({ history: 400 })
  await openPausedClient(server)
  const [socket] = traffic.sockets
  const pendingBytes = () => socket!.writableLength
  for (let sent = 0; sent < 399; sent++) server.broadcast(largeEvent)
  await waitUntil(pendingBytes)
  const written = await waitUntil(async () => {
    const before = socket!.bytesWritten
    await new Promise((resolve) => setImmediate(resolve))
    return pendingBytes() && socket!.bytesWritten === before && before
  })
  expect(written).toBeLessThan(399 * 64 * 1024)
  expect(pendingBytes()).toBeLessThan(3 * 64 * 1024)
  expect(server.clients).toHaveLength(1)
  for (let sent = 0; sent < 400; sent++) server.broadcast(largeEvent)
  await waitUntil(() => traffic.sockets.size === 0)
  expect(server.clients).toEqual([])
})

test('[F46] a client that stops reading is dropped after drainTimeout, and other clients are not affected', async () => {
  const clock = createSyncManualClock()
  const { server, traffic } = await open({ clock, drainTimeout: 30_000 })
  await openPausedClient(server)
  const reader = openRawClient(server.port, get('/api/stream'))
  await waitUntil(() => server.clients.length === 2)
  const [socket] = traffic.sockets
  for (let sent = 0; sent < 400; sent++) server.broadcast(largeEvent)
  server.broadcast({ data: 'the last one' })
  await waitUntil(() => reader.received.includes('the last one'))
  expect(socket!.writableLength).toBeGreaterThan(0)
  clock.advance(30_000)
  await waitUntil(() => traffic.sockets.size === 1)
  expect(server.clients).toHaveLength(1)
})

test('[F47] clients that never finish their headers are dropped, and other clients are served meanwhile', async () => {
  const { server } = await open({ headersTimeout: 100 })
  const slow = Array.from({ length: 500 }, () => openRawClient(server.port, get('/api/stream'), 'open'))
  const reader = openRawClient(server.port, get('/api/stream'))
  await waitUntil(() => reader.received.includes('connected'))
  await Promise.all(slow.map(({ closed }) => closed))
  expect(slow.filter(({ received }) => received.includes('200 OK'))).toEqual([])
  expect(server.clients).toHaveLength(1)
})

test('[F47][P1.4] connections beyond maxConnections get 503 with Retry-After', async () => {
  const { server } = await open({ maxConnections: 3 })
  const readers = Array.from({ length: 3 }, () => openRawClient(server.port, get('/api/stream')))
  await waitUntil(() => server.clients.length === 3)
  const surplus = openRawClient(server.port, get('/api/stream'))
  await surplus.closed
  expect(surplus.received).toMatch(/^HTTP\/1\.1 503 /)
  expect(surplus.received).toMatch(/\r\nretry-after: \d+\r\n/i)
  expect(surplus.received).toContain('application/problem+json')
  readers[0]!.socket.destroy()
  await waitUntil(() => server.clients.length === 2)
  const next = openRawClient(server.port, get('/api/stream'))
  await waitUntil(() => next.received.includes('connected'))
})

const escapes = [
  '/../secret.txt',
  '/a/../../secret.txt',
  '/%2e%2e/secret.txt',
  '/%2E%2E%2fsecret.txt',
  '/..%5csecret.txt',
  '/..\\secret.txt',
  '/%252e%252e/secret.txt',
  '/page.html%00.txt',
  '/page.html%00',
  '/link.txt',
  '/links/secret.txt',
  '/%',
  '//secret.txt',
]
test.each(escapes)('[F48] the path %s cannot escape the static folder', async (path) => {
  const root = mkdtempSync(join(tmpdir(), 'rivulet-static-'))
  onTestFinished(() => rmSync(root, { recursive: true }))
  const demo = join(root, 'demo')
  mkdirSync(demo)
  writeFileSync(join(root, 'secret.txt'), 'secret')
  writeFileSync(join(demo, 'page.html'), 'page')
  symlinkSync(join(root, 'secret.txt'), join(demo, 'link.txt'))
  symlinkSync(root, join(demo, 'links'))
  const { server } = await open({ folders: { '/': demo } })
  const page = openRawClient(server.port, [...get('/page.html'), 'Connection: close'])
  await page.closed
  expect(page.received).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\npage$/)
  const client = openRawClient(server.port, [...get(path), 'Connection: close'])
  await client.closed
  expect(client.received).toMatch(/^HTTP\/1\.1 404 /)
  expect(client.received).not.toMatch(/\r\n\r\n[^]*(secret\n?$|page$)/)
})
