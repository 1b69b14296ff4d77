/** A `Connect` that has all streams of an origin share one connection. */
import { originOf, resolveAddress } from '../base/url.ts'
import type { Connect, ConnectRequest, Connection } from '../connect/connect.ts'
import { fetchConnect } from '../connect/fetch.ts'
import { fetchByHand } from '../connect/redirect.ts'
import { type Carrier, type MultiplexOptions, createCarrier } from './channel.ts'

/** What a carrier can't do for one of its streams. */
const fetchOnly = /^(body|cache|credentials|dispatcher|mode|redirect|referrer)/
/** Characters of the longest body that is carried: one request brings the operations of all streams. */
const LONGEST_BODY = 100_000

/**
 * Makes a `Connect` that carries streams over one connection (PROTOCOL.md, section 5), which is opened with the first of
 * them. `channel` is resolved against the address of the first stream; streams of other origins, and requests that can't
 * be carried (binary bodies, those of more than 100,000 characters), have connections of their own.
 *
 * @example createClient({ connect: multiplex('/api/channel') })
 */
export function multiplex(channel: string | URL, options: MultiplexOptions = {}): Connect {
  const { connect = fetchConnect(), init = {} } = options
  let address = ''
  let carrier: Carrier | undefined

  const isCarriable = ({ url, body, init: own = {} }: ConnectRequest): boolean =>
    originOf(url) === originOf(address) &&
    (!body || (typeof body === 'string' && body.length <= LONGEST_BODY)) &&
    !Object.entries(own).some(
      ([name, value]) => fetchOnly.test(name) && value != null && value !== init[name as keyof RequestInit],
    )

  const open = async (request: ConnectRequest): Promise<Connection> => {
    request.signal.throwIfAborted()
    address ||= resolveAddress(channel, request.url)
    let connection: Connection | undefined
    if (isCarriable(request)) {
      while (!connection) {
        carrier ??= createCarrier({ ...options, connect }, address, request, () => (carrier = undefined))
        connection = await carrier.open(request)
      }
      if (connection.status !== 421) return connection
      // Misdirected: a carrier is of one subject, and this is another one's.
      connection.cancel()
    }
    return connect(request)
  }
  return async (request) => {
    const { url, method, body, headers, credentials } = request
    /** Where a redirect leads to may not be carried. */
    const fetch = async (target: unknown, init?: RequestInit): Promise<Response> => {
      const connection = await open({
        ...request,
        ...init,
        url: target,
        headers: [...(init!.headers as Headers)],
      } as ConnectRequest)
      return Object.assign(connection, { body: { cancel: async () => connection.cancel() } }) as unknown as Response
    }
    const answer: unknown = await fetchByHand(
      fetch,
      url,
      { method, body: body!, headers: new Headers(headers) },
      credentials,
    )
    return answer as Connection
  }
}
