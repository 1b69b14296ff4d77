/** Server faults: injections; clients that disconnect, never read or never send a request; path traversal. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { type AddressInfo, type Socket, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createNodeHandler } from '../../../mock-server/node/node-handler.ts'
import { createService } from '../../../mock-server/service/service.ts'
import { dataOf, textOf } from '../support/blocks.ts'
import { waitUntil, openLocalTestServer } from '../support/local-test-server.ts'
import { createManualServerClock } from '../support/manual-server-clock.ts'
import { openRawClient, watchSocket } from '../support/raw-client.ts'
import { openStreamReader } from '../support/stream-reader.ts'

describe('[F44] injections', () => {
  const names = ['a\rb', 'a\nb', 'a\r\nb', 'a\0b', '\n', 'note\ndata: forged\n\nevent: x']

  test.each(names)(
    '[P1.2] broadcasting an event of type %j throws a TypeError, and nothing is sent or kept',
    async (type) => {
      const { server, url } = await openLocalTestServer()
      const reader = await openStreamReader(`${url}/api/stream`)
      const [connected] = await reader.readEvents(1)
      expect(() => server.broadcast({ type, data: 1 })).toThrow(TypeError)
      expect(server.service.feed().keptEvents).toBe(0)
      server.broadcast({ type: 'fine', data: 2 })
      const events = await reader.readEvents(2)
      expect(events[1]).toMatchObject({ type: 'fine', data: '2' })
      expect(reader.text.match(/^event: /gm)).toHaveLength(2)
      reader.close()
      const again = await openStreamReader(`${url}/api/stream`, { headers: { 'last-event-id': connected!.id! } })
      expect((await again.readEvents(2))[1]!.data).toBe('2')
      again.close()
    },
  )

  test.each(names)('[P1.2] a POST with event type %j gets a 400', async (type) => {
    const { url, server } = await openLocalTestServer()
    const response = await fetch(`${url}/api/broadcast`, { method: 'POST', body: JSON.stringify({ type, data: 1 }) })
    expect(response.status).toBe(400)
    expect(server.service.feed().keptEvents).toBe(0)
  })

  test('newlines in a prompt stay within the data', async () => {
    const prompt = 'x\n\nevent: end\ndata: {}\n\n\r\rid: 1\0'
    const { url } = await openLocalTestServer({ delay: 0, answers: { [prompt]: prompt } })
    const { events } = await (
      await openStreamReader(`${url}/api/generate?prompt=${encodeURIComponent(prompt)}`)
    ).readToEnd()
    expect(dataOf(events[0])['prompt']).toBe(prompt)
    expect(textOf(events)).toBe(prompt)
    expect(events.filter(({ type }) => type === 'end')).toHaveLength(1)
  })

  test('a scenario with a newline in the type of an extra event is rejected', async () => {
    const { server } = await openLocalTestServer()
    expect(() => server.setScenario({ events: [{ after: 0, type: 'a\nb', data: 1 }] })).toThrow(TypeError)
  })
})

describe('[F45] clients that disconnect', () => {
  test('a client that disconnects before the response leaves no reader and no timer', async () => {
    const { url, server, clock } = await openLocalTestServer({
      scenario: [
        { path: '/api/generate', 'head-delay': 5_000 },
        { path: '/api/stream', hang: true },
      ],
    })
    const timers = clock.pendingDelays.length
    const slow = openRawClient(`${url}/api/generate?prompt=x`)
    const hanging = openRawClient(`${url}/api/stream`)
    await waitUntil(() => clock.pendingDelays.length > timers)
    expect(server.runs[0]!.readers).toBe(1)
    slow.close()
    hanging.close()
    await waitUntil(() => server.runs[0]!.readers === 0)
    expect(clock.pendingDelays).not.toContain(5_000)
    expect(server.clients).toEqual([])
  })

  test('feed and run clients that disconnect mid-stream are removed, while the run continues', async () => {
    const { url, server, clock } = await openLocalTestServer({ answers: ['abcdef'], delay: 10 })
    const feed = openRawClient(`${url}/api/stream`)
    const run = openRawClient(`${url}/api/generate?prompt=x`)
    await feed.waitForText('connected')
    await run.waitForText('start')
    expect(server.clients).toHaveLength(1)
    feed.close()
    run.close()
    await waitUntil(() => server.clients.length === 0 && server.runs[0]!.readers === 0)
    await clock.advance(1_000)
    expect(server.runs[0]).toMatchObject({ state: 'finished', text: 'abcdef' })
  })

  test('a reset by an idle client is detected', async () => {
    const { url, server } = await openLocalTestServer()
    const client = openRawClient(`${url}/api/stream`)
    await client.waitForText('connected')
    client.socket.resetAndDestroy()
    await waitUntil(() => server.clients.length === 0)
  })

  test('a thousand disconnects leave no client, reader, timer or watcher', { timeout: 30_000 }, async () => {
    const { url, server, clock } = await openLocalTestServer({
      answers: ['0123456789'],
      delay: 1_000,
      heartbeat: 10_000,
      maxRuns: 1_000,
    })
    const timers = clock.pendingDelays.length
    for (let batch = 0; batch < 10; batch++) {
      const clients = Array.from({ length: 100 }, (_, index) =>
        openRawClient(url + (index % 2 ? '/api/stream' : '/api/generate?prompt=x')),
      )
      // A third of the clients disconnect at once, a third after the headers, and a third in the middle of the events.
      await Promise.all(
        clients.map(async (client, index) => {
          if (index % 3 === 1) await client.status()
          if (index % 3 === 2) await client.waitForText('data: ')
          client.close()
        }),
      )
    }
    const client = openRawClient(`${url}/api/stream`)
    await client.waitForText('connected')
    await waitUntil(() => server.clients.length === 1 && server.runs.every(({ readers }) => readers === 0))
    client.close()
    await waitUntil(() => server.clients.length === 0)
    // The runs continue until they are abandoned; no other timer is left.
    await clock.advance(120_000)
    expect(server.runs).toEqual([])
    expect(clock.pendingDelays.length).toBe(timers)
  })
})

describe('[F46] clients that never read', () => {
  const large = 'x'.repeat(64 * 1024)

  /** Starts a server that exposes its sockets. */
  async function serveBare(options: { history?: number; drainTimeout?: number } = {}) {
    const clock = createManualServerClock()
    const service = createService({ clock, history: options.history ?? 1_000, heartbeat: 0 })
    const sockets: Socket[] = []
    const server = createServer(createNodeHandler(service, { clock, ...options }))
    server.on('connection', (socket: Socket) => sockets.push(socket))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      service.close()
      server.closeAllConnections()
      server.close()
    })
    return { service, sockets, clock, port: (server.address() as AddressInfo).port }
  }

  async function openPausedClient(port: number): Promise<Socket> {
    const socket = connect(port, '127.0.0.1')
    socket.pause()
    await new Promise<void>((resolve) => socket.once('connect', resolve))
    socket.write('GET /api/stream HTTP/1.1\r\nhost: x\r\n\r\n')
    return socket
  }

  test('write backpressure limits the server to one buffered write', { timeout: 30_000 }, async () => {
    const { service, sockets, port } = await serveBare()
    const pausedClient = await openPausedClient(port)
    await waitUntil(() => service.feed().clients.length === 1)
    let maxBuffered = 0
    for (let count = 0; count < 900; count++) {
      service.broadcast({ data: large })
      await new Promise((resolve) => setImmediate(resolve))
      maxBuffered = Math.max(maxBuffered, sockets[0]!.writableLength)
    }
    expect(maxBuffered).toBeGreaterThan(0)
    expect(maxBuffered).toBeLessThan(256 * 1024)
    pausedClient.destroy()
  })

  test(
    'a client is dropped once the next event that it must receive is no longer kept, while others continue',
    { timeout: 30_000 },
    async () => {
      const { service, port } = await serveBare({ history: 100 })
      const pausedClient = await openPausedClient(port)
      const busy = connect(port, '127.0.0.1')
      let received = 0
      busy.on('data', (bytes: Buffer) => (received += bytes.length))
      busy.write('GET /api/stream HTTP/1.1\r\nhost: x\r\n\r\n')
      await waitUntil(() => service.feed().clients.length === 2)
      let sent = 0
      while (service.feed().clients.length === 2) {
        service.broadcast({ data: large })
        sent += large.length
        await waitUntil(() => received > sent)
      }
      service.broadcast({ data: large })
      await waitUntil(() => received > sent + large.length)
      expect(service.feed().clients).toHaveLength(1)
      for (const socket of [busy, pausedClient]) socket.destroy()
    },
  )

  test('a client that blocks a single write is dropped after drainTimeout', { timeout: 30_000 }, async () => {
    const { service, clock, sockets, port } = await serveBare({ drainTimeout: 30_000 })
    const pausedClient = await openPausedClient(port)
    await waitUntil(() => service.feed().clients.length === 1)
    service.broadcast({ data: 'x'.repeat(32 * 1024 * 1024) })
    await waitUntil(() => sockets[0]!.writableLength > 0 && clock.pendingDelays.includes(30_000))
    await clock.advance(29_999)
    expect(service.feed().clients).toHaveLength(1)
    await clock.advance(1)
    await waitUntil(() => service.feed().clients.length === 0)
    expect(sockets[0]!.destroyed).toBe(true)
    pausedClient.destroy()
  })
})

