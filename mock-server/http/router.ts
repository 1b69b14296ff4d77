/** The router: applies faults to a request, authenticates it, and calls its handler. */
import type { Clock } from '../../server/base/clock.ts'
import type { AllowedOrigins } from '../../server/http/cors.ts'
import { preflightResponse, setCorsHeaders } from '../../server/http/cors.ts'
import { readLastEventId } from '../../server/http/endpoint.ts'
import { HttpError } from '../../server/http/problem.ts'
import type { RequestFacts, RuleSet } from '../scenario/rule-set.ts'
import { createRuleSet } from '../scenario/rule-set.ts'
import type { Rule } from '../scenario/rule.ts'
import { parseScenario } from '../scenario/scenario.ts'
import type { Chunk } from '../stream/stream-body.ts'
import { canControl } from './cors.ts'
import type { RequestContext, Exchange, Handler } from './exchange.ts'
import type { Authenticator, Identity } from './identity.ts'
import { problemResponse } from './problem.ts'
import type { HttpResponse, DroppedConnection } from './response.ts'
import { emptyResponse } from './response.ts'
import type { Route } from './route.ts'
import { createTraffic } from './traffic.ts'

/** Options of `createRouter`. */
export interface RouterOptions {
  findRoute(path: string): Route | undefined
  readonly ruleSet: RuleSet
  readonly cors: AllowedOrigins
  readonly authenticator: Authenticator
  readonly clock: Clock
  /** Heartbeat interval in milliseconds, unless a rule overrides it; 0 disables heartbeats. */
  readonly heartbeat: number
  /** Called with each request before it is handled. */
  onRequest?(request: Request, via: 'connection' | 'channel'): void
}

/** Handles a request. Never rejects. */
export type Router = (request: Request, context: RequestContext) => Promise<HttpResponse | DroppedConnection>

/** Maximum number of URLs with `?fault=` whose rules' counts are kept; the oldest URL is forgotten first. */
const MAX_FAULT_QUERIES = 1_000
const REDIRECT_STATUSES = [301, 302, 303, 307, 308]

/** Resolves after `ms` milliseconds, or when the client disconnects. */
function pause(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      cancel?.()
      signal.removeEventListener('abort', done)
      resolve()
    }
    const cancel = ms < Infinity ? clock.after(ms, done) : undefined
    if (signal.aborted) done()
    else signal.addEventListener('abort', done)
  })
}

/** Yields chunks until the client disconnects. */
async function* streamEndlessBody(signal: AbortSignal): AsyncGenerator<Chunk, void, undefined> {
  const bytes = new TextEncoder().encode(' '.repeat(16 * 1024))
  while (!signal.aborted) {
    yield { bytes }
    await new Promise((resolve) => setTimeout(resolve))
  }
}

const FAULT_MESSAGE = 'Injected by the scenario.'

/** Creates the response that replaces the real one, if the rule has a `status`. */
function createFaultResponse(rule: Rule, signal: AbortSignal): HttpResponse | undefined {
  const { status } = rule
  if (status === undefined) return undefined
  const headers = new Headers()
  if (rule['retry-after'] !== undefined) headers.set('retry-after', String(rule['retry-after']))
  if (rule.location !== undefined) headers.set('location', rule.location)
  if (rule['content-type'] !== undefined) headers.set('content-type', rule['content-type'])
  if (status === 401) {
    headers.set(
      'www-authenticate',
      'Bearer realm="rivulet", error="invalid_token", error_description="Injected by the scenario."',
    )
  }
  if (status < 300 || REDIRECT_STATUSES.includes(status) || status === 304) return emptyResponse(status, headers)
  const response = problemResponse(status, FAULT_MESSAGE, headers)
  return rule['endless-body'] ? { ...response, body: { chunks: streamEndlessBody(signal) } } : response
}

