/** A server's life: its port, its url, how it is killed, restarted and closed. */
import { describe, expect, test } from 'vitest'
import { startMockServer } from '../../mock-server/node/mock-server.ts'
import { openRaw } from './support/raw-client.ts'
import { openReading } from './support/stream-reader.ts'
import { eventually, serve } from './support/local-test-server.ts'

test('a free port, on this machine alone, without a slash at the end of the url', async () => {
  const { server } = await serve()
  expect(server.port).toBeGreaterThan(0)
  expect(server.url).toBe(`http://127.0.0.1:${server.port}`)
})

test('an IPv6 host has its brackets', async () => {
  const server = await startMockServer({ host: '::1' })
  expect(server.url).toBe(`http://[::1]:${server.port}`)
  expect((await fetch(`${server.url}/_mock`)).status).toBe(200)
  await server.close()
})

test('a port that is taken rejects', async () => {
  const { server } = await serve()
  await expect(startMockServer({ port: server.port, tick: 1 })).rejects.toMatchObject({ code: 'EADDRINUSE' })
})

test('a scenario that cannot be is refused at once', async () => {
  await expect(startMockServer({ scenario: 'explode' })).rejects.toThrow(TypeError)
})

describe('kill and restart', () => {
  test('the port stays the same, however often', async () => {
    const { server, url } = await serve()
    for (let count = 0; count < 5; count++) {
      await server.kill()
      await server.restart()
      const client = openRaw(`${url}/api/stream`)
      await client.until('connected')
      client.close()
    }
    expect(server.url).toBe(url)
  })

  test('kill drops every socket, idle ones too, and is idempotent', async () => {
    const { server, url } = await serve()
    const clients = [
      openRaw(`${url}/api/stream`),
      openRaw(`${url}/api/generate?prompt=x`),
      openRaw(`${url}/nothing`),
      openRaw(`${url}/api/stream?fault=hang`),
    ]
    await Promise.all([clients[0]!.until('connected'), clients[1]!.until('start'), clients[2]!.status()])
    await server.kill()
    await server.kill()
    await Promise.all(clients.map(({ ended }) => ended))
    expect(clients[0]!.complete).toBe(false)
    expect(server.clients).toEqual([])
    await expect(fetch(`${url}/_mock`)).rejects.toThrow(TypeError)
  })

  test('restart without kill kills first', async () => {
    const { server, url } = await serve()
    const client = openRaw(`${url}/api/stream`)
    await client.until('connected')
    await server.restart()
    await client.ended
    expect((await openReading(`${url}/api/stream`)).response.status).toBe(200)
  })

  test('two restarts at once are one', async () => {
    const { server, url } = await serve()
    await Promise.all([server.restart(), server.restart()])
    await eventually(() => true)
    const client = openRaw(`${url}/api/stream`)
    await client.until('connected')
    client.close()
  })
})

describe('close', () => {
  test('ends streams in good order, whatever they are doing', async () => {
    const { server, url } = await serve()
    const clients = ['/api/stream', '/api/generate?prompt=x', '/api/stream?fault=stall-after:1'].map((path) =>
      openRaw(url + path),
    )
    await Promise.all(clients.map((client) => client.until('data: ')))
    const hanging = openRaw(`${url}/api/stream?fault=hang`)
    const idle = openRaw(`${url}/_mock`)
    await idle.status()
    await server.close()
    for (const client of clients) {
      expect(await client.ended).toBe('fin')
      expect(client.complete).toBe(true)
    }
    await hanging.ended
    await idle.ended
    expect(clients[1]!.text).not.toContain('event: end')
  })

  test('twice, and after kill, and it stays closed', async () => {
    const { server, url } = await serve()
    await server.kill()
    await server.close()
    await server.close()
    await server.restart()
    await expect(fetch(`${url}/_mock`)).rejects.toThrow(TypeError)
  })

  test('leaves no timer', async () => {
    const { server, url, clock } = await serve({ tick: 100 })
    const client = openRaw(`${url}/api/generate?prompt=x`)
    await client.until('start')
    await server.close()
    await client.ended
    expect(clock.due).toEqual([])
  })

  test('await using closes', async () => {
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
  test('sends prices at its interval, the same for the same seed, counted without holes', async () => {
    const seen: string[][] = []
    for (const seed of [1, 1, 2]) {
      const { url, clock } = await serve({ tick: 100, seed })
      const reading = await openReading(`${url}/api/stream`)
      await reading.take(1)
      for (let count = 0; count < 5; count++) await clock.advance(100)
      const events = (await reading.take(6)).slice(1)
      expect(events.every(({ type }) => type === 'price')).toBe(true)
      seen.push(events.map(({ data }) => data!))
      reading.leave()
    }
    expect(seen[0]).toEqual(seen[1])
    expect(seen[0]).not.toEqual(seen[2])
    expect(JSON.parse(seen[0]![0]!)).toEqual({ symbol: expect.any(String), value: expect.any(Number), count: 1 })
    expect(seen[0]!.map((data) => (JSON.parse(data) as { count: number }).count)).toEqual([1, 2, 3, 4, 5])
  })
})
