/** The lifecycle of a server: its port and URL, kill, restart and close. */
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { startMockServer } from '../../../mock-server/node/mock-server.ts'
import { waitUntil, openLocalTestServer } from '../support/local-test-server.ts'
import { openRawClient } from '../support/raw-client.ts'
import { openStreamReader } from '../support/stream-reader.ts'

test('the server listens on a free loopback port, and its URL has no trailing slash', async () => {
  const { server } = await openLocalTestServer()
  expect(server.port).toBeGreaterThan(0)
  expect(server.url).toBe(`http://127.0.0.1:${server.port}`)
})

test('an IPv6 host has brackets in the URL', async () => {
  const server = await startMockServer({ host: '::1' })
  expect(server.url).toBe(`http://[::1]:${server.port}`)
  expect((await fetch(`${server.url}/_mock`)).status).toBe(200)
  await server.close()
})

test('startMockServer rejects if the port is in use', async () => {
  const { server } = await openLocalTestServer()
  await expect(startMockServer({ port: server.port, tick: 1 })).rejects.toMatchObject({ code: 'EADDRINUSE' })
})

test('startMockServer rejects an invalid scenario', async () => {
  await expect(startMockServer({ scenario: 'explode' })).rejects.toThrow(TypeError)
})

describe('kill and restart', () => {
  test('repeated restarts keep the port', async () => {
    const { server, url } = await openLocalTestServer()
    for (let count = 0; count < 5; count++) {
      await server.kill()
      await server.restart()
      const client = openRawClient(`${url}/api/stream`)
      await client.waitForText('connected')
      client.close()
    }
    expect(server.url).toBe(url)
  })

  test('kill destroys every socket, including idle ones, and is idempotent', async () => {
    const { server, url } = await openLocalTestServer()
    const clients = [
      openRawClient(`${url}/api/stream`),
      openRawClient(`${url}/api/generate?prompt=x`),
      openRawClient(`${url}/nothing`),
      openRawClient(`${url}/api/stream?fault=hang`),
    ]
    await Promise.all([clients[0]!.waitForText('connected'), clients[1]!.waitForText('start'), clients[2]!.status()])
    await server.kill()
    await server.kill()
    await Promise.all(clients.map(({ ended }) => ended))
    expect(clients[0]!.isComplete).toBe(false)
    expect(server.clients).toEqual([])
    await expect(fetch(`${url}/_mock`)).rejects.toThrow(TypeError)
  })

  test('restart kills a running server first', async () => {
    const { server, url } = await openLocalTestServer()
    const client = openRawClient(`${url}/api/stream`)
    await client.waitForText('connected')
    await server.restart()
    await client.ended
    expect((await openStreamReader(`${url}/api/stream`)).response.status).toBe(200)
  })

  test('two concurrent restarts act as one', async () => {
    const { server, url } = await openLocalTestServer()
    await Promise.all([server.restart(), server.restart()])
    await waitUntil(() => true)
    const client = openRawClient(`${url}/api/stream`)
    await client.waitForText('connected')
    client.close()
  })
})

describe('close', () => {
  test('close ends every stream cleanly, even a stalled one', async () => {
    const { server, url } = await openLocalTestServer()
    const clients = ['/api/stream', '/api/generate?prompt=x', '/api/stream?fault=stall-after:1'].map((path) =>
      openRawClient(url + path),
    )
    await Promise.all(clients.map((client) => client.waitForText('data: ')))
    const hanging = openRawClient(`${url}/api/stream?fault=hang`)
    const idle = openRawClient(`${url}/_mock`)
    await idle.status()
    await server.close()
    for (const client of clients) {
      expect(await client.ended).toBe('fin')
      expect(client.isComplete).toBe(true)
    }
    await hanging.ended
    await idle.ended
    expect(clients[1]!.text).not.toContain('event: end')
  })

  test('close is idempotent, works after kill, and is final', async () => {
    const { server, url } = await openLocalTestServer()
    await server.kill()
    await server.close()
    await server.close()
    await server.restart()
    await expect(fetch(`${url}/_mock`)).rejects.toThrow(TypeError)
  })

  test('close leaves no timer', async () => {
    const { server, url, clock } = await openLocalTestServer({ tick: 100 })
    const client = openRawClient(`${url}/api/generate?prompt=x`)
    await client.waitForText('start')
    await server.close()
    await client.ended
    expect(clock.pendingDelays).toEqual([])
  })

  test('`await using` closes the server', async () => {
    let url: string
    {
      await using server = await startMockServer()
      url = server.url
      expect((await fetch(`${url}/_mock`)).status).toBe(200)
    }
    await expect(fetch(`${url}/_mock`)).rejects.toThrow(TypeError)
  })
})

describe('the ticker', () => {
  test('the ticker sends numbered prices at the given interval, and the same prices for the same seed', async () => {
    const dataBySeed: string[][] = []
    for (const seed of [1, 1, 2]) {
      const { url, clock } = await openLocalTestServer({ tick: 100, seed })
      const reader = await openStreamReader(`${url}/api/stream`)
      await reader.readEvents(1)
      for (let count = 0; count < 5; count++) await clock.advance(100)
      const events = (await reader.readEvents(6)).slice(1)
      expect(events.every(({ type }) => type === 'price')).toBe(true)
      dataBySeed.push(events.map(({ data }) => data!))
      reader.close()
    }
    expect(dataBySeed[0]).toEqual(dataBySeed[1])
    expect(dataBySeed[0]).not.toEqual(dataBySeed[2])
    expect(JSON.parse(dataBySeed[0]![0]!)).toEqual({ symbol: expect.any(String), value: expect.any(Number), count: 1 })
    expect(dataBySeed[0]!.map((data) => (JSON.parse(data) as { count: number }).count)).toEqual([1, 2, 3, 4, 5])
  })
})

test('a request that neither a route nor a folder answers goes to the fallback, with its body', async () => {
  const { url } = await openLocalTestServer({
    folders: { '/': fileURLToPath(new URL('.', import.meta.url)) },
    fallback: (request, response) => void request.pipe(response.writeHead(200, { 'x-path': request.url })),
  })
  const response = await fetch(`${url}/echo?a=1`, { method: 'POST', body: 'hello' })
  expect(response.headers.get('x-path')).toBe('/echo?a=1')
  expect(await response.text()).toBe('hello')
  expect((await fetch(`${url}/server.test.ts`)).headers.get('x-path')).toBeNull()
  expect((await fetch(`${url}/_mock`)).headers.get('x-path')).toBeNull()
})
