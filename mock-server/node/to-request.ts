/** Converts the requests of Node's HTTP servers to `Request` objects. */
import type { IncomingMessage } from 'node:http'
import { toRequest as toPlainRequest } from '../../server/node/to-request.ts'

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
  const request = toPlainRequest(incoming, parsedBody, signal)
  if (!request) return undefined
  const target = incoming.url ?? '/'
  const { originalUrl = target } = incoming as { originalUrl?: string }
  const basePath = originalUrl.endsWith(target) && originalUrl !== target ? originalUrl.slice(0, -target.length) : ''
  const path = new URL(request.url).pathname.slice(basePath.length)
  const peer = LOOPBACK.test(incoming.socket.remoteAddress ?? '') ? 'loopback' : 'remote'
  return { request, path, basePath, peer }
}
