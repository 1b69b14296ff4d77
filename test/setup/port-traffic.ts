/** Records, by port, the requests and open sockets of servers in this process. */
import { subscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** A request as received over the wire. */
export interface ReceivedRequest {
  method: string
  /** Path and query. */
  path: string
  /** Names in lower case; values have one character per byte. */
  headers: Record<string, string>
  /** The response status; `undefined` until the response headers are sent. */
  readonly status?: number | undefined
}

/** The traffic of one port. */
export interface PortTraffic {
  requests: ReceivedRequest[]
  /** Open sockets, including idle ones. */
  sockets: Set<Socket>
  /** Unfinished responses on open sockets. */
  responses: Set<ServerResponse>
}

const ports = new Map<number, PortTraffic>()

// Diagnostics channels cover every server in the process, so the mock server needs no hook for its tests.
subscribe('http.server.request.start', (message) => {
  const { request, response } = message as { request: IncomingMessage; response: ServerResponse }
  const traffic = trafficAt(request.socket.localPort)
  traffic?.responses.add(response)
  response.once('close', () => traffic?.responses.delete(response))
  traffic?.requests.push({
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

/** Starts recording the traffic of a port, and returns the live record. */
export function recordPort(port: number): PortTraffic {
  const traffic: PortTraffic = { requests: [], sockets: new Set(), responses: new Set() }
  ports.set(port, traffic)
  return traffic
}

/** Stops recording the traffic of a port. */
export function forgetPort(port: number): void {
  ports.delete(port)
}
