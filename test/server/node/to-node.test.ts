/** `toNode` in Express, Fastify and HTTP/2, behind middleware, and on connections that are used again. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { Agent, createServer as createHttpServer, request } from 'node:http'
import { connect, createServer as createHttp2Server } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import express from 'express'
import fastify from 'fastify'
import { expect, onTestFinished, test } from 'vitest'
import { toNode } from '../../../server/node/to-node.ts'
import { dataOf, eventsOf, textOf } from '../../mock-server/support/blocks.ts'
import { openStreamReader } from '../../mock-server/support/stream-reader.ts'
import { createTestServer } from '../support/faces.ts'

function createHandlers() {
  const { server } = createTestServer()
  const feed = server.feed<{ tick: number }>('ticks')
  const runs = server.runs<{ prompt: string }>({
    async *generate({ body }) {
      yield* body.prompt
    },
  })
  return { feed, runs }
}

const post = { method: 'POST', body: '{"prompt":"Hi"}', headers: { 'content-type': 'application/json' } }

/** Reads a run twice: as it is generated, and from its resume address. */
async function readRunTwice(url: string): Promise<void> {
  const reader = await openStreamReader(url, post)
  const { events } = await reader.readToEnd()
  expect(textOf(events)).toBe('Hi')
  const again = await openStreamReader(new URL(dataOf(events[0])['resume'] as string, reader.response.url).href)
  expect(textOf((await again.readToEnd()).events)).toBe('Hi')
}

test.each(['with a body parser', 'without a body parser'])('a router of Express, %s', async (setting) => {
  const { feed, runs } = createHandlers()
  const app = express()
  const router = express.Router()
  if (setting === 'with a body parser') app.use(express.json())
  router.get('/feed', toNode(feed.handler))
  router.all('/answers', toNode(runs.handler))
  app.use('/deep/api', router)
  const httpServer = await new Promise<Server>((resolve) => {
    const started = app.listen(0, '127.0.0.1', () => resolve(started))
  })
  onTestFinished(() => void httpServer.close())
  const url = `http://127.0.0.1:${(httpServer.address() as AddressInfo).port}/deep/api`
  await readRunTwice(`${url}/answers`)
  const reader = await openStreamReader(`${url}/feed`)
  await reader.readEvents(1)
  await feed.send('tick', 1)
  await reader.readEvents(2)
  reader.close()
})

test('an error of a handler that is not of this package reaches the error handler of Express', async () => {
  const app = express()
  const failing = toNode(() => Promise.reject(new Error('broken')))
  app.get('/', failing)
  app.use((_error: unknown, _request: IncomingMessage, response: ServerResponse, _next: () => void) => {
    response.writeHead(599).end()
  })
  const httpServer = await new Promise<Server>((resolve) => {
    const started = app.listen(0, '127.0.0.1', () => resolve(started))
  })
  onTestFinished(() => void httpServer.close())
  expect((await fetch(`http://127.0.0.1:${(httpServer.address() as AddressInfo).port}/`)).status).toBe(599)
})

test('Fastify, with its parsed bodies', async () => {
  const { feed, runs } = createHandlers()
  const app = fastify()
  app.get('/feed', toNode(feed.handler))
  app.all('/answers', toNode(runs.handler))
  onTestFinished(() => app.close())
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  await readRunTwice(`${url}/answers`)
  const reader = await openStreamReader(`${url}/feed`)
  await reader.readEvents(1)
  reader.close()
})

test('HTTP/2', async () => {
  const { feed } = createHandlers()
  const httpServer = createHttp2Server(toNode(feed.handler))
  await new Promise<void>((resolve) => void httpServer.listen(0, '127.0.0.1', resolve))
  const session = connect(`http://127.0.0.1:${(httpServer.address() as AddressInfo).port}`)
  onTestFinished(() => {
    session.destroy()
    httpServer.close()
  })
  const stream = session.request({ ':path': '/feed' })
  let text = ''
  const received = (part: string): Promise<void> =>
    new Promise((resolve) => {
      const check = (): void => void (text.includes(part) && resolve())
      stream.on('data', check)
      check()
    })
  stream.setEncoding('utf8').on('data', (piece: string) => (text += piece))
  await received('connected')
  await feed.send('tick', 1)
  await received('event: tick')
  expect(eventsOf(text).map(({ type }) => type)).toEqual(['connected', 'tick'])
  await new Promise((resolve) => stream.on('close', resolve).close())
})

test('middleware that replaces `write` gets every byte', async () => {
  const { feed } = createHandlers()
  const handler = toNode(feed.handler)
  const written: string[] = []
  const httpServer = createHttpServer((incoming, response) => {
    const write = response.write.bind(response)
    response.write = ((bytes: Uint8Array) => {
      written.push(new TextDecoder().decode(bytes))
      return write(bytes)
    }) as typeof response.write
    handler(incoming, response)
  })
  await new Promise<void>((resolve) => void httpServer.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void httpServer.close())
  const reader = await openStreamReader(`http://127.0.0.1:${(httpServer.address() as AddressInfo).port}/`)
  await reader.readEvents(1)
  await feed.send('tick', 1)
  await reader.readEvents(2)
  expect(written.join('')).toBe(reader.text)
  reader.close()
})

test('a connection that is kept alive serves one response after another, and keeps no listeners', async () => {
  const { runs } = createHandlers()
  const sockets = new Set<Socket>()
  const httpServer = createHttpServer(toNode(runs.handler)).on('connection', (socket) => sockets.add(socket))
  await new Promise<void>((resolve) => void httpServer.listen(0, '127.0.0.1', resolve))
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  onTestFinished(() => {
    agent.destroy()
    httpServer.close()
  })
  const listenerCounts = new Set<number>()
  for (let round = 0; round < 20; round++) {
    const text = await new Promise<string>((resolve, reject) => {
      const options = { agent, port: (httpServer.address() as AddressInfo).port, path: '/?prompt=Hi' }
      request(options, (response) => {
        let received = ''
        response.setEncoding('utf8').on('data', (piece: string) => (received += piece))
        response.on('end', () => resolve(received))
      })
        .on('error', reject)
        .end()
    })
    expect(textOf(eventsOf(text))).toBe('Hi')
    listenerCounts.add([...sockets][0]!.listenerCount('drain'))
  }
  expect(sockets.size).toBe(1)
  expect(listenerCounts.size).toBe(1)
})
