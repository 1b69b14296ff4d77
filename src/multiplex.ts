/** Entry `rivulet/multiplex`: a `Connect` that has all streams of an origin share one connection. */
import { originOf, resolveAddress } from './address.ts'
import { type Clock, systemClock } from './base/clock.ts'
import { StreamError } from './base/errors.ts'
import { report } from './base/report.ts'
import type { Connect, ConnectRequest, Connection } from './connect/connect.ts'
import { fetchConnect } from './connect/fetch.ts'
import { type Carrier, type Identity, createCarrier } from './multiplex/carrier.ts'

/** How streams share a connection. */
export interface MultiplexOptions {
  /** Makes the carrier, the requests for operations, and the connections of what can't be carried. @defaultValue `fetchConnect()` */
  connect?: Connect
  /** Whom the carrier belongs to; a function is asked for each stream. @defaultValue the headers of the stream that opens it */
  headers?: HeadersInit | (() => HeadersInit | Promise<HeadersInit>)
  /** What only `fetch` understands, for the carrier and its operations. A stream that asks `fetch` for something else is not carried. */
  init?: RequestInit
  /** Bytes that the server may send to a stream before they are read: what a stream that is not read costs. @defaultValue 256 KiB */
  window?: number
  /** Milliseconds for which the carrier stays open after its last stream. @defaultValue 1,000 */
  linger?: number
  /** Milliseconds that the server has to open the carrier, and for each request with operations. @defaultValue 10,000 */
  timeout?: number
  /** Time. @defaultValue the platform's */
  clock?: Clock
  /** Hears of events on the carrier that belong to no stream (`invalid-data`). @defaultValue `reportError` */
  onError?(error: StreamError): void
}

/** What is not about one stream, and so belongs to no carrier. */
const ownHeaders = /^(accept$|content-|idempotency-key$|last-event-id$)/
/** What a carrier can't do for one of its streams. */
const fetchOnly = [
  'body', 'cache', 'credentials', 'dispatcher', 'integrity', 'keepalive', 'mode', 'priority', 'redirect', 'referrer', 'referrerPolicy',
]
/** Characters of the longest body that is carried: one request brings the operations of all streams. */
const LONGEST_BODY = 100_000
/** Redirects that are followed, as by `fetch`. */
const REDIRECTS = 20

/**
 * Makes a `Connect` that carries streams over one connection (PROTOCOL.md, section 5), which is opened with the first of
 * them. `channel` is resolved against the address of the first stream; streams of other origins, and requests that can't
 * be carried (binary bodies, those of more than 100,000 characters), have connections of their own.
 *
 * @example createClient({ connect: multiplex('/api/channel') })
 */
export function multiplex(channel: string | URL, options: MultiplexOptions = {}): Connect {
  const { connect = fetchConnect(), headers: own, window = 0x40000, linger = 1_000, timeout = 10_000, init, clock = systemClock } = options
  const { onError = report } = options
  const wanted: { readonly [name: string]: unknown } = { ...init }
  let url = ''
  let carrier: Carrier | undefined

  const isCarriable = ({ url: target, body = '', init = {} }: ConnectRequest): boolean =>
    originOf(target) === originOf(url) &&
    typeof body === 'string' &&
    body.length <= LONGEST_BODY &&
    Object.entries(init).every(([name, value]) => value == null || value === wanted[name] || !fetchOnly.includes(name))

  const identify = async ({ headers, credentials }: ConnectRequest): Promise<Identity> => {
    if (!own) return { headers: headers.filter(([name]) => !ownHeaders.test(name)), credentials }
    const given = [...new Headers(typeof own === 'function' ? await own() : own)]
    return { headers: given, credentials: given.map(([name]) => name) }
  }
  const open = async (request: ConnectRequest): Promise<Connection> => {
    for (;;) {
      const identity = await identify(request)
      if (request.signal.aborted) throw request.signal.reason
      carrier ??= createCarrier(
        { connect, window, linger, timeout, init, clock, onError, resolve: (reference) => resolveAddress(reference, url) },
        url,
        identity,
        () => (carrier = undefined),
      )
      const connection = await carrier.open(request, identity)
      if (connection) return connection
    }
  }
  const follow = async (request: ConnectRequest, left = REDIRECTS): Promise<Connection> => {
    url ||= resolveAddress(channel, request.url)
    if (!isCarriable(request)) return connect(request)
    const connection = await open(request)
    const { status, headers } = connection
    const location = headers.get('location')
    // Misdirected: streams of another subject are not carried together with these.
    if (status === 421) {
      connection.cancel()
      return connect(request)
    }
    if (!location || ![301, 302, 303, 307, 308].includes(status)) return connection
    connection.cancel()
    const target = resolveAddress(location, connection.url)
    const name = `${request.method} ${request.url.split('?')[0]}`
    if (!left) throw new StreamError('network', `Redirected too often: ${name}`, { retryable: true })
    const { method, credentials } = request
    // Fetch standard, section "HTTP-redirect fetch".
    const changed = status === 303 || (status < 303 && method === 'POST')
    const stays = originOf(target) === originOf(url)
    const secret = (name: string): boolean => name === 'authorization' || credentials.includes(name)
    return follow(
      {
        ...request,
        url: target,
        ...(changed && { method: 'GET', body: undefined }),
        ...(!stays && { headers: request.headers.filter(([name]) => !secret(name)), credentials: [] }),
      },
      left - 1,
    )
  }
  return (request) => follow(request)
}
