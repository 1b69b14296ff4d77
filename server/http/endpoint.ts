/** An endpoint: what the handlers of feeds and runs have in common. */
import type { Instrument } from '../base/instrument.ts'
import type { Hub } from '../stream/hub.ts'
import type { Source } from '../stream/sink.ts'
import { streamResponse } from '../stream/stream-response.ts'
import type { AllowedOrigins } from './cors.ts'
import { assertOrigin, preflightResponse, setCorsHeaders } from './cors.ts'
import type { Connection, Hooks, Interception } from './hooks.ts'
import type { Identity } from './identity.ts'
import { ANONYMOUS } from './identity.ts'
import { HttpError, isHttpError, problemResponse } from './problem.ts'

/** Limits of a server. Those per identity need `authenticate`. */
export interface Limits {
  /** Bytes of a request body. @defaultValue 1 MiB */
  readonly body: number
  /** Open streams of one identity in this process. @defaultValue 100 */
  readonly streams: number
  /** Unfinished runs of one identity in this process. @defaultValue 20 */
  readonly runs: number
}

/** What endpoints share. */
export interface EndpointContext<Id extends Identity> {
  readonly hub: Hub
  readonly instrument: Instrument
  readonly cors: AllowedOrigins
  readonly limits: Limits
  /** `undefined`: every request has the same identity, to which limits per identity do not apply. */
  readonly authenticate: ((request: Request) => Id | undefined | Promise<Id | undefined>) | undefined
  /** Requests that channels make, and whom they have found to send them. */
  readonly identified: WeakMap<Request, Id>
  /** Counts open streams by subject. */
  readonly streamCounts: Map<string, number>
  readonly hooks: Hooks
  /** Whether new requests are refused. */
  isClosing(): boolean
}

/** A request to an endpoint. */
export interface Exchange<Id extends Identity> {
  readonly request: Request
  readonly url: URL
  readonly identity: Id
  /** Position to resume after: `Last-Event-ID`, or `?lastEventId=` from clients that cannot set headers. */
  readonly lastEventId: string | undefined
  /** What differs for this request. */
  readonly interception: Interception
}

/** Handles one method. */
export type MethodHandler<Id extends Identity> = (exchange: Exchange<Id>) => Promise<Response>

/**
 * Reads `Last-Event-ID`, which the HTML standard encodes as UTF-8, from a header value with one character per byte. An
 * empty one means that the client has no position.
 */
export function readLastEventId(request: Request, url: URL): string | undefined {
  const value = request.headers.get('last-event-id')
  if (value === null) return url.searchParams.get('lastEventId') || undefined
  try {
    const bytes = Uint8Array.from(value, (byte) => byte.charCodeAt(0))
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes) || undefined
  } catch {
    return value // not UTF-8: use the value unchanged
  }
}

/**
 * Returns who sends a request.
 * @throws HttpError 401 if that is not known
 */
export async function identify<Id extends Identity>(
  { authenticate, identified }: EndpointContext<Id>,
  request: Request,
): Promise<Id> {
  if (!authenticate) return ANONYMOUS as Id
  const identity = identified.get(request) ?? (await authenticate(request))
  if (identity) return identity
  throw new HttpError(401, 'Authentication is required.')
}

/** Creates the response to a request that has failed with `error`. */
export function errorResponse({ instrument }: Pick<EndpointContext<Identity>, 'instrument'>, error: unknown): Response {
  if (isHttpError(error)) return problemResponse(error.status, error.message, error.headers)
  instrument({ type: 'error', error })
  return problemResponse(500, 'The request failed on the server.')
}

/**
 * Creates a handler that checks the method, the origin and the identity of a request before it is handled. A server that
 * is closing handles only `closingMethods`.
 */
export function createHandler<Id extends Identity>(
  context: EndpointContext<Id>,
  methods: Readonly<Record<string, MethodHandler<Id>>>,
  closingMethods: readonly string[] = [],
): (request: Request) => Promise<Response> {
  const { cors } = context
  const allow = [...Object.keys(methods), 'OPTIONS'].join(', ')

  const handle = async (request: Request): Promise<Response> => {
    const { method } = request
    if (method === 'OPTIONS') return preflightResponse()
    const handleMethod = methods[method]
    if (!handleMethod) throw new HttpError(405, `The method ${method} is not allowed.`, { allow })
    if (context.isClosing() && !closingMethods.includes(method))
      throw new HttpError(503, 'The server is shutting down.')
    assertOrigin(cors, request, method === 'GET' ? 'safe' : 'unsafe')
    const url = new URL(request.url)
    const identity = await identify(context, request)
    const interception = context.hooks.intercept?.(request) ?? {}
    return handleMethod({ request, url, identity, lastEventId: readLastEventId(request, url), interception })
  }

  return async (request) => {
    const response = await handle(request).catch((error: unknown) => errorResponse(context, error))
    setCorsHeaders(response.headers, cors, request)
    return response
  }
}

/** Creates the response of a connection, which gets its bytes from `source`. */
export function connectionResponse(
  { hooks }: Pick<EndpointContext<Identity>, 'hooks'>,
  source: Source,
  connection: Connection,
): Response {
  const shaped = hooks.shape?.(source, connection) ?? source
  return streamResponse(shaped, new Headers(), connection.request.signal)
}

/**
 * Counts a stream of an identity. Returns a function that counts it as closed.
 * @throws HttpError 429 if the identity has as many streams as it may
 */
export function countStream<Id extends Identity>(
  { authenticate, limits, streamCounts }: EndpointContext<Id>,
  { subject }: Identity,
): () => void {
  if (!authenticate) return () => undefined
  const count = streamCounts.get(subject) ?? 0
  if (count >= limits.streams) throw new HttpError(429, 'Too many open streams.')
  streamCounts.set(subject, count + 1)
  return () => {
    const remaining = streamCounts.get(subject)! - 1
    if (remaining > 0) streamCounts.set(subject, remaining)
    else streamCounts.delete(subject)
  }
}
