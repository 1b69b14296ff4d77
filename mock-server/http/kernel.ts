/** The server that the mock is built on, and the hooks through which requests reach its connections. */
import type { Clock } from '../../server/base/clock.ts'
import type { Carrier, Connection, Interception } from '../../server/http/hooks.ts'
import { asLog } from '../../server/log/memory-log.ts'
import { MemoryStreams } from '../../server/log/memory-streams.ts'
import { isRunError } from '../../server/run/delta.ts'
import type { Server } from '../../server/service/create-server.ts'
import { createKernel } from '../../server/service/create-server.ts'
import type { Source as ByteSource } from '../../server/stream/sink.ts'
import { sourceOf } from '../../server/stream/stream-response.ts'
import type { Exchange } from './exchange.ts'
import type { Authenticator, Identity } from './identity.ts'
import type { HttpResponse } from './response.ts'

/** Options of `createMockKernel`. */
export interface KernelOptions {
  readonly clock: Clock
  /** Interval of heartbeats in milliseconds, unless a rule overrides it; 0 disables them. */
  readonly heartbeat: number
  readonly maxRuns: number
  /** Authenticates the streams of channels that have credentials of their own. */
  readonly authenticator: Authenticator
  readonly bodyLimit: number
}

/** An identity of the server: that of one request. */
export interface RequestIdentity extends Identity {
  /** Missing for a stream of a channel that was authenticated before its request is handled. */
  readonly exchange?: Exchange
}

/** A connection that the server has opened. */
export interface OpenedConnection {
  readonly source: ByteSource
  readonly connection: Connection
}

/** The server, as the endpoints of the mock use it. */
export interface MockKernel {
  readonly server: Server<RequestIdentity>
  /** Its log, without promises. */
  readonly streams: MemoryStreams
  /** Returns the channel that has made a request, and on whose behalf. */
  carrierOf(request: Request): Carrier
  /** Lets the server handle a request. Returns the connection that it opens, or its response. */
  handle(
    exchange: Exchange,
    handler: (request: Request) => Promise<Response>,
    interception: Omit<Interception, 'heartbeat'>,
  ): Promise<OpenedConnection | HttpResponse>
}

/** An event ID of the server, to which the fault `id-prefix` may have added a prefix. */
const EVENT_ID = /[0-9a-f]{8}(-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})?-\d+-[0-9a-z]+$/

/**
 * Creates the request for the server: that of the client, with the URL of the exchange and the server's event ID. It is
 * another object, because the server remembers who sends a request of a channel.
 */
function createKernelRequest({ request, url, lastEventId }: Exchange): Request {
  const ownId = lastEventId && EVENT_ID.exec(lastEventId)?.[0]
  const hasForeignId = ownId && ownId !== lastEventId
  if (!hasForeignId && request.url === url.href) return new Request(request)
  const { method, signal } = request
  const headers = new Headers(request.headers)
  if (ownId) headers.set('last-event-id', ownId)
  // Only requests without a body bring an event ID, or are sent to another URL.
  return new Request(url, { method, headers, signal })
}

/** Headers that belong to the connection or the page, of which a stream has none of its own, or that every stream may bring. */
const OTHER_HEADERS =
  /^(host|origin|cookie|connection|content-length|transfer-encoding|accept-encoding|accept|content-type|last-event-id|idempotency-key)$/

/** Converts a response that is not a stream. */
async function toHttpResponse(response: Response): Promise<HttpResponse> {
  const { status, headers } = response
  return { status, headers, body: await response.text() }
}

/** Creates the server. */
export function createMockKernel({ clock, heartbeat, maxRuns, bodyLimit, authenticator }: KernelOptions): MockKernel {
  const streams = new MemoryStreams({ maxBytes: Infinity, maxRuns, clock })
  const exchanges = new WeakMap<Request, Exchange & { readonly interception: Interception }>()
  const connections = new WeakMap<ByteSource, Connection>()
  const carriers = new WeakMap<Request, Carrier>()
  const server = createKernel<RequestIdentity>(
    {
      log: asLog(streams),
      clock,
      heartbeat,
      // The transports of the mock watch over clients that do not read.
      drainTimeout: Infinity,
      instrument(record) {
        // Errors that a rule injects are wanted.
        if ('error' in record && !isRunError(record.error)) console.error(record.error)
      },
      limits: { body: bodyLimit, streams: Infinity, runs: Infinity },
      authenticate(request) {
        const exchange = exchanges.get(request)
        return exchange ? { ...exchange.identity, exchange } : authenticator.authenticate(request)
      },
    },
    {
      intercept: (request) => exchanges.get(request)?.interception ?? {},
      carry: (request, by) => void carriers.set(request, by),
      allowHeaders: (own) => [...own.keys()].filter((name) => !OTHER_HEADERS.test(name)),
      shape(source, connection) {
        connections.set(source, connection)
        return source
      },
    },
  )
  return {
    server,
    streams,
    carrierOf: (request) => carriers.get(request)!,
    async handle(exchange, handler, interception) {
      const request = createKernelRequest(exchange)
      exchanges.set(request, { ...exchange, interception: { ...interception, heartbeat: exchange.heartbeat } })
      const response = await handler(request)
      const source = sourceOf(response)
      return source ? { source, connection: connections.get(source)! } : toHttpResponse(response)
    },
  }
}
