/** Converts the requests of Node's HTTP servers to `Request` objects. */
import type { IncomingMessage } from 'node:http'
import { createRequestBody } from '../../server/node/request-body.ts'

/** A request, with facts about it that only the socket and the host know. */
export interface ConvertedRequest {
  readonly request: Request
  /** Path without `basePath`. */
  readonly path: string
  /** Path prefix under which the host mounted the handler. */
  readonly basePath: string
  readonly peer: 'loopback' | 'remote'
}

const LOOPBACK = /^(::1|(::ffff:)?127\.\d+\.\d+\.\d+)$/

/** Converts a request; returns `undefined` if `Request` rejects it. `parsedBody` is the host's parsed body, if any. */
export function toRequest(
  incoming: IncomingMessage,
  parsedBody: unknown,
  signal: AbortSignal,
): ConvertedRequest | undefined {
  const { method = 'GET' } = incoming
  // HTTP/2 sends the host as a pseudo-header.
  const { host = String(incoming.headers[':authority'] ?? 'localhost') } = incoming.headers
  const target = incoming.url ?? '/'
  const { originalUrl = target } = incoming as { originalUrl?: string }
  const scheme = 'encrypted' in incoming.socket && incoming.socket.encrypted ? 'https' : 'http'
  const basePath = originalUrl.endsWith(target) && originalUrl !== target ? originalUrl.slice(0, -target.length) : ''
  try {
    const url = new URL(originalUrl.startsWith('/') ? `${scheme}://${host}${originalUrl}` : originalUrl)
    const headers = new Headers()
    const { rawHeaders } = incoming
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const name = rawHeaders[index]!
      if (!name.startsWith(':')) headers.append(name, rawHeaders[index + 1]!)
    }
    const init: RequestInit & { duplex?: 'half' } = { method, headers, signal }
    if (method !== 'GET' && method !== 'HEAD') {
      init.body = createRequestBody(incoming, parsedBody)
      init.duplex = 'half'
    }
    const peer = LOOPBACK.test(incoming.socket.remoteAddress ?? '') ? 'loopback' : 'remote'
    return { request: new Request(url, init), path: url.pathname.slice(basePath.length), basePath, peer }
  } catch {
    return undefined // a method, host or target that `Request` rejects
  }
}