describe('[F47] clients that never send a request', () => {
  test('500 slow clients are dropped by the header timeout while others are served', { timeout: 30_000 }, async () => {
    const { url, server } = await openLocalTestServer({ headersTimeout: 300 })
    const slow = await Promise.all(
      Array.from({ length: 500 }, async () => {
        const socket = connect(server.port, '127.0.0.1')
        await new Promise<void>((resolve) => socket.once('connect', resolve))
        socket.write('GET /api/stream HTTP/1.1\r\nhost: x\r\nx-slow: ')
        return watchSocket(socket)
      }),
    )
    const reader = await openStreamReader(`${url}/api/stream`)
    await reader.readEvents(1)
    const outcomes = await Promise.all(slow.map(({ ended }) => ended))
    expect(outcomes).toHaveLength(500)
    expect(slow.every(({ receivedText }) => receivedText === '' || receivedText.startsWith('HTTP/1.1 408'))).toBe(true)
    expect(server.clients).toHaveLength(1)
    reader.close()
  })

  test('a request beyond maxConnections gets a 503 with Retry-After, until a connection is free', async () => {
    const { url, server } = await openLocalTestServer({ maxConnections: 2 })
    const served = [openRawClient(`${url}/api/stream`), openRawClient(`${url}/api/stream`)]
    for (const client of served) await client.waitForText('connected')
    const surplus = openRawClient(`${url}/api/stream`)
    expect(await surplus.status()).toBe(503)
    expect(surplus.head.toLowerCase()).toContain('retry-after: 1')
    expect(surplus.head.toLowerCase()).toContain('content-type: application/problem+json')
    expect(await surplus.ended).toBe('fin')
    served[0]!.close()
    await waitUntil(() => server.clients.length === 1)
    const next = openRawClient(`${url}/api/stream`)
    await next.waitForText('connected')
    for (const client of [served[1]!, next]) client.close()
  })

  test('a socket far beyond maxConnections is destroyed without a response', async () => {
    const { url } = await openLocalTestServer({ maxConnections: 1 })
    const first = openRawClient(`${url}/api/stream`)
    await first.waitForText('connected')
    const idle = connect(new URL(url).port as unknown as number, '127.0.0.1')
    await new Promise<void>((resolve) => idle.once('connect', resolve))
    const third = openRawClient(`${url}/api/stream`)
    await third.ended
    expect(third.receivedText).toBe('')
    idle.destroy()
    first.close()
  })
})

