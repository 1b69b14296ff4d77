/** A `Connect` that carries all streams to one origin over one channel. */
import { throwIfAborted } from '../base/abort-listeners.ts'
import { originOf, resolveUrl } from '../base/url.ts'
import type { Connect, ConnectRequest, Connection } from '../connect/connect.ts'
import { fetchConnect } from '../connect/fetch.ts'
import { fetchFollowingRedirects } from '../connect/redirect.ts'
import { MILLISECONDS, checkNumbers } from '../request/check-options.ts'
import { type Channel, type MultiplexOptions, createChannel } from './channel.ts'

/** `fetch` options that cannot apply to a single stream of a channel. */
const FETCH_ONLY_OPTIONS = /^(body|cache|credentials|dispatcher|mode|redirect|referrer)/
/**
 * Longest body that may go over the channel, in characters: a longer one would delay the operations of other streams,
 * with which it shares a request.
 */
const MAX_BODY_CHARS = 100_000

/** The statuses that redirect (Fetch standard, "redirect status"). */
const REDIRECT_STATUSES = [301, 302, 303, 307, 308]

/**
 * Creates a `Connect` that carries streams over one channel (PROTOCOL.md, section 5), which is opened by the first stream.
 * `channelUrl` is resolved against the URL of that stream. Streams to other origins, streams that must not receive the
 * channel's credentials, and requests whose body is binary or longer than 100,000 characters, get connections of their
 * own.
 *
 * @throws TypeError if `window`, `linger` or `timeout` is not a valid number
 * @example createClient({ connect: multiplex('/api/channel') })
 */
export function multiplex(channelUrl: string | URL, options: MultiplexOptions = {}): Connect {
  const { connect = fetchConnect(), init = {}, window, timeout } = options
  checkNumbers(options, ['linger', 'timeout'], MILLISECONDS)
  if (window !== undefined && !(Number.isFinite(window) && window > 0))
    throw new TypeError('window: expected a finite number of bytes above 0')
  const channelOptions = { ...options, connect, ...(timeout === 0 && { timeout: Infinity }) }
  let channelAddress = ''
  let channel: Channel | undefined

  const canUseChannel = ({ url, body, init: requestInit = {} }: ConnectRequest): boolean =>
    originOf(url) === originOf(channelAddress) &&
    (!body || (typeof body === 'string' && body.length <= MAX_BODY_CHARS)) &&
    !Object.entries(requestInit).some(
      ([name, value]) => FETCH_ONLY_OPTIONS.test(name) && value != null && value !== init[name as keyof RequestInit],
    )

  const openConnection = async (request: ConnectRequest): Promise<Connection> => {
    throwIfAborted(request.signal)
    // The server would treat a stream without credentials as one of the channel's identity.
    if (request.withheldFrom) return connect(request)
    channelAddress ||= resolveUrl(channelUrl, request.url)
    let connection: Connection | undefined
    if (canUseChannel(request)) {
      while (!connection) {
        channel ??= createChannel(channelOptions, channelAddress, request, () => (channel = undefined))
        connection = await channel.open(request)
      }
      if (connection.status !== 421) return connection
      // Misdirected (PROTOCOL.md, 5.3): the stream's credentials belong to a different subject from the channel's.
      connection.cancel()
    }
    return connect(request)
  }
  return async (request) => {
    const { url, method, headers, body, init: requestInit, credentialHeaders } = request
    let connection!: Connection
    /**
     * Opens a connection for the stream or for the target of a redirect, over the channel or not. The returned response
     * only tells `fetchFollowingRedirects` whether the connection is a redirect, and lets it close the connection.
     */
    const openHop = async (target: RequestInfo | URL, hop: RequestInit = {}): Promise<Response> => {
      const hopMethod = hop.method ?? method
      const opened = (connection = await openConnection({
        ...request,
        url: target instanceof Request ? target.url : String(target),
        method: hopMethod,
        headers: [...new Headers(hop.headers)],
        // A redirect that changes the method drops the body.
        ...(hopMethod !== method && { body: undefined, init: { ...requestInit, body: null } }),
      }))
      const { status, headers: responseHeaders } = opened
      if (!REDIRECT_STATUSES.includes(status)) return new Response()
      const closable = new ReadableStream({ cancel: () => opened.cancel() })
      return new Response(closable, { status, headers: responseHeaders })
    }
    await fetchFollowingRedirects(
      openHop,
      url,
      { method, body: body ?? null, headers: new Headers(headers) },
      credentialHeaders,
    )
    return connection
  }
}
