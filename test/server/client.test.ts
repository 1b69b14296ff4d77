/** The server with the client of this SDK, over real sockets: what one promises, the other uses. */
import { expect, onTestFinished, test } from 'vitest'
import { createClient } from '../../src/index.ts'
import { memoryLog } from '../../server/log/memory-log.ts'
import { toNode } from '../../server/node/to-node.ts'
import { createServer } from '../../server/service/create-server.ts'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { waitUntil } from '../mock-server/support/local-test-server.ts'
import { answerWithCuts } from './support/answer-with-cuts.ts'
import { createModel } from './support/model.ts'

interface Events {
  tick: number
}

/** Starts a server with one feed and one kind of runs, and a client without delays. */
async function open(options: { readonly snapshot?: () => { data: unknown } } = {}) {
  const server = createServer({ log: memoryLog({ shared: false }) })
  const feed = server.feed<Events>('ticks', options)
  const model = createModel<{ prompt: string }>()
  const outcomes: string[] = []
  const runs = server.runs<{ prompt: string }>({
    generate: model.generate,
    onEnd: ({ outcome, text }) => void outcomes.push(`${outcome}: ${text}`),
  })
  const handlers = { '/app/feed': toNode(feed.handler), '/app/answers': toNode(runs.handler, { compress: true }) }
  const requests: string[] = []
  const httpServer = createHttpServer((request, response) => {
    requests.push(`${request.method} ${request.url!.split('=')[0]}`)
    handlers[request.url!.split('?')[0] as keyof typeof handlers](request, response)
  })
  await new Promise<void>((resolve) => void httpServer.listen(0, '127.0.0.1', resolve))
  const client = createClient({
    baseUrl: `http://127.0.0.1:${(httpServer.address() as AddressInfo).port}/app/`,
    retry: { delay: 1, maxDelay: 1 },
  })
  onTestFinished(async () => {
    client.close()
    await server.close()
    httpServer.closeAllConnections()
    httpServer.close()
  })
  return { server, feed, model, outcomes, client, requests, cut: () => httpServer.closeAllConnections() }
}

test('[P2.3] a feed gets every event once and in order, however often its connection is cut', async () => {
  const { feed, client, cut } = await open()
  const received: number[] = []
  let opened = 0
  const subscription = client.subscribe<Events>('feed')
  subscription.on('connected', () => void opened++)
  subscription.on('tick', ({ data }) => void received.push(data))
  await waitUntil(() => opened === 1)
  for (let number = 0; number < 200; number++) {
    await feed.send('tick', number)
    if (number % 40 !== 39) continue
    cut()
    await waitUntil(() => opened === 2 + Math.floor(number / 40))
  }
  await waitUntil(() => received.length >= 200)
  expect(received).toEqual(Array.from({ length: 200 }, (_, number) => number))
})

test('[P3.3] a run is resumed after its connection was cut, and generated once', async () => {
  const opened = await open()
  const { model, requests } = opened
  const result = await answerWithCuts(opened, { usage: { inputTokens: 1, outputTokens: 7 } })
  expect(result).toMatchObject({ text: 'Hello, resumable world!!', finishReason: 'stop' })
  expect(model.runs).toHaveLength(1)
  expect(requests.filter((request) => request.startsWith('POST'))).toHaveLength(1)
  expect(requests).toContain('GET /app/answers?run')
})

test('[P3.5] cancelling a run stops its generation, and its reader gets the end', async () => {
  const { client, model, outcomes } = await open()
  const run = client.stream('answers', { json: { prompt: 'Hi' } })
  const final = run.final()
  await waitUntil(() => model.runs.length === 1)
  model.runs[0]!.say('par', 'tial')
  await waitUntil(() => run.text === 'partial')
  await run.cancel()
  expect(await final).toMatchObject({ text: 'partial', finishReason: 'cancelled' })
  await waitUntil(() => outcomes.length === 1)
  expect(outcomes).toEqual(['cancelled: partial'])
  expect(model.runs[0]!.context.signal.aborted).toBe(true)
})

test('[P3.5] a run from which its reader detached continues, and can be read from its cursor', async () => {
  const { client, model } = await open()
  const run = client.stream('answers', { json: { prompt: 'Hi' } })
  await waitUntil(() => model.runs.length === 1)
  model.runs[0]!.say('One')
  await waitUntil(() => run.text === 'One')
  const cursor = run.cursor!
  run.detach()
  model.runs[0]!.say(', ', 'two', ', ', 'three')
  model.runs[0]!.end()
  const rest = client.resume(cursor)
  expect((await rest.final()).text).toBe(', two, three')
})

test('a feed and a run of a server that closes end with what is left to do', async () => {
  const { client, model, server, outcomes } = await open()
  const run = client.stream('answers', { json: { prompt: 'Hi' }, retry: { limit: 0 } })
  const final = run.final().catch((error: unknown) => error)
  await waitUntil(() => model.runs.length === 1)
  model.runs[0]!.say('par')
  await waitUntil(() => run.text === 'par')
  await server.close()
  expect(await final).toMatchObject({ code: 'server', serverCode: 'producer-lost', retryable: true, partial: 'par' })
  expect(outcomes).toEqual(['lost: par'])
})

test('a snapshot reaches the client with its reset', async () => {
  const { client } = await open({ snapshot: () => ({ data: { sum: 3 } }) })
  const resets: unknown[] = []
  const subscription = client.subscribe<Events>('feed')
  subscription.on('reset', ({ data }) => void resets.push(data))
  await waitUntil(() => resets.length === 1)
  expect(resets).toEqual([{ reason: 'initial', snapshot: { sum: 3 } }])
})
