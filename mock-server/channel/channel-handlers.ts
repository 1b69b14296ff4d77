/** The requests that concern channels: to open one, and to say what its streams ask (PROTOCOL.md 5.1, 5.2). */
import type { Answering } from '../http/router.ts'
import { empty } from '../http/response.ts'
import { readJson } from '../http/body.ts'
import type { Exchange, Handler } from '../http/exchange.ts'
import { streamAnswer } from '../http/exchange.ts'
import { Refusal } from '../http/problem.ts'
import type { Counting } from '../http/traffic.ts'
import type { Channel } from './channel.ts'
import { createChannel } from './channel.ts'
import type { Op, Open } from './operations.ts'
import { parseOps } from './operations.ts'

/** A channel, and what its connection carries. */
export interface Carrier {
  readonly channel: Channel
  readonly traffic: Counting
}

/** What the endpoints share. */
export interface ChannelEndpoint {
  readonly channels: Map<string, Carrier>
  /** Answers what streams ask, as it answers everything else. */
  readonly answer: Answering
  /** Bytes of a body. */
  readonly bodyLimit: number
}

/** Carriers at once. */
const LIMIT = 1_000

/** `GET`: opens the carrier. */
export function openChannel({ channels }: ChannelEndpoint): Handler {
  return (exchange) => {
    if (channels.size >= LIMIT) throw new Refusal(503, 'Too many channels.')
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
    return streamAnswer({ ...exchange, identity: { subject: identity.subject } }, channel.source)
  }
}

/** What a stream asks for, as a request. Resolved, a path that begins with `//` would name another origin. */
function requestOf({ method, path, headers, body }: Open, { request, url }: Exchange, signal: AbortSignal): Request {
  const origin = request.headers.get('origin')
  const all = new Headers(headers)
  // Who may read is judged by the page that asks, whatever it says of itself within.
  if (origin !== null) all.set('origin', origin)
  return new Request(url.origin + path, { method, headers: all, signal, ...(body === undefined ? {} : { body }) })
}

function act({ channel, traffic }: Carrier, op: Op, exchange: Exchange, answer: Answering): void {
  if (op.op === 'credit') return channel.credit(op.key, op.bytes)
  if (op.op === 'close') return channel.close(op.key)
  channel.open(op, (signal) =>
    answer(requestOf(op, exchange, signal), {
      signal,
      base: exchange.base,
      from: 'elsewhere',
      carrier: channel.identity,
      traffic,
    }),
  )
}

/** `POST` of operations; all of them are done, or none. */
export function operate({ channels, answer, bodyLimit }: ChannelEndpoint): Handler {
  return async (exchange) => {
    const { channelId, ops } = parseOps(await readJson(exchange.request, bodyLimit))
    const carrier = channels.get(channelId)
    if (carrier?.channel.identity.subject !== exchange.identity.subject) {
      throw new Refusal(404, 'There is no such channel, or no more.')
    }
    const fresh = new Set<string>()
    for (const { op, key } of ops) {
      if (op !== 'open') continue
      if (fresh.has(key) || !carrier.channel.isFresh(key)) throw new Refusal(409, `The key ${key} was used before.`)
      fresh.add(key)
    }
    carrier.channel.renew(exchange.identity)
    for (const op of ops) act(carrier, op, exchange, answer)
    return empty(202)
  }
}
