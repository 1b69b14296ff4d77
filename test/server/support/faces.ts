/** The two faces of the server: fetch handlers called in process, and `toNode` over real sockets. */
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import type { Clock } from '../../../server/base/clock.ts'
import { memoryLog } from '../../../server/log/memory-log.ts'
import type { ToNodeOptions } from '../../../server/node/to-node.ts'
import { toNode } from '../../../server/node/to-node.ts'
import type { Server, ServerOptions } from '../../../server/service/create-server.ts'
import { createServer } from '../../../server/service/create-server.ts'
import type { Identity } from '../../../server/http/identity.ts'
import { createManualServerClock } from '../../mock-server/support/manual-server-clock.ts'
import type { StreamReader } from '../../mock-server/support/stream-reader.ts'
import { openStreamReader } from '../../mock-server/support/stream-reader.ts'
import type { ManualClock } from '../../support/manual-clock.ts'

export type Handler = (request: Request) => Promise<Response>

export const faces = ['fetch', 'node'] as const
export type Face = (typeof faces)[number]

/** Handlers at their paths, as a client reaches them. */
export interface Mounted {
  /** The origin; in process, a made-up one. */
  readonly url: string
  fetch(input: string, init?: RequestInit): Promise<Response>
  /** Opens a stream; the URL may be a path. */
  open(url: string, init?: RequestInit): Promise<StreamReader>
}

/** Starts an HTTP server with the handlers, and closes it when the test finishes. */
export async function listen(routes: Readonly<Record<string, Handler>>, options?: ToNodeOptions): Promise<string> {
  const handlers = new Map(Object.entries(routes).map(([path, handler]) => [path, toNode(handler, options)]))
  const httpServer = createHttpServer((request, response) => {
    const handler = handlers.get(request.url!.split('?')[0]!)
    if (handler) handler(request, response)
    else response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => void httpServer.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    httpServer.closeAllConnections()
    httpServer.close()
  })
  return `http://127.0.0.1:${(httpServer.address() as AddressInfo).port}`
}

/** Reads ahead of the client, as a host does that writes a body to a socket. */
function readAhead({ body, status, headers }: Response): Response {
  const ahead = new TransformStream<Uint8Array, Uint8Array>({}, { highWaterMark: 1_000 }, { highWaterMark: 1_000 })
  return new Response(body && body.pipeThrough(ahead), { status, headers })
}

/** Mounts handlers by path. */
export async function mount(
  face: Face,
  routes: Readonly<Record<string, Handler>>,
  options?: ToNodeOptions,
): Promise<Mounted> {
  const url = face === 'node' ? await listen(routes, options) : 'http://app.example'
  const fetchInProcess = async (input: string, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init)
    return readAhead(await routes[new URL(request.url).pathname]!(request))
  }
  const fetch = (input: string, init?: RequestInit): Promise<Response> => {
    const target = new URL(input, url).href
    return face === 'node' ? globalThis.fetch(target, init) : fetchInProcess(target, init)
  }
  return { url, fetch, open: (input, init) => openStreamReader(input, init, fetch) }
}

export interface TestServer<Id extends Identity> {
  readonly server: Server<Id>
  readonly clock: ManualClock & Clock
}

/** Creates a server with a log of its own and a clock that the test advances. */
export function createTestServer<Id extends Identity>(options: ServerOptions<Id> = {}): TestServer<Id> {
  const clock = createManualServerClock()
  const server = createServer<Id>({ clock, log: memoryLog({ shared: false, clock }), ...options })
  onTestFinished(() => server.close())
  return { server, clock }
}

/** Reads the headers that resume after an event. */
export const after = (id: string | undefined): RequestInit =>
  id === undefined ? {} : { headers: { 'last-event-id': id } }
