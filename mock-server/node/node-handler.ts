/** The service as a handler for Node's HTTP servers, Express and Fastify; faults cut real sockets. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { constants } from 'node:http2'
import type { Clock } from '../../server/base/clock.ts'
import { systemClock } from '../../server/base/clock.ts'
import type { Compressor } from '../../server/node/compressor.ts'
import { chooseEncoding, createCompressor } from '../../server/node/compressor.ts'
import { problemResponse } from '../http/problem.ts'
import type { HttpResponse, DroppedConnection } from '../http/response.ts'
import type { MutableTraffic, Traffic } from '../http/traffic.ts'
import { createTraffic } from '../http/traffic.ts'
import type { Service } from '../service/service.ts'
import type { CutKind } from '../stream/faults.ts'
import { toRequest } from './to-request.ts'

/** Options of `createNodeHandler`. Durations are in milliseconds. */
export interface NodeHandlerOptions {
  /** Whether event streams are compressed for clients that accept compression. @defaultValue true */
  readonly compress?: boolean
  /** How long a client may take to accept a write before the client is dropped, in milliseconds. @defaultValue 30_000 */
  readonly drainTimeout?: number
  /** Source of time, for tests. @defaultValue the platform's */
  readonly clock?: Clock
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

/**
 * A request handler for `node:http`, `node:http2`, Express and Fastify. Calls Express's `next` for paths that have
 * no route.
 */
export interface NodeHandler {
  (request: IncomingMessage, response: ServerResponse, next?: () => void): void
  (request: FastifyLikeRequest, reply: FastifyLikeReply): void
  (request: Http2ServerRequest, response: Http2ServerResponse): void
  /** Live traffic figures of the responses being streamed, one entry per connection. */
  readonly connections: readonly Traffic[]
  /** Responds with a problem document. */
  sendProblem(response: ServerResponse, status: number, detail: string): void
  /** Ends every response: streams cleanly, hanging requests with a reset. */
  close(): void
}

/** Cuts the connection by a TCP reset or by a FIN in the middle of the response. On HTTP/2, resets only the stream. */
function cutSocket(response: ServerResponse, cut: CutKind): void {
  const { socket } = response
  if ('stream' in response)
    return (response as unknown as Http2ServerResponse).stream.close(constants.NGHTTP2_INTERNAL_ERROR)
  if (!socket) return
  if (cut === 'reset') socket.resetAndDestroy()
  else socket.destroySoon()
}

/** Waits between the last bytes and a reset: libuv clients that receive both in one read report a normal end. */
const waitOneTurn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))

/** Resolves with `true` once the operating system accepts the write, or with `false` if it fails or times out. */
function write(response: ServerResponse, bytes: Uint8Array, timeout: number, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const finish = (outcome: boolean): void => {
      cancel()
      response.off('close', fail)
      resolve(outcome)
    }
    const fail = (): void => finish(false)
    const cancel = clock.after(timeout, fail, 'housekeeping')
    response.once('close', fail)
    if (response.destroyed) fail()
    else response.write(bytes, (error) => finish(!error))
  })
}

