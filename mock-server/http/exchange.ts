/** The context that handlers receive with a request, and the response for a stream. */
import type { Clock } from '../../server/base/clock.ts'
import type { Rule } from '../scenario/rule.ts'
import { createExpiringSource } from '../stream/expiring-source.ts'
import type { Source } from '../stream/source.ts'
import { createStreamBody } from '../stream/stream-body.ts'
import type { Identity } from './identity.ts'
import type { HttpResponse } from './response.ts'
import { streamHeaders } from './response.ts'
import type { MutableTraffic } from './traffic.ts'

/** How a request arrived. */
export interface RequestContext {
  /** Aborts when the client disconnects. */
  readonly signal: AbortSignal
  /** Path prefix under which a host mounted the mock server. @defaultValue '' */
  readonly basePath?: string
  /** Whether the client is on this machine, as `/_mock` requires. @defaultValue 'loopback' */
  readonly peer?: 'loopback' | 'remote'
  /** Identity of a request that a channel has made, which has authenticated it. */
  readonly channelIdentity?: Identity
  /** Traffic figures of the connection. */
  readonly traffic?: MutableTraffic
}

/** A request with its context, as handlers receive it. */
export interface Exchange {
  readonly request: Request
  readonly url: URL
  /** Path within the mock server, without `basePath`. */
  readonly path: string
  /** Path prefix under which a host mounted the mock server; usually empty. */
  readonly basePath: string
  readonly identity: Identity
  readonly rule: Rule
  /** Position to resume after: `Last-Event-ID`, or `?lastEventId=` from clients that cannot set headers. */
  readonly lastEventId: string | undefined
  /** Aborts when the client disconnects. */
  readonly signal: AbortSignal
  readonly clock: Clock
  /** Traffic figures of the connection; for a request over a channel, this is the channel connection. */
  readonly traffic: MutableTraffic
  /** Heartbeat interval for this request in milliseconds; 0 disables heartbeats. */
  readonly heartbeat: number
}

/** Handles a request. */
export type Handler = (exchange: Exchange) => HttpResponse | Promise<HttpResponse>

/** A length that no response reaches. */
const UNREACHED_CONTENT_LENGTH_BYTES = 2 ** 30

/** Creates a response that streams the frames of `source`, with the faults of this request. */
export function streamResponse(exchange: Exchange, source: Source): HttpResponse {
  const { rule, clock, identity, signal, heartbeat } = exchange
  const { expiresAt } = identity
  const headers = streamHeaders()
  if (rule['content-type'] !== undefined) headers.set('content-type', rule['content-type'])
  if (rule['short-length']) headers.set('content-length', String(UNREACHED_CONTENT_LENGTH_BYTES))
  const boundedSource =
    expiresAt === undefined || source.keepsTime ? source : createExpiringSource(source, expiresAt - clock.date(), clock)
  return {
    status: 200,
    headers,
    body: createStreamBody({ source: boundedSource, rule, heartbeat, clock, signal }),
    ...(rule.encoding ? { encoding: rule.encoding } : {}),
  }
}
