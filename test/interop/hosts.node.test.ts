/** The handler serves feeds, runs and channels inside `node:http`, Express and Fastify. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type Express } from 'express'
import Fastify from 'fastify'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type NodeHandler, createNodeHandler } from '../../mock-server/node/node-handler.ts'
import { type Service, createService } from '../../mock-server/service/service.ts'
import { dataOf, eventsOf, textOf } from '../mock-server/support/blocks.ts'
import {
  controlOf,
  eventsOfItems,
  openChannelClient,
  openGetOperation,
  openRunOperation,
} from '../mock-server/support/channel-client.ts'
import { waitUntil } from '../mock-server/support/local-test-server.ts'
import { openRawClient } from '../mock-server/support/raw-client.ts'
import { openStreamReader } from '../mock-server/support/stream-reader.ts'

/** Starts a server with the handler; resolves with the handler's URL. */
type Host = (handler: NodeHandler) => Promise<string>

const listenExpress = (app: Express): Promise<string> =>
  new Promise((resolve) => {
    const server = app.listen(0, '127.0.0.1', () =>
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    )
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
  })

const hosts: Record<string, Host> = {
  'node:http': (handler) =>
    new Promise((resolve) => {
      const server = createServer(handler).listen(0, '127.0.0.1', () =>
        resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
      )
      onTestFinished(() => {
        server.closeAllConnections()
        server.close()
      })
    }),
  'Express, as middleware': (handler) => listenExpress(express().use(handler)),
  'Express, under a path': async (handler) => `${await listenExpress(express().use('/mock/here', handler))}/mock/here`,
  'Express, with its body parser': (handler) => listenExpress(express().use(express.json()).use(handler)),
  Fastify: async (handler) => {
    const app = Fastify({ forceCloseConnections: true })
    app.all('/*', handler)
    onTestFinished(() => app.close())
    return app.listen({ port: 0, host: '127.0.0.1' })
  },
}

async function host(name: string): Promise<{ url: string; service: Service }> {
  const service = createService({ answers: { 你好: '你好，世界 🧑‍🚀', Hi: 'Hello' }, delay: 1 })
  onTestFinished(() => service.close())
  const handler = createNodeHandler(service)
  return { url: await hosts[name]!(handler), service }
}

describe.each(Object.keys(hosts))('%s', (name) => {
  test('a feed delivers live events and can be resumed', async () => {
    const { url, service } = await host(name)
    const reader = await openStreamReader(`${url}/api/stream`)
    await reader.readEvents(1)
    const id = service.broadcast({ type: 'tick', data: 1 })
    service.broadcast({ type: 'tick', data: 2 })
    expect((await reader.readEvents(3)).slice(1).map(({ data }) => data)).toEqual(['1', '2'])
    reader.close()
    await waitUntil(() => service.feed().clients.length === 0)
    const again = await openStreamReader(`${url}/api/stream`, { headers: { 'last-event-id': id } })
    expect((await again.readEvents(2))[1]!.data).toBe('2')
    again.close()
  })

  test('a run started by POST can be read, resumed and deleted', async () => {
    const { url } = await host(name)
    const init = { method: 'POST', body: '{"prompt":"你好"}', headers: { 'content-type': 'application/json' } }
    const reader = await openStreamReader(`${url}/api/generate`, init)
    const { events } = await reader.readToEnd()
    expect(textOf(events)).toBe('你好，世界 🧑‍🚀')
    const resume = new URL(dataOf(events[0])['resume'] as string, reader.response.url)
    expect((await (await openStreamReader(resume.href)).readToEnd()).events).toEqual(events)
    expect((await fetch(resume, { method: 'DELETE' })).status).toBe(204)
  })

  test('[P5.2] a channel opens streams at the paths under which the host mounts the handler', async () => {
    const { url, service } = await host(name)
    const { origin, pathname } = new URL(url)
    const base = pathname === '/' ? '' : pathname
    const channel = await openChannelClient(url)
    expect(
      (
        await channel.post(
          openRunOperation('a', { path: `${base}/api/generate` }),
          openGetOperation('b', `${base}/api/stream`),
        )
      ).status,
    ).toBe(202)
    const events = eventsOfItems(await channel.readUntilClosed('a'))
    expect(textOf(events)).toBe('Hello')
    service.broadcast({ type: 'tick', data: 1 })
    await channel.readUntil('b', (all) => all.at(-1)?.type === 'tick')
    const resume = new URL(dataOf(events[0])['resume'] as string, origin)
    expect((await (await openStreamReader(resume.href)).readToEnd()).events).toEqual(events)
    if (base) {
      await channel.post(openGetOperation('c'))
      expect(controlOf(await channel.readUntilClosed('c'), 'open')['status']).toBe(404)
    }
    channel.reader.close()
    await waitUntil(() => service.feed().clients.length === 0)
  })

  test('the fault reset-after resets the socket', async () => {
    const { url } = await host(name)
    const client = openRawClient(`${url}/api/generate?prompt=你好&fault=${encodeURIComponent('reset-after:2,delay:0')}`)
    expect(await client.ended).toBe('reset')
    expect(eventsOf(client.text)).toHaveLength(2)
  })

  test('a POST request whose body is not JSON gets a 400', async () => {
    const { url } = await host(name)
    const response = await fetch(`${url}/api/generate`, {
      method: 'POST',
      body: 'nonsense',
      headers: { 'content-type': 'text/plain' },
    })
    // `text/plain`, because Fastify rejects invalid JSON itself but passes text on to the handler.
    expect(response.status).toBe(400)
  })
})

test('Express tries its other routes if the handler does not know the path', async () => {
  const service = createService()
  const app = express().use(createNodeHandler(service))
  app.get('/other', (_request, response) => response.send('other'))
  const url = await listenExpress(app)
  expect(await (await fetch(`${url}/other`)).text()).toBe('other')
  expect((await fetch(`${url}/unknown`)).headers.get('content-type')).toContain('text/html')
  service.close()
})
