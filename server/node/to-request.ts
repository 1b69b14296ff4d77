/** Converts the requests of Node's HTTP servers to `Request` objects. */
import type { IncomingMessage } from 'node:http'
import { createRequestBody } from './request-body.ts'

/**
 * Converts a request; returns `undefined` if `Request` rejects it. `parsedBody` is the host's parsed body, if any; `signal`
 * is that of the request.
 */
export function toRequest(incoming: IncomingMessage, parsedBody: unknown, signal?: AbortSignal): Request | undefined {
  const { method = 'GET', rawHeaders } = incoming
  // Express strips the mount path from `url`.
  const { originalUrl = incoming.url ?? '/' } = incoming as { originalUrl?: string }
  const scheme = 'encrypted' in incoming.socket && incoming.socket.encrypted ? 'https' : 'http'
  try {
    // `incoming.headers` would be computed and kept for as long as the stream is open.
    const headers = new Headers()
    let authority: string | undefined
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const name = rawHeaders[index]!
      const value = rawHeaders[index + 1]!
      // HTTP/2 sends the host as a pseudo-header.
      if (name === ':authority') authority = value
      if (!name.startsWith(':')) headers.append(name, value)
    }
    const host = headers.get('host') ?? authority ?? 'localhost'
    const url = originalUrl.startsWith('/') ? `${scheme}://${host}${originalUrl}` : originalUrl
    const init: RequestInit & { duplex?: 'half' } = { method, headers, ...(signal && { signal }) }
    if (method !== 'GET' && method !== 'HEAD') {
      init.body = createRequestBody(incoming, parsedBody)
      init.duplex = 'half'
    }
    return new Request(url, init)
  } catch {
    return undefined // a method, host or target that `Request` rejects
  }
}
