/** Servers behind the proxy that know nothing of the Rivulet protocol; they serve feeds only. */
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { listen, withFreePort } from './ports.ts'
import type { Upstream } from './upstream.ts'

export interface ThirdPartyOptions {
  readonly kind: 'per-connection' | 'inclusive'
  /** Milliseconds between two comments, which keep idle connections alive. */
  readonly heartbeatMs: number
  /** The `retry` field of each connection, in milliseconds. */
  readonly retryMs?: number
}

interface FeedEvent {
  readonly type: string
  readonly data: object | null
}

/** Writes one event to a connection. */
type Send = (event: FeedEvent) => void

function writeEvent(response: ServerResponse, id: number, { type, data }: FeedEvent): void {
  response.write(`id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`)
}

/** Numbers the events of one connection from 1, and adds the connection to the data of each. */
function numberPerConnection(response: ServerResponse, connection: { number: number; first: number }): Send {
  let id = 0
  return ({ type, data }) => writeEvent(response, ++id, { type, data: { ...data, connection } })
}

/** Replays the log from the event with the `Last-Event-ID`, and returns the function for live events. */
function replayInclusively(request: IncomingMessage, response: ServerResponse, log: readonly FeedEvent[]): Send {
  const requestedId = Number(request.headers['last-event-id'] ?? 0)
  log.slice(Math.max(0, requestedId - 1)).forEach((event, index) => {
    writeEvent(response, Math.max(1, requestedId) + index, event)
  })
  // A live event is the last one of the log.
  return (event) => writeEvent(response, log.length, event)
}

/** Starts a server on a free port. */
export async function startThirdPartyUpstream({ kind, heartbeatMs, retryMs }: ThirdPartyOptions): Promise<Upstream> {
  const log: FeedEvent[] = []
  const connections = new Map<ServerResponse, Send>()
  let itemCount = 0
  let connectionCount = 0

  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
    response.write(retryMs === undefined ? ': open\n\n' : `retry: ${retryMs}\n\n`)
    const send =
      kind === 'inclusive'
        ? replayInclusively(request, response, log)
        : numberPerConnection(response, { number: ++connectionCount, first: itemCount })
    connections.set(response, send)
    response.once('close', () => connections.delete(response))
  }
  const server = createServer(onRequest)
  const port = await withFreePort(async (free) => {
    await listen(server, free)
    return free
  })
  const heartbeat = setInterval(() => {
    for (const response of connections.keys()) response.write(': ping\n\n')
  }, heartbeatMs)
  const stop = async (): Promise<void> => {
    const closing = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    await closing
  }

  return {
    port,
    lastEventId: '',
    broadcast(type, data) {
      const event = { type, data }
      log.push(event)
      for (const send of connections.values()) send(event)
      if (type === 'item') itemCount++
    },
    hasClients: () => connections.size > 0,
    faultCounts: () => new Map(),
    runCount: () => 0,
    async restart({ downtime }) {
      await stop()
      await delay(downtime)
      await listen(server, port)
    },
    async close() {
      clearInterval(heartbeat)
      await stop()
    },
  }
}
