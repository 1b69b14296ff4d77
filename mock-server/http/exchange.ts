/** One request while it is answered: what handlers are given, and how they answer with a stream. */
import type { Clock } from '../base/clock.ts'
import type { Rule } from '../scenario/rule.ts'
import { createExpiringSource } from '../stream/expiring-source.ts'
import { createStreamBody } from '../stream/stream-body.ts'
import type { Source } from '../stream/source.ts'
import type { HttpResponse } from './response.ts'
import { streamHeaders } from './response.ts'
import type { Identity } from './identity.ts'
import type { MutableTraffic } from './traffic.ts'

/** How a request came. */
export interface RequestContext {
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal
  /** Prefix under which a host mounted the mock server. @defaultValue '' */
  readonly basePath?: string
  /** Where the client is; `/_mock` is for this machine alone. @defaultValue 'loopback' */
  readonly peer?: 'loopback' | 'remote'
  /** Whose channel it came over; the requester is the same, whether the request says so or not. */
  readonly channelIdentity?: Identity
  /** Counts what the connection carries. */
  readonly traffic?: MutableTraffic
}

/** What a handler knows. */
export interface Exchange {
  readonly request: Request
  readonly url: URL
  /** Path within the mock server, without the prefix that a host mounted it under. */
  readonly path: string
  /** That prefix; usually empty. */
  readonly basePath: string
  readonly identity: Identity
  readonly rule: Rule
  /** Where to go on from: `Last-Event-ID`, or `?lastEventId=` where a client cannot send headers. */
  readonly lastEventId: string | undefined
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal
  readonly clock: Clock
  /** What the connection carries, the carrier's for what came over a channel. */
  readonly traffic: MutableTraffic
  /** The interval in force for this request, milliseconds; 0: none. */
  readonly heartbeat: number
}

/** Answers a request. */
export type Handler = (exchange: Exchange) => HttpResponse | Promise<HttpResponse>

/** A length that no answer here reaches. */
const UNREACHED_CONTENT_LENGTH_BYTES = 2 ** 30

/** `Last-Event-ID` is UTF-8 (the standard says so), but header values come as one character per byte. */
export function readLastEventId(request: Request, url: URL): string | undefined {
  const value = request.headers.get('last-event-id')
  if (value === null) return url.searchParams.get('lastEventId') ?? undefined
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(value, (byte) => byte.charCodeAt(0)))
  } catch {
    return value // not UTF-8: taken as it is
  }
}

/** Answers with the frames of `source`, with the faults of this request. */
export function streamResponse(exchange: Exchange, source: Source): HttpResponse {
  const { rule, clock, identity, signal, heartbeat } = exchange
  const { expiresAt } = identity
  const headers = streamHeaders()
  if (rule['content-type'] !== undefined) headers.set('content-type', rule['content-type'])
  if (rule['short-length']) headers.set('content-length', String(UNREACHED_CONTENT_LENGTH_BYTES))
  const boundedSource = expiresAt === undefined ? source : createExpiringSource(source, expiresAt - clock.date(), clock)
  return {
    status: 200,
    headers,
    body: createStreamBody({ source: boundedSource, rule, heartbeat, clock, signal }),
    ...(rule.encoding ? { encoding: rule.encoding } : {}),
  }
}
