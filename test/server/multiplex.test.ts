/** The server's channels with `multiplex` of this SDK, over real sockets. */
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { memoryLog } from '../../server/log/memory-log.ts'
import { toNode } from '../../server/node/to-node.ts'
import type { Identity } from '../../server/http/identity.ts'
import type { ServerOptions } from '../../server/service/create-server.ts'
import { createServer } from '../../server/service/create-server.ts'
import { bearer, createClient } from '../../src/index.ts'
import { multiplex } from '../../src/multiplex.ts'
import { waitUntil } from '../mock-server/support/local-test-server.ts'
import { answerWithCuts } from './support/answer-with-cuts.ts'
import { createModel } from './support/model.ts'

interface Events {
  tick: number
}

type Handlers = Readonly<Record<string, ReturnType<typeof toNode>>>

/** Starts a server with a feed, runs and a channel, as one process of an application. */
function startProcess(options: ServerOptions<Identity>) {
  const server = createServer(options)
  const feed = server.feed<Events>('ticks')
  const large = server.feed<{ part: string }>('large', { retention: { events: 1_000, bytes: 64 * 1024 * 1024 } })
  const model = createModel<{ prompt: string }>()
  const runs = server.runs<{ prompt: string }>({ generate: model.generate })
  const channel = server.channel({ routes: { '/app/feed': feed, '/app/large': large, '/app/answers': runs } })
  const handlers: Handlers = {
    '/app/feed': toNode(feed.handler),
    '/app/large': toNode(large.handler),
    '/app/answers': toNode(runs.handler),
    '/app/channel': toNode(channel.handler),
    '/app/channel/ops': toNode(channel.handler),
  }
  return { server, feed, large, model, handlers }
}

/** Starts a process behind an HTTP server, and a client without delays whose streams use one channel. */
async function open(options: ServerOptions<Identity> = {}, clientOptions: Parameters<typeof createClient>[0] = {}) {
  const log = memoryLog({ shared: false })
  const process = startProcess({ log, ...options })
  let { handlers } = process
  const requests: string[] = []
  const sockets: Socket[] = []
  const httpServer = createHttpServer((request, response) => {
    const [path = ''] = request.url!.split('?')
    requests.push(`${request.method} ${path}`)
    handlers[path]!(request, response)
  })
  httpServer.on('connection', (socket: Socket) => void sockets.push(socket))
  await new Promise<void>((resolve) => void httpServer.listen(0, '127.0.0.1', resolve))
  const client = createClient({
    baseUrl: `http://127.0.0.1:${(httpServer.address() as AddressInfo).port}/app/`,
    retry: { delay: 1, maxDelay: 1 },
    connect: multiplex('/app/channel'),
    ...clientOptions,
  })
  const servers = [process.server]
  onTestFinished(async () => {
    client.close()
    for (const server of servers) await server.close()
    httpServer.closeAllConnections()
    httpServer.close()
  })
  return {
    ...process,
    client,
    requests,
    cut: () => httpServer.closeAllConnections(),
    bytesWritten: () => sockets.reduce((sum, socket) => sum + socket.bytesWritten, 0),
    /** Routes all requests to another process, which has the same log. */
    moveTo() {
      const other = startProcess({ log, ...options })
      servers.push(other.server)
      handlers = other.handlers
      return other
    },
  }
}

test('[P5.6] [P2.3] feeds on a channel get every event once and in order, however often it is cut', async () => {
  const { feed, client, cut, requests } = await open()
  const received: number[][] = [[], [], []]
  let opened = 0
  for (const numbers of received) {
    const subscription = client.subscribe<Events>('feed')
    subscription.on('connected', () => void opened++)
    subscription.on('tick', ({ data }) => void numbers.push(data))
  }
  await waitUntil(() => opened === 3)
  for (let number = 0; number < 200; number++) {
    await feed.send('tick', number)
    if (number % 40 !== 39) continue
    cut()
    await waitUntil(() => opened === 3 * (2 + Math.floor(number / 40)))
  }
  await waitUntil(() => received.every(({ length }) => length >= 200))
  for (const numbers of received) expect(numbers).toEqual(Array.from({ length: 200 }, (_, number) => number))
  expect(requests.filter((request) => request === 'GET /app/channel')).toHaveLength(6)
  expect(requests).not.toContain('GET /app/feed')
})