/** Creates the handler. */
export function createNodeHandler(service: Service, options: NodeHandlerOptions = {}): NodeHandler {
  const { compress = true, drainTimeout = 30_000, clock = systemClock } = options
  const openRequests = new Set<AbortController>()
  const connections = new Set<MutableTraffic>()

  const compressorFor = ({ headers, encoding }: HttpResponse, accepted: string | undefined): Compressor | undefined => {
    const isStream = headers.get('content-type')?.startsWith('text/event-stream')
    const chosen = encoding ?? (compress && isStream ? chooseEncoding(accepted) : 'identity')
    return chosen === 'identity' ? undefined : createCompressor(chosen)
  }

  const send = async (
    request: IncomingMessage,
    response: ServerResponse,
    httpResponse: HttpResponse | DroppedConnection,
    traffic: MutableTraffic,
  ): Promise<void> => {
    if (response.destroyed) return undefined
    if ('cut' in httpResponse) return cutSocket(response, httpResponse.cut)
    const { status, headers, body } = httpResponse
    response.statusCode = status
    for (const [name, value] of headers) response.setHeader(name, value)
    if (typeof body !== 'object') return void response.end(body)

    const compressor = compressorFor(httpResponse, request.headers['accept-encoding'])
    if (compressor) {
      traffic.encoding = compressor.encoding
      response.setHeader('content-encoding', compressor.encoding)
    }
    // Announce keep-alive only if the client did not request `Connection: close`.
    if (request.httpVersion === '1.1' && response.shouldKeepAlive) response.setHeader('connection', 'keep-alive')
    if (request.httpVersionMajor === 1) response.socket?.setNoDelay(true)
    response.flushHeaders()
    const { chunks, connectionCut } = body
    const drop = (): void => cutSocket(response, 'reset')
    connectionCut?.addEventListener('abort', drop, { once: true })
    connections.add(traffic)
    try {
      for await (const { bytes, cut } of chunks) {
        const encoded = compressor && bytes.length > 0 ? await compressor.compress(bytes) : bytes
        // Cut the compressed bytes as well, or the client could decode more than the fault allows.
        const outgoingBytes = cut && compressor ? encoded.subarray(0, encoded.length >> 1) : encoded
        traffic.bytes += bytes.length
        traffic.sent += outgoingBytes.length
        if (outgoingBytes.length > 0 && !(await write(response, outgoingBytes, drainTimeout, clock))) return drop()
        if (cut) {
          await waitOneTurn()
          return cutSocket(response, cut)
        }
      }
      if (response.destroyed) return
      response.end(compressor ? await compressor.finish() : undefined)
    } finally {
      connections.delete(traffic)
      connectionCut?.removeEventListener('abort', drop)
      compressor?.close()
    }
  }

  const handle = async (
    incoming: IncomingMessage,
    response: ServerResponse,
    parsedBody: unknown,
    next?: () => void,
  ): Promise<void> => {
    const abortController = new AbortController()
    const convertedRequest = toRequest(incoming, parsedBody, abortController.signal)
    if (!convertedRequest)
      return send(
        incoming,
        response,
        problemResponse(400, 'The method, host or target of the request is not valid.'),
        createTraffic(),
      )
    const { request, basePath, path, peer } = convertedRequest
    if (next && !service.has(path)) return next()
    openRequests.add(abortController)
    response.once('close', () => {
      openRequests.delete(abortController)
      abortController.abort()
    })
    const traffic = createTraffic()
    Object.defineProperty(traffic, 'buffered', { enumerable: true, get: () => response.writableLength })
    await send(
      incoming,
      response,
      await service.handle(request, { signal: abortController.signal, basePath, peer, traffic }),
      traffic,
    )
  }

  const handler = (
    request: IncomingMessage | Http2ServerRequest | FastifyLikeRequest,
    response: ServerResponse | Http2ServerResponse | FastifyLikeReply,
    next?: () => void,
  ): void => {
    const isFastify = 'hijack' in response
    if (isFastify) response.hijack()
    // The casts are safe: the HTTP/2 objects have every member that is used here.
    const incoming = ('raw' in request ? request.raw : request) as IncomingMessage
    const outgoing = (isFastify ? response.raw : response) as ServerResponse
    const parsedBody = (request as { body?: unknown }).body
    handle(incoming, outgoing, parsedBody, next).catch((error: unknown) => {
      console.error(error)
      outgoing.destroy()
    })
  }
  return Object.defineProperties(
    Object.assign(handler, {
      sendProblem(response: ServerResponse, status: number, detail: string): void {
        const { headers, body } = problemResponse(status, detail, { connection: 'close' })
        response.writeHead(status, Object.fromEntries(headers)).end(body)
      },
      close(): void {
        for (const abortController of openRequests) abortController.abort()
      },
    }),
    { connections: { get: () => [...connections] } },
  ) as NodeHandler
}
