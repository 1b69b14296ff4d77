/** The server of the tests of platforms, with an origin to which it redirects. */
import { once } from 'node:events'
import { type IncomingHttpHeaders, type RequestListener, createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { createNodeHandler } from '../../../mock-server/node/node-handler.ts'
import { createService } from '../../../mock-server/service/service.ts'
import { createDeferred } from '../../../src/base/deferred.ts'

export interface PlatformServer {
  /** Base URL, without a trailing slash. */
  readonly url: string
  /** The `Last-Event-ID` of each request for the feed, decoded from UTF-8. */
  readonly requestedIds: readonly (string | undefined)[]
  /** Headers of the requests for `/redirect`. */
  readonly redirected: readonly IncomingHttpHeaders[]
  /** Headers of the requests that reached the other origin. */
  readonly foreign: readonly IncomingHttpHeaders[]
  /** Number of requests for the run, including those that resume it. */
  readonly runRequests: () => number
}

/** The events of the feed, by the ID that a request names. With the last ID, the feed is finished. */
const connections = new Map<string | undefined, string>([
  [undefined, 'id: 日本 é 1\ndata: 1\n\nid: 日本 é 2\ndata: 2\n\n'],
  ['日本 é 2', 'id: 日本 é 3\ndata: 3\n\n'],
])
const LAST_ID = '日本 é 3'
/** What `readFeed` should resolve with, on every platform that streams. */
export const feedLog = [1, 2, 3].map((n) => [n, `日本 é ${n}`])
/** What the server should then have recorded. */
export const feedIds = [undefined, '日本 é 2', LAST_ID]
/** The answer of the run. */
export const answer = '你好，世界 🧑‍🚀'

async function listen(handler: RequestListener): Promise<string> {
  const server = createServer(handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Starts the server for one test. */
export async function startPlatformServer(): Promise<PlatformServer> {
  const requestedIds: (string | undefined)[] = []
  const redirected: IncomingHttpHeaders[] = []
  const foreign: IncomingHttpHeaders[] = []
  let runRequests = 0
  const foreignUrl = await listen(({ headers }, response) => {
    foreign.push(headers)
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: "redirected"\n\n')
  })
  const scenario = { rules: [{ path: '/api/generate', 'reset-after': 4, once: true }] }
  const service = createService({ answers: { 你好: answer }, delay: 0, scenario })
  onTestFinished(() => service.close())
  const serveRuns = createNodeHandler(service)
  const endless = createDeferred<Socket>()

  const routes: Record<string, RequestListener> = {
    '/feed'({ headers }, response) {
      const header = headers['last-event-id'] as string | undefined
      const id = header && Buffer.from(header, 'latin1').toString()
      requestedIds.push(id)
      const events = connections.get(id)
      if (events) response.writeHead(200, { 'content-type': 'text/event-stream' }).end(events)
      else response.writeHead(id === LAST_ID ? 204 : 400).end()
    },
    '/refused'(_request, response) {
      response.writeHead(403, { 'content-type': 'text/plain; charset=utf-8' }).end('Only for members: 日本')
    },
    '/endless'(request, response) {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n')
      endless.resolve(request.socket)
    },
    async '/opened'(_request, response) {
      await endless.promise
      response.end('opened')
    },
    async '/closed'(_request, response) {
      const socket = await endless.promise
      if (!socket.closed) await once(socket, 'close')
      response.end('closed')
    },
    '/redirect'({ headers }, response) {
      redirected.push(headers)
      response.writeHead(307, { location: `${foreignUrl}/landed` }).end()
    },
  }
  const url = await listen((request, response) => {
    // React Native's fetch adds the time as a query to each GET request, because the client disables the cache.
    const route = routes[request.url!.split('?')[0]!]
    if (route) return route(request, response)
    runRequests++
    serveRuns(request, response)
  })
  return { url, requestedIds, redirected, foreign, runRequests: () => runRequests }
}
