/** The endpoint of channels: opens them, and applies operations to their streams (PROTOCOL.md 5.1, 5.2, 5.5). */
import { parseJson, readBody } from '../http/body.ts'
import type { EndpointContext, Exchange } from '../http/endpoint.ts'
import { connectionResponse, countStream, createHandler, errorResponse, identify } from '../http/endpoint.ts'
import type { Identity } from '../http/identity.ts'
import { HttpError } from '../http/problem.ts'
import { Channel } from './channel.ts'
import type { OpenOperation } from './operations.ts'
import { parseOperations } from './operations.ts'
import type { Channels, ChannelsOptions, ChannelRoute } from './options.ts'
import { relayResponse } from './relay-response.ts'
import { createStreamRequest } from './stream-request.ts'

/** What a server needs of its channels. */
export interface ManagedChannels extends Channels {
  /** Ends each channel as soon as it has no streams. */
  endUnused(): void
  /** Ends all channels. */
  close(): void
}

const ACCEPTED = 202
const DEFAULT_MAX_EVENT_BYTES = 16 * 1024 * 1024

/** Creates the endpoint. */
export function createChannels<Id extends Identity>(
  context: EndpointContext<Id>,
  { routes, headers = [], maxStreams = 100, maxOperations = 1_000, maxEventBytes }: ChannelsOptions,
): ManagedChannels {
  const { hub, instrument, limits, identified, hooks } = context
  const allowedHeaders = headers.map((name) => name.toLowerCase())
  const channels = new Map<string, Channel>()

  const findRoute = (path: string): ChannelRoute => {
    const route = typeof routes === 'function' ? routes(path) : new Map(Object.entries(routes)).get(path)
    if (route) return route
    throw new HttpError(404, 'There is no such stream on this channel.')
  }

  const open = async ({ identity, request, interception }: Exchange<Id>): Promise<Response> => {
    const uncount = countStream(context, identity)
    const openedAt = hub.options.clock.now()
    const channel: Channel = new Channel({
      pulse: hub.pulse,
      hub: { ...hub.options, heartbeat: interception.heartbeat ?? hub.options.heartbeat },
      identity,
      maxEventBytes: maxEventBytes ?? DEFAULT_MAX_EVENT_BYTES,
      onClose(reason) {
        channels.delete(channel.id)
        uncount()
        instrument({ type: 'close', reason, duration: hub.options.clock.now() - openedAt, ...record })
      },
    })
    const record = { kind: 'channel', stream: channel.id, subject: identity.subject } as const
    channels.set(channel.id, channel)
    instrument({ type: 'open', ...record })
    return connectionResponse(context, channel, {
      kind: 'channel',
      stream: channel.id,
      request,
      identity,
      countStreams: () => channel.size,
    })
  }

  /** Handles the request of a stream like any other, but on behalf of the channel's subject. */
  const respond = async (
    { id, operation, signal }: { readonly id: string; readonly operation: OpenOperation; readonly signal: AbortSignal },
    post: Exchange<Id>,
  ): Promise<Response> => {
    try {
      const allowed = hooks.allowHeaders?.(operation.headers) ?? allowedHeaders
      const { request, hasCredentials } = createStreamRequest(operation, post.request, allowed, signal)
      const { handler } = findRoute(new URL(request.url).pathname)
      const identity = hasCredentials ? await identify(context, request) : post.identity
      if (identity.subject !== post.identity.subject) {
        throw new HttpError(421, 'The credentials of the stream belong to another subject than those of the channel.')
      }
      identified.set(request, identity)
      hooks.carry?.(request, { channel: id, identity })
      return await handler(request)
    } catch (error) {
      return errorResponse(context, error)
    }
  }
  const openStream = (channel: Channel, operation: OpenOperation, post: Exchange<Id>): void => {
    const isFull = channel.size >= maxStreams
    const { key, path, window } = operation
    const stream = channel.open(key, window)
    const response = isFull
      ? errorResponse(context, new HttpError(503, 'The channel has as many streams as it may.'))
      : respond({ id: channel.id, operation, signal: stream.signal }, post)
    Promise.resolve(response)
      .then((arrived) => relayResponse(stream, arrived, path))
      .catch((error: unknown) => {
        instrument({ type: 'error', error })
        stream.fail(500, 'The request failed on the server.')
      })
  }

  const apply = async (exchange: Exchange<Id>): Promise<Response> => {
    const { request, identity } = exchange
    const { channelId, operations } = parseOperations(parseJson(await readBody(request, limits.body)), maxOperations)
    const channel = channels.get(channelId)
    if (channel?.subject !== identity.subject) {
      throw new HttpError(404, 'This process has no such channel: it has ended, or it was opened in another process.')
    }
    const newKeys = new Set<string>()
    for (const { op, key } of operations) {
      if (op !== 'open') continue
      if (newKeys.has(key) || !channel.isUnused(key)) throw new HttpError(409, `The key ${key} was already used.`)
      newKeys.add(key)
    }
    channel.renew(identity)
    for (const operation of operations) {
      const { op, key } = operation
      if (op === 'open') openStream(channel, operation, exchange)
      else if (op === 'credit') channel.find(key)?.grantCredit(operation.bytes)
      else channel.close(key)
    }
    return new Response(null, { status: ACCEPTED })
  }

  return {
    // While the server closes, streams that continue need credit; new ones are refused by their own handlers.
    handler: createHandler(context, { GET: open, POST: apply }, ['POST']),
    endUnused() {
      for (const channel of channels.values()) channel.endWhenUnused()
    },
    close() {
      for (const channel of channels.values()) channel.end('closed')
    },
  }
}