test('[P5.6] [P3.3] a run on a channel is resumed after the channel was cut, and generated once', async () => {
  const opened = await open()
  const { model, requests } = opened
  const result = await answerWithCuts(opened)
  expect(result).toMatchObject({ text: 'Hello, resumable world!!', finishReason: 'stop' })
  expect(model.runs).toHaveLength(1)
  expect(requests.filter((request) => request.endsWith('answers'))).toEqual([])
})

test('[P5.4] a consumer that stops reading holds back only its own stream, and later gets everything', async () => {
  const { client, feed, large, bytesWritten } = await open(
    {},
    { connect: multiplex('/app/channel', { window: 20_000 }) },
  )
  const slow = client.subscribe<{ part: string }>('large', { queue: { events: 4, bytes: 10_000 } })
  const iterator = slow[Symbol.asyncIterator]()
  const first = iterator.next()
  const received: number[] = []
  let opened = 0
  const other = client.subscribe<Events>('feed')
  other.on('connected', () => void opened++)
  other.on('tick', ({ data }) => void received.push(data))
  await waitUntil(() => opened === 1)
  await large.send('part', 'first')
  const parts: unknown[] = []
  const take = (result: IteratorResult<{ type: string; data: unknown }>): void => {
    if (!result.done && result.value.type === 'part') parts.push((result.value.data as string).slice(0, 5))
  }
  take(await first)
  for (let number = 0; number < 200; number++) {
    await large.send('part', `${String(number).padStart(5, '0')}${'x'.repeat(2_000)}`)
    await feed.send('tick', number)
    await waitUntil(() => received.length === number + 1)
  }
  expect(bytesWritten()).toBeLessThan(100_000) // of 400,000 for the slow stream alone
  while (parts.at(-1) !== '00199') take(await iterator.next())
  expect(parts).toEqual(['first', ...Array.from({ length: 200 }, (_, number) => String(number).padStart(5, '0'))])
})

test('[P5.2] [P5.6] a client whose operations reach another process opens a channel there and resumes', async () => {
  const { client, feed, moveTo, model, requests } = await open()
  const received: number[] = []
  let opened = 0
  const subscription = client.subscribe<Events>('feed')
  subscription.on('connected', () => void opened++)
  subscription.on('tick', ({ data }) => void received.push(data))
  await waitUntil(() => opened === 1)
  await feed.send('tick', 1)
  await waitUntil(() => received.length === 1)
  const other = moveTo()
  const run = client.stream('answers', { json: { prompt: 'Hi' } })
  const final = run.final()
  await waitUntil(() => other.model.runs.length === 1)
  other.model.runs[0]!.say('Hello')
  other.model.runs[0]!.end()
  expect((await final).text).toBe('Hello')
  await waitUntil(() => opened === 2)
  await other.feed.send('tick', 2)
  await waitUntil(() => received.length === 2)
  expect(received).toEqual([1, 2])
  expect(model.runs).toEqual([])
  expect(requests.filter((request) => request === 'GET /app/channel')).toHaveLength(2)
})

test('[P5.3] a stream of another subject gets a connection of its own', async () => {
  const { client, requests } = await open({
    authenticate({ headers }) {
      const token = headers.get('authorization')
      return token === null ? undefined : { subject: token }
    },
  })
  const alice = client.subscribe<Events>('feed', { auth: bearer('alice') })
  let opened = 0
  alice.on('connected', () => void opened++)
  await waitUntil(() => opened === 1)
  const bob = client.subscribe<Events>('feed', { auth: bearer('bob') })
  bob.on('connected', () => void opened++)
  await waitUntil(() => opened === 2)
  expect(requests.filter((request) => request.startsWith('GET'))).toEqual(['GET /app/channel', 'GET /app/feed'])
})

test('[P5.6] a client continues on another process when the server closes', async () => {
  const { client, server, moveTo } = await open()
  const received: number[] = []
  let opened = 0
  const subscription = client.subscribe<Events>('feed')
  subscription.on('connected', () => void opened++)
  subscription.on('tick', ({ data }) => void received.push(data))
  await waitUntil(() => opened === 1)
  const other = moveTo()
  void server.close({ grace: 10_000 })
  await waitUntil(() => opened === 2)
  await other.feed.send('tick', 7)
  await waitUntil(() => received.length === 1)
})
