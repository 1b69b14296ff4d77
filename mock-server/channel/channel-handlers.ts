/** Request handlers for channels: open a channel, and apply operations to its streams (PROTOCOL.md 5.1, 5.2). */
import type { Operation, OpenOperation } from '../../server/channel/operations.ts'
import { parseOperations } from '../../server/channel/operations.ts'
import { HttpError } from '../../server/http/problem.ts'
import { readJson } from '../http/body.ts'
import type { Exchange, Handler } from '../http/exchange.ts'
import { streamResponse } from '../http/exchange.ts'
import { emptyResponse } from '../http/response.ts'
import type { Router } from '../http/router.ts'
import type { MutableTraffic } from '../http/traffic.ts'
import type { Channel } from './channel.ts'
import { createChannel } from './channel.ts'

/** A channel and the traffic figures of its connection. */
export interface ChannelEntry {
  readonly channel: Channel
  readonly traffic: MutableTraffic
}

/** The state that the channel handlers share. */
export interface ChannelEndpoint {
  readonly channels: Map<string, ChannelEntry>
  /** Handles the request of a channel stream like any other request. */
  readonly handle: Router
  /** Maximum size of a request body in bytes. */
  readonly bodyLimit: number
}

/** Maximum number of open channels. */
const MAX_CHANNELS = 1_000
/** Maximum number of operations in one request. */
const MAX_OPERATIONS = 1_000
/** Headers that belong to the connection or the page; they are removed from a stream's headers. */
const CONNECTION_HEADERS = [
  'host',
  'origin',
  'cookie',
  'connection',
  'content-length',
  'transfer-encoding',
  'accept-encoding',
]

/** Creates the handler of `GET`, which opens a channel. */
export function openChannel({ channels }: ChannelEndpoint): Handler {
  return (exchange) => {
    if (channels.size >= MAX_CHANNELS) throw new HttpError(503, 'Too many open channels.')
    const { identity, heartbeat, clock, traffic } = exchange
    const channel = createChannel({
      identity,
      heartbeat,
      clock,
      onChange: () => void (traffic.streams = channel.streamCount),
      onClose: () => void channels.delete(channel.id),
    })
    traffic.streams = 0
    channels.set(channel.id, { channel, traffic })
    // Omit `expiresAt`: the channel ends by itself once its token has expired and its last stream has ended.
    return streamResponse({ ...exchange, identity: { subject: identity.subject } }, channel.source)
  }
}

/**
 * Builds a stream's request. Concatenates the origin and the path, because a path like `//host` would resolve to a
 * different origin.
 */
function createStreamRequest(
  { method, path, headers, body }: OpenOperation,
  { request, url }: Exchange,
  signal: AbortSignal,
): Request {
  const origin = request.headers.get('origin')
  const mergedHeaders = new Headers(headers)
  for (const name of CONNECTION_HEADERS) mergedHeaders.delete(name)
  // CORS depends on the page that sends the operations, not on an `origin` header inside an operation.
  if (origin !== null) mergedHeaders.set('origin', origin)
  return new Request(url.origin + path, {
    method,
    headers: mergedHeaders,
    signal,
    ...(body === undefined ? {} : { body }),
  })
}

function applyOperation({ channel, traffic }: ChannelEntry, op: Operation, exchange: Exchange, handle: Router): void {
  if (op.op === 'credit') return channel.grantCredit(op.key, op.bytes)
  if (op.op === 'close') return channel.closeStream(op.key)
  channel.openStream(op, (signal) =>
    handle(createStreamRequest(op, exchange, signal), {
      signal,
      basePath: exchange.basePath,
      peer: 'remote',
      channelIdentity: channel.identity,
      traffic,
    }),
  )
}

/** Creates the handler of a `POST` of operations, which applies all of them or none. */
export function applyOperations({ channels, handle, bodyLimit }: ChannelEndpoint): Handler {
  return async (exchange) => {
    const { channelId, operations } = parseOperations(await readJson(exchange.request, bodyLimit), MAX_OPERATIONS)
    const entry = channels.get(channelId)
    if (entry?.channel.identity.subject !== exchange.identity.subject) {
      throw new HttpError(404, 'The channel does not exist or is closed.')
    }
    const newKeys = new Set<string>()
    for (const { op, key } of operations) {
      if (op !== 'open') continue
      if (newKeys.has(key) || !entry.channel.isUnusedKey(key))
        throw new HttpError(409, `The key ${key} was already used on this channel.`)
      newKeys.add(key)
    }
    entry.channel.renewIdentity(exchange.identity)
    for (const operation of operations) applyOperation(entry, operation, exchange, handle)
    return emptyResponse(202)
  }
}
