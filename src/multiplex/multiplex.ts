/** A `Connect` that has all streams of an origin share one connection. */
import { originOf, resolveUrl } from '../base/url.ts'
import type { Connect, ConnectRequest, Connection } from '../connect/connect.ts'
import { fetchConnect } from '../connect/fetch.ts'
import { fetchFollowingRedirects } from '../connect/redirect.ts'
import { type Channel, type MultiplexOptions, createChannel } from './channel.ts'

/** What a carrier can't do for one of its streams. */
const FETCH_ONLY_OPTIONS = /^(body|cache|credentials|dispatcher|mode|redirect|referrer)/
/** Characters of the longest body that is carried: one request brings the operations of all streams. */
const MAX_BODY_CHARS = 100_000

/**
 * Makes a `Connect` that carries streams over one connection (PROTOCOL.md, section 5), which is opened with the first of
 * them. `channel` is resolved against the address of the first stream; streams of other origins, and requests that can't
 * be carried (binary bodies, those of more than 100,000 characters), have connections of their own.
 *
 * @example createClient({ connect: multiplex('/api/channel') })
 */
export function multiplex(channelUrl: string | URL, options: MultiplexOptions = {}): Connect {
  const { connect = fetchConnect(), init = {} } = options
  let channelAddress = ''
  let channel: Channel | undefined

  const canUseChannel = ({ url, body, init: requestInit = {} }: ConnectRequest): boolean =>
    originOf(url) === originOf(channelAddress) &&
    (!body || (typeof body === 'string' && body.length <= MAX_BODY_CHARS)) &&
    !Object.entries(requestInit).some(
      ([name, value]) => FETCH_ONLY_OPTIONS.test(name) && value != null && value !== init[name as keyof RequestInit],
    )

  const openConnection = async (request: ConnectRequest): Promise<Connection> => {
    request.signal.throwIfAborted()
    channelAddress ||= resolveUrl(channelUrl, request.url)
    let connection: Connection | undefined
    if (canUseChannel(request)) {
      while (!connection) {
        channel ??= createChannel({ ...options, connect }, channelAddress, request, () => (channel = undefined))
        connection = await channel.open(request)
      }
      if (connection.status !== 421) return connection
      // Misdirected: a carrier is of one subject, and this is another one's.
      connection.cancel()
    }
    return connect(request)
  }
  return async (request) => {
    const { url, method, body, headers, credentialHeaders } = request
    /** Where a redirect leads to may not be carried. */
    const fetch = async (target: unknown, init?: RequestInit): Promise<Response> => {
      const connection = await openConnection({
        ...request,
        ...init,
        url: target,
        headers: [...(init!.headers as Headers)],
      } as ConnectRequest)
      return Object.assign(connection, { body: { cancel: async () => connection.cancel() } }) as unknown as Response
    }
    const response: unknown = await fetchFollowingRedirects(
      fetch,
      url,
      { method, body: body!, headers: new Headers(headers) },
      credentialHeaders,
    )
    return response as Connection
  }
}
