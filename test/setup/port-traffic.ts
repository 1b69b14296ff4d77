/** What servers of this process see on their ports: every request, and every open socket. */
import { subscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** A request as it came over the wire. */
export interface ReceivedRequest {
  method: string
  /** Path and query. */
  path: string
  /** Names in lower case; values have one character per byte. */
  headers: Record<string, string>
  /** What it was answered with, as far as that is known by now. */
  readonly status?: number | undefined
}

/** What one port has seen. */
export interface PortTraffic {
  requests: ReceivedRequest[]
  /** The open ones. */
  sockets: Set<Socket>
}

const ports = new Map<number, PortTraffic>()

// Node tells of both whatever the server is made with: the mock server needs no hook for its tests.
subscribe('http.server.request.start', (message) => {
  const { request, response } = message as { request: IncomingMessage; response: ServerResponse }
  trafficAt(request.socket.localPort)?.requests.push({
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
  const sockets = trafficAt(socket.localPort)?.sockets
  sockets?.add(socket)
  socket.once('close', () => sockets?.delete(socket))
})

const trafficAt = (port: number | undefined): PortTraffic | undefined =>
  port === undefined ? undefined : ports.get(port)

/** Begins to observe a port. */
export function recordPort(port: number): PortTraffic {
  const traffic: PortTraffic = { requests: [], sockets: new Set() }
  ports.set(port, traffic)
  return traffic
}

/** Forgets a port. */
export function forgetPort(port: number): void {
  ports.delete(port)
}
