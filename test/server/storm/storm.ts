/**
 * A storm: clients that reconnect at once and have missed 100 events each, while further events are sent. Most of them
 * read the bytes of the fetch handlers in process, because each socket would take two file descriptors; the others are
 * clients of this SDK over sockets of Node.
 */
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, onTestFinished } from 'vitest'
import type { Feed } from '../../../server/feed/feed.ts'
import type { EventLog } from '../../../server/log/event-log.ts'
import { toNode } from '../../../server/node/to-node.ts'
import { createServer } from '../../../server/service/create-server.ts'
import { createClient } from '../../../src/index.ts'
import { waitUntil } from '../../mock-server/support/local-test-server.ts'

/** Events before the storm; the clients have received different numbers of them. */
const KNOWN = 20
/** Events that all clients have missed, and events that are sent during the storm. */
const MISSED = 100
const LIVE = 20
const EVENTS = KNOWN + MISSED + LIVE

const long = Boolean(process.env['RIVULET_LONG'])
/** How many clients there are: a sample, or all of them with `npm run test:long`. */
export const CLIENTS = long ? { bytes: 9_900, sdk: 100 } : { bytes: 450, sdk: 50 }

interface Ticks {
  tick: { n: number }
}

/** What happened to one client. */
interface Received {
  /** Numbers that were missing, or came again. */
  lost: number
  repeated: number
  resets: number
  /** Requests that were answered with an error status, and connections that ended early. */
  refused: number
  cut: number
}

/** Reads the bytes of a feed up to its last event. Connects again when it is refused or cut, as a client does. */
async function readBytes({ handler }: Feed<Ticks>, cursor: string, first: number): Promise<Received> {
  const received: Received = { lost: 0, repeated: 0, resets: 0, refused: 0, cut: 0 }
  let lastEventId = cursor
  let next = first
  const take = (text: string): string => {
    let end = 0
    for (const { 0: block, 1: number, 2: id, index } of text.matchAll(/"n":(\d+)\}\nid: (\S+)\n\n/g)) {
      if (Number(number) < next) received.repeated++
      else received.lost += Number(number) - next
      next = Math.max(next, Number(number) + 1)
      lastEventId = id!
      end = index + block.length
    }
    if (text.includes('event: reset')) received.resets++
    return text.slice(end)
  }
  for (let attempt = 0; next < EVENTS; attempt++) {
    if (attempt > 0) await delay(Math.min(100 * 2 ** attempt, 5_000))
    const response = await handler(new Request('http://app.example/', { headers: { 'last-event-id': lastEventId } }))
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    if (!response.ok) received.refused++
    for (let rest = ''; response.ok && next < EVENTS;) {
      const { done, value } = await reader.read()
      if (done) {
        received.cut++
        break
      }
      rest = take(rest + value)
    }
    await reader.cancel()
  }
  return received
}

/** An HTTP server that can be down: it then cuts every connection. */
async function listen(feed: Feed<Ticks>): Promise<{ readonly url: string; isDown: boolean; cut(): void }> {
  const handler = toNode(feed.handler)
  const httpServer = createHttpServer((request, response) => {
    if (handle.isDown) request.socket.destroy()
    else handler(request, response)
  })
  await new Promise<void>((resolve) => void httpServer.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    httpServer.closeAllConnections()
    httpServer.close()
  })
  const handle = {
    url: `http://127.0.0.1:${(httpServer.address() as AddressInfo).port}`,
    isDown: false,
    cut: () => httpServer.closeAllConnections(),
  }
  return handle
}

interface SdkClient {
  /** Numbers of the events that it has received. */
  readonly numbers: number[]
  readonly resets: unknown[]
}

/** Subscribes with a client of this SDK; resolves when it is connected. */
async function subscribe(url: string): Promise<SdkClient> {
  const client = createClient({ baseUrl: url, retry: { delay: 10, maxDelay: 100 } })
  onTestFinished(() => client.close())
  const resets: unknown[] = []
  const numbers: number[] = []
  const feed = client.subscribe<Ticks>('/', { onReset: (reset) => void resets.push(reset) })
  feed.on('tick', ({ data }) => void numbers.push(data.n))
  await new Promise((resolve) => void feed.once('connected', resolve))
  return { numbers, resets }
}

/** Lets a storm pass over one server for each log; expects that no client has lost or repeated an event. */
export async function expectNoLoss(name: string, logs: readonly EventLog[]): Promise<void> {
  const feeds = logs.map((log) => {
    const server = createServer({ log })
    onTestFinished(() => server.close())
    return server.feed<Ticks>('ticks')
  })
  const feedOf = (index: number): Feed<Ticks> => feeds[index % feeds.length]!
  const hosts = await Promise.all(feeds.map(listen))
  const sdkIndexes = Array.from({ length: CLIENTS.sdk }, (_, index) => index)
  const clients = await Promise.all(sdkIndexes.map((index) => subscribe(hosts[index % hosts.length]!.url)))
  const ids: string[] = []
  let sent = 0
  const send = async (): Promise<void> => void ids.push(await feedOf(sent).send('tick', { n: sent++ }))
  while (sent < KNOWN) await send()
  await waitUntil(() => clients.every(({ numbers }) => numbers.length === KNOWN))

  for (const host of hosts) {
    host.isDown = true
    host.cut()
  }
  while (sent < KNOWN + MISSED) await send()
  for (const host of hosts) host.isDown = false
  const startedAt = performance.now()
  const readers = Array.from({ length: CLIENTS.bytes }, (_, index) => {
    const last = index % KNOWN
    return readBytes(feedOf(index), ids[last]!, last + 1)
  })
  while (sent < EVENTS) await send()
  const received = await Promise.all(readers)
  await waitUntil(() => clients.every(({ numbers }) => numbers.length >= EVENTS))

  const sum = (key: keyof Received): number => received.reduce((total, each) => total + each[key], 0)
  const totals = { lost: sum('lost'), repeated: sum('repeated'), resets: sum('resets') }
  console.log(
    `storm on ${name}: ${CLIENTS.bytes + CLIENTS.sdk} clients, of which ${CLIENTS.sdk} of the SDK, ${JSON.stringify(totals)}, ` +
      `refused ${sum('refused')}, cut ${sum('cut')}, ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`,
  )
  expect(totals).toEqual({ lost: 0, repeated: 0, resets: 0 })
  const expected = Array.from({ length: EVENTS }, (_, n) => n)
  for (const { numbers, resets } of clients) expect({ numbers, resets }).toEqual({ numbers: expected, resets: [] })
}