describe('[F48] path traversal', () => {
  async function serveFolder() {
    const top = await mkdtemp(join(tmpdir(), 'rivulet-'))
    onTestFinished(() => rm(top, { recursive: true }))
    const demo = join(top, 'demo')
    await mkdir(join(demo, 'sub'), { recursive: true })
    await mkdir(join(top, 'demo-secret'))
    await writeFile(join(top, 'secret.txt'), 'secret')
    await writeFile(join(top, 'demo-secret', 'file.txt'), 'secret')
    await writeFile(join(demo, 'index.html'), '<!doctype html><title>demo</title>')
    await writeFile(join(demo, 'page 1.html'), 'a page')
    await writeFile(join(demo, 'sub', 'script.js'), 'export {}')
    await symlink(join(top, 'secret.txt'), join(demo, 'link.txt'))
    await symlink(top, join(demo, 'up'))
    await symlink(join(demo, 'index.html'), join(demo, 'inside.html'))
    return openLocalTestServer({ folders: { '/': demo } })
  }
  /** Requests the path exactly as given; `fetch` would normalize it. */
  async function request(
    port: number,
    path: string,
    method = 'GET',
  ): Promise<{ status: number; receivedText: string; head: string }> {
    const socket = connect(port, '127.0.0.1')
    socket.write(`${method} ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`, 'latin1')
    const client = watchSocket(socket)
    await client.ended
    return {
      status: Number(client.receivedText.split(' ')[1]),
      receivedText: client.receivedText,
      head: client.head.toLowerCase(),
    }
  }

  test.each([
    '/../secret.txt',
    '/sub/../../secret.txt',
    '/%2e%2e/secret.txt',
    '/%2E%2E%2Fsecret.txt',
    '/..%2fsecret.txt',
    '/..%5csecret.txt',
    String.raw`/..\secret.txt`,
    '/%252e%252e/secret.txt',
    '/../demo-secret/file.txt',
    '/link.txt',
    '/up/secret.txt',
    '/up',
    '/index.html%00',
    '/secret%00.txt',
    '/%',
    '/%ff',
    '/sub',
    '/nothing.html',
    '//secret.txt',
    '//etc/passwd',
  ])('%s gets a 404', async (path) => {
    const { server } = await serveFolder()
    const { status, receivedText } = await request(server.port, path)
    expect(status).toBe(404)
    expect(receivedText).not.toContain('secret\n')
    expect(receivedText.endsWith('secret')).toBe(false)
  })

  test('files inside the folder are served with their content type', async () => {
    const { server, url } = await serveFolder()
    for (const [path, type] of [
      ['/', 'text/html; charset=utf-8'],
      ['/index.html?query=1', 'text/html; charset=utf-8'],
      ['/page%201.html', 'text/html; charset=utf-8'],
      ['/inside.html', 'text/html; charset=utf-8'],
      ['/sub/script.js', 'text/javascript; charset=utf-8'],
    ]) {
      const { status, head } = await request(server.port, path!)
      expect(status, path).toBe(200)
      expect(head).toContain(`content-type: ${type}`)
      expect(head).toContain('x-content-type-options: nosniff')
    }
    const head = await request(server.port, '/index.html', 'HEAD')
    expect(head.status).toBe(200)
    expect(head.receivedText.endsWith('\r\n\r\n')).toBe(true)
    expect((await fetch(`${url}/index.html`, { method: 'POST' })).status).toBe(404)
  })

  test('folders do not hide the API', async () => {
    const { url } = await serveFolder()
    const reader = await openStreamReader(`${url}/api/stream`)
    await reader.readEvents(1)
    reader.close()
  })
})
