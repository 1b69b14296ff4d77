/** The requests that concern channels: to open one, and to say what its streams ask (PROTOCOL.md 5.1, 5.2). */
import type { Router } from '../http/router.ts'
import { emptyResponse } from '../http/response.ts'
import { readJson } from '../http/body.ts'
import type { Exchange, Handler } from '../http/exchange.ts'
import { streamResponse } from '../http/exchange.ts'
import { HttpError } from '../http/problem.ts'
import type { MutableTraffic } from '../http/traffic.ts'
import type { Channel } from './channel.ts'
import { createChannel } from './channel.ts'
import type { Operation, OpenOperation } from './operations.ts'
import { parseOperations } from './operations.ts'

/** A channel, and what its connection carries. */
export interface ChannelEntry {
  readonly channel: Channel
  readonly traffic: MutableTraffic
}

/** What the endpoints share. */
export interface ChannelEndpoint {
  readonly channels: Map<string, ChannelEntry>
  /** Answers what streams ask, as it answers everything else. */
  readonly handle: Router
  /** Bytes of a body. */
  readonly bodyLimit: number
}

/** Carriers at once. */
const MAX_CHANNELS = 1_000

/** `GET`: opens the carrier. */
export function openChannel({ channels }: ChannelEndpoint): Handler {
  return (exchange) => {
    if (channels.size >= MAX_CHANNELS) throw new HttpError(503, 'Too many channels.')
    const { identity, heartbeat, clock, traffic } = exchange
    const channel = createChannel({
      identity,
      heartbeat,
      clock,
      onChange: () => void (traffic.streams = channel.streams),
      onClose: () => void channels.delete(channel.id),
    })
    traffic.streams = 0
    channels.set(channel.id, { channel, traffic })
    // A carrier ends by itself when its token has expired: after its last stream, each of which has an end of its own.
    return streamResponse({ ...exchange, identity: { subject: identity.subject } }, channel.source)
  }
}

/** What a stream asks for, as a request. Resolved, a path that begins with `//` would name another origin. */
function createStreamRequest(
  { method, path, headers, body }: OpenOperation,
  { request, url }: Exchange,
  signal: AbortSignal,
): Request {
  const origin = request.headers.get('origin')
  const mergedHeaders = new Headers(headers)
  // Who may read is judged by the page that asks, whatever it says of itself within.
  if (origin !== null) mergedHeaders.set('origin', origin)
  return new Request(url.origin + path, {
    method,
    headers: mergedHeaders,
    signal,
    ...(body === undefined ? {} : { body }),
  })
}

function applyOperation({ channel, traffic }: ChannelEntry, op: Operation, exchange: Exchange, handle: Router): void {
  if (op.op === 'credit') return channel.credit(op.key, op.bytes)
  if (op.op === 'close') return channel.close(op.key)
  channel.open(op, (signal) =>
    handle(createStreamRequest(op, exchange, signal), {
      signal,
      basePath: exchange.basePath,
      peer: 'remote',
      channelIdentity: channel.identity,
      traffic,
    }),
  )
}

/** `POST` of operations; all of them are done, or none. */
export function applyOperations({ channels, handle, bodyLimit }: ChannelEndpoint): Handler {
  return async (exchange) => {
    const { channelId, ops } = parseOperations(await readJson(exchange.request, bodyLimit))
    const entry = channels.get(channelId)
    if (entry?.channel.identity.subject !== exchange.identity.subject) {
      throw new HttpError(404, 'There is no such channel, or no more.')
    }
    const newKeys = new Set<string>()
    for (const { op, key } of ops) {
      if (op !== 'open') continue
      if (newKeys.has(key) || !entry.channel.isUnusedKey(key))
        throw new HttpError(409, `The key ${key} was used before.`)
      newKeys.add(key)
    }
    entry.channel.renewIdentity(exchange.identity)
    for (const op of ops) applyOperation(entry, op, exchange, handle)
    return emptyResponse(202)
  }
}
