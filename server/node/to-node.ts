/** `toNode`: a fetch handler as a handler of Node's HTTP servers. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { sourceOf } from '../stream/stream-response.ts'
import { chooseEncoding, createCompressor } from './compressor.ts'
import { pipeCompressed, pipeSource } from './socket-sink.ts'
import { toRequest } from './to-request.ts'

/** Options of `toNode`. */
export interface ToNodeOptions {
  /** Whether event streams are compressed for clients that accept it; costs memory per stream. @defaultValue false */
  readonly compress?: boolean
}

/** The part of a Fastify request that the handler uses. */
export interface FastifyLikeRequest {
  readonly raw: IncomingMessage
  readonly body?: unknown
}

/** The part of a Fastify reply that the handler uses. */
export interface FastifyLikeReply {
  readonly raw: ServerResponse
  hijack(): unknown
}

/** A request handler for `node:http`, `node:http2`, Express and Fastify. */
export interface NodeHandler {
  (request: IncomingMessage, response: ServerResponse, next?: (error?: unknown) => void): void
  (request: FastifyLikeRequest, reply: FastifyLikeReply): void
  (request: Http2ServerRequest, response: Http2ServerResponse): void
}

/** Sends a body that is not a stream of this package. */
async function sendBody(body: ReadableStream<Uint8Array> | null, outgoing: ServerResponse): Promise<void> {
  if (!body) return void outgoing.end()
  const reader = body.getReader()
  outgoing.on('close', () => void reader.cancel().catch(() => undefined))
  for (;;) {
    const { done, value } = await reader.read()
    if (done || outgoing.destroyed) break
    if (!outgoing.write(value)) await new Promise((resolve) => outgoing.once('drain', resolve).once('close', resolve))
  }
  outgoing.end()
}

/** Returns the headers of a response for `writeHead`, which does not store them, unlike `setHeader`. */
function headersOf({ headers }: Response): Record<string, string | string[]> {
  const all: Record<string, string | string[]> = Object.fromEntries(headers)
  if (headers.has('set-cookie')) all['set-cookie'] = headers.getSetCookie()
  return all
}

/** Returns the headers of a stream: those of the response, and those that only this transport knows. */
function streamHeadersOf(
  response: Response,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Record<string, string | string[]> {
  const headers = headersOf(response)
  if (incoming.httpVersionMajor !== 1) return headers
  outgoing.socket?.setNoDelay(true)
  // Keep-alive is announced only if the client did not request `Connection: close`.
  if (incoming.httpVersionMinor === 1 && outgoing.shouldKeepAlive) headers['connection'] = 'keep-alive'
  return headers
}

/**
 * Turns a fetch handler into a handler of `node:http`, HTTP/2, Express or Fastify. The streams of this package are written
 * to the socket without a detour through web streams.
 *
 * @example
 * ```ts
 * app.get('/api/prices', toNode(prices.handler))
 * app.all('/api/generate', toNode(answers.handler))
 * ```
 */
export function toNode(
  handler: (request: Request) => Response | Promise<Response>,
  { compress = false }: ToNodeOptions = {},
): NodeHandler {
  const send = async (incoming: IncomingMessage, outgoing: ServerResponse, response: Response): Promise<void> => {
    const source = sourceOf(response)
    if (outgoing.destroyed) return source?.leave()
    if (!source) {
      outgoing.writeHead(response.status, headersOf(response))
      return sendBody(response.body, outgoing)
    }
    const headers = streamHeadersOf(response, incoming, outgoing)
    const encoding = compress ? chooseEncoding(incoming.headers['accept-encoding']) : 'identity'
    if (encoding !== 'identity') headers['content-encoding'] = encoding
    outgoing.writeHead(response.status, headers)
    outgoing.flushHeaders()
    if (encoding === 'identity') pipeSource(source, outgoing)
    else pipeCompressed(source, outgoing, createCompressor(encoding))
  }
  const handle = async (incoming: IncomingMessage, outgoing: ServerResponse, parsedBody: unknown): Promise<void> => {
    const request = toRequest(incoming, parsedBody)
    if (request) return send(incoming, outgoing, await handler(request))
    outgoing.writeHead(400, { 'content-type': 'application/problem+json' })
    const detail = 'The method, host or target of the request is not valid.'
    outgoing.end(`${JSON.stringify({ type: 'about:blank', title: 'Bad Request', status: 400, detail })}\n`)
  }

  return (
    request: IncomingMessage | Http2ServerRequest | FastifyLikeRequest,
    response: ServerResponse | Http2ServerResponse | FastifyLikeReply,
    next?: (error?: unknown) => void,
  ): void => {
    const isFastify = 'hijack' in response
    if (isFastify) response.hijack()
    // The casts are safe: the HTTP/2 objects have every member that is used here.
    const incoming = ('raw' in request ? request.raw : request) as IncomingMessage
    const outgoing = (isFastify ? response.raw : response) as ServerResponse
    handle(incoming, outgoing, (request as { body?: unknown }).body).catch((error: unknown) => {
      if (next && !outgoing.headersSent) next(error)
      else outgoing.destroy(error as Error)
    })
  }
}