/** Creates the router. */
export function createRouter(options: RouterOptions): Router {
  const { findRoute, ruleSet, cors, authenticator, clock, heartbeat, onRequest } = options
  const ruleSetsByQuery = new Map<string, RuleSet>()

  /** Matches the rules of `?fault=`. Requests whose URLs differ only in `lastEventId` share the rules' counts. */
  const matchQueryRule = (url: URL, facts: RequestFacts): Rule => {
    const text = url.searchParams.get('fault')
    if (text === null) return {}
    const query = new URLSearchParams(url.search)
    query.delete('lastEventId')
    const name = `${facts.path}?${query}`
    let found = ruleSetsByQuery.get(name)
    if (!found) {
      try {
        found = createRuleSet(parseScenario(text))
      } catch (error) {
        throw new HttpError(400, `fault: ${(error as Error).message}`)
      }
      if (ruleSetsByQuery.size >= MAX_FAULT_QUERIES) ruleSetsByQuery.delete(ruleSetsByQuery.keys().next().value!)
      ruleSetsByQuery.set(name, found)
    }
    return found.match(facts)
  }

  /** Authenticates the request, unless its route is public or its channel vouches for it. */
  const identify = async (
    request: Request,
    { access }: Route,
    { channelIdentity }: RequestContext,
  ): Promise<Identity> => {
    if (access === 'public') return { subject: 'anonymous' }
    return channelIdentity ?? authenticator.authenticate(request)
  }
  /** Calls the handler if the identity has the permission that the route requires. */
  const handle = async (
    exchange: Exchange,
    { permission }: Route,
    handler: Handler,
    rule: Rule,
  ): Promise<HttpResponse> => {
    const { identity } = exchange
    if (permission && identity.permissions && !identity.permissions.includes(permission)) {
      throw new HttpError(403, `The identity lacks the ${permission} permission.`)
    }
    const interval = typeof rule.heartbeat === 'number' ? rule.heartbeat : heartbeat
    return handler({ ...exchange, rule, heartbeat: interval })
  }

  const respond = async (
    request: Request,
    url: URL,
    context: RequestContext,
  ): Promise<HttpResponse | DroppedConnection> => {
    const { signal, basePath = '', peer = 'loopback', channelIdentity, traffic = createTraffic() } = context
    const path = url.pathname.slice(basePath.length)
    const route = url.pathname.startsWith(basePath) ? findRoute(path) : undefined
    if (!route || (channelIdentity && route.overChannel === 'never')) throw new HttpError(404, `No such path: ${path}.`)
    const allow = [...Object.keys(route.methods), 'OPTIONS'].join(', ')
    if (request.method === 'OPTIONS') return emptyResponse(204, [...preflightResponse().headers, ['allow', allow]])
    const handler = Object.hasOwn(route.methods, request.method) ? route.methods[request.method] : undefined
    if (!handler) throw new HttpError(405, `Method ${request.method} is not allowed here.`, { allow })
    if (!channelIdentity) Object.assign(traffic, { kind: route.kind ?? 'other', path })
    const lastEventId = readLastEventId(request, url)
    const exchange = { request, url, path, basePath, lastEventId, signal, clock, heartbeat, traffic, rule: {} }
    if (route.access === 'control') {
      if (peer !== 'loopback') throw new HttpError(403, `${path} is only available to clients on the same machine.`)
      if (!canControl(cors, request))
        throw new HttpError(
          403,
          `${path} is available to pages of other origins only if the \`cors\` option lists them.`,
        )
      return handler({ ...exchange, identity: { subject: 'control' } })
    }

    const { responseKind } = route
    const facts: RequestFacts = {
      path,
      method: request.method,
      connection: lastEventId ? 'resumed' : 'first',
      responseKind,
    }
    const rule: Rule = { ...ruleSet.match(facts), ...route.ruleSet?.match(facts), ...matchQueryRule(url, facts) }
    if (rule.refuse) return { cut: 'reset' }
    if (rule.hang) {
      // Discard the body: a disconnect is noticed only while the socket is being read.
      request.body?.cancel().catch(() => undefined)
      await pause(Infinity, clock, signal)
      return { cut: 'reset' }
    }
    const fault = createFaultResponse(rule, signal)
    const writesFault = fault && typeof fault.body === 'string' && rule['content-type'] === undefined
    const response =
      (writesFault ? await route.writeError?.(fault, FAULT_MESSAGE) : fault) ??
      fault ??
      (await handle({ ...exchange, identity: await identify(request, route, context) }, route, handler, rule))
    // Delayed after handling, not before: as when a gateway holds back the response to a processed request.
    if (rule['head-delay']) await pause(rule['head-delay'], clock, signal)
    if (!rule['lose-answer']) return response
    if (typeof response.body === 'object') await response.body.chunks.return()
    return { cut: 'reset' }
  }

  /** Writes the error as the route of the request does. */
  const writeError = async (
    request: Request,
    { basePath = '' }: RequestContext,
    response: HttpResponse,
    message: string,
  ): Promise<HttpResponse> => {
    const route = findRoute(new URL(request.url).pathname.slice(basePath.length))
    return (await route?.writeError?.(response, message)) ?? response
  }

  return async (request, context) => {
    let response: HttpResponse | DroppedConnection
    onRequest?.(request, context.channelIdentity ? 'channel' : 'connection')
    try {
      response = await respond(request, new URL(request.url), context)
    } catch (error) {
      // The client has disconnected: no response can reach it.
      if (context.signal.aborted) return { cut: 'reset' }
      response =
        error instanceof HttpError
          ? problemResponse(error.status, error.message, error.headers)
          : problemResponse(500, 'Internal error in the mock server; see its console for details.')
      if (!(error instanceof HttpError)) console.error(error)
      else response = await writeError(request, context, response, error.message)
    }
    if ('cut' in response) return response
    setCorsHeaders(response.headers, cors, request)
    return response
  }
}
