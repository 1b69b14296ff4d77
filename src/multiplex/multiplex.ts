/** A `Connect` that carries all streams to one origin over one channel. */
import { originOf, resolveUrl } from '../base/url.ts'
import type { Connect, ConnectRequest, Connection } from '../connect/connect.ts'
import { fetchConnect } from '../connect/fetch.ts'
import { fetchFollowingRedirects } from '../connect/redirect.ts'
import { type Channel, type MultiplexOptions, createChannel } from './channel.ts'

/** `fetch` options that cannot apply to a single stream of a channel. */
const FETCH_ONLY_OPTIONS = /^(body|cache|credentials|dispatcher|mode|redirect|referrer)/
/**
 * Longest body that may go over the channel, in characters: a longer one would delay the operations of other streams,
 * with which it shares a request.
 */
const MAX_BODY_CHARS = 100_000

/**
 * Creates a `Connect` that carries streams over one channel (PROTOCOL.md, section 5), which is opened by the first stream.
 * `channelUrl` is resolved against the URL of that stream. Streams to other origins, and requests whose body is binary
 * or longer than 100,000 characters, get connections of their own.
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
      // Misdirected (PROTOCOL.md, 5.3): the stream's credentials belong to a different subject from the channel's.
      connection.cancel()
    }
    return connect(request)
  }
  return async (request) => {
    const { url, method, body, headers, credentialHeaders } = request
    /** Chooses between the channel and a separate connection for each redirect target. */
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
