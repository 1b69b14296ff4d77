/** The service on Node's HTTP server, and as a handler of Express and Fastify; here the cuts are those of a real socket. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { constants } from 'node:http2'
import type { Clock } from '../base/clock.ts'
import { systemClock } from '../base/clock.ts'
import type { Compressor } from './compressor.ts'
import { chooseEncoding, createCompressor } from './compressor.ts'
import type { HttpResponse, DroppedConnection } from '../http/response.ts'
import { problemResponse } from '../http/problem.ts'
import type { MutableTraffic, Traffic } from '../http/traffic.ts'
import { createTraffic } from '../http/traffic.ts'
import { toRequest } from './to-request.ts'
import type { Service } from '../service/service.ts'
import type { CutKind } from '../stream/faults.ts'

/** What can be told to the handler. Durations are milliseconds. */
export interface NodeHandlerOptions {
  /** Whether event streams are compressed for clients that accept it. @defaultValue true */
  readonly compress?: boolean
  /** A client that has not taken a write for so long (milliseconds) is dropped. @defaultValue 30_000 */
  readonly drainTimeout?: number
  /** Time. @defaultValue the platform's */
  readonly clock?: Clock
}

/** What Fastify hands to a route, as far as it is used here. */
export interface FastifyLikeRequest {
  readonly raw: IncomingMessage
  readonly body?: unknown
}

/** What Fastify hands to a route for its answer. */
export interface FastifyLikeReply {
  readonly raw: ServerResponse
  hijack(): unknown
}

/** A listener of `node:http`, of `node:http2`, of Express (where it calls `next` for paths that are not its own), and of Fastify. */
export interface NodeHandler {
  (request: IncomingMessage, response: ServerResponse, next?: () => void): void
  (request: FastifyLikeRequest, reply: FastifyLikeReply): void
  (request: Http2ServerRequest, response: Http2ServerResponse): void
  /** What is being sent now, stream by stream: the figures go on counting. */
  readonly connections: readonly Traffic[]
  /** Answers with a problem document. */
  sendProblem(response: ServerResponse, status: number, detail: string): void
  /** Ends every response: streams in good order, requests that hang with a reset. */
  close(): void
}

/** Cuts the connection for real: a TCP reset, or a FIN in the middle of the response. On HTTP/2 it is the stream's alone. */
function cutSocket(response: ServerResponse, cut: CutKind): void {
  const { socket } = response
  if ('stream' in response)
    return (response as unknown as Http2ServerResponse).stream.close(constants.NGHTTP2_INTERNAL_ERROR)
  if (!socket) return
  if (cut === 'reset') socket.resetAndDestroy()
  else socket.destroySoon()
}

/** One turn of the event loop: a client of libuv that finds bytes and a reset in one read takes them for a regular end. */
const waitOneTurn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))

/** Settles when the write has reached the system; `false` if it did not in time, or never will. */
function write(response: ServerResponse, bytes: Uint8Array, timeout: number, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (outcome: boolean): void => {
      cancel()
      response.off('close', fail)
      resolve(outcome)
    }
    const fail = (): void => settle(false)
    const cancel = clock.after(timeout, fail, 'housekeeping')
    response.once('close', fail)
    if (response.destroyed) fail()
    else response.write(bytes, (error) => settle(!error))
  })
}

/** Makes the handler. */
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
    // Said as it is: whoever asks for the connection's end gets it.
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
        // An event that is cut is cut in its compressed form as well.
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
      return send(incoming, response, problemResponse(400, 'The request is not understood.'), createTraffic())
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
    // HTTP/2 has the same interface, for all that is asked of it here.
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
