/** What servers of this process see on their ports: every request, and every open socket. */
import { subscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** A request as it came over the wire. */
export interface SeenRequest {
  method: string
  /** Path and query. */
  path: string
  /** Names in lower case; values have one character per byte. */
  headers: Record<string, string>
  /** What it was answered with, as far as that is known by now. */
  readonly status?: number | undefined
}

/** What one port has seen. */
export interface Observed {
  requests: SeenRequest[]
  /** The open ones. */
  sockets: Set<Socket>
}

const ports = new Map<number, Observed>()

// Node tells of both whatever the server is made with: the mock server needs no hook for its tests.
subscribe('http.server.request.start', (message) => {
  const { request, response } = message as { request: IncomingMessage; response: ServerResponse }
  observedAt(request.socket.localPort)?.requests.push({
    method: request.method!,
    path: request.url!,
    headers: request.headers as Record<string, string>,
    get status() {
      return response.headersSent ? response.statusCode : undefined
    },
  })
})
subscribe('net.server.socket', (message) => {
  const { socket } = message as { socket: Socket }
  const sockets = observedAt(socket.localPort)?.sockets
  sockets?.add(socket)
  socket.once('close', () => sockets?.delete(socket))
})

const observedAt = (port: number | undefined): Observed | undefined =>
  port === undefined ? undefined : ports.get(port)

/** Begins to observe a port. */
export function observe(port: number): Observed {
  const observed: Observed = { requests: [], sockets: new Set() }
  ports.set(port, observed)
  return observed
}

/** Forgets a port. */
export function unobserve(port: number): void {
  ports.delete(port)
}
