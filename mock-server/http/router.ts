/** The way of every request: its faults, who asks, what answers, and what belongs on the answer. */
import type { Clock } from '../base/clock.ts'
import type { Rule } from '../scenario/rule.ts'
import type { RequestFacts, RuleSet } from '../scenario/rule-set.ts'
import { createRuleSet } from '../scenario/rule-set.ts'
import { parseScenario } from '../scenario/scenario.ts'
import type { Chunk } from '../stream/stream-body.ts'
import type { HttpResponse, DroppedConnection } from './response.ts'
import { emptyResponse } from './response.ts'
import type { AllowedOrigins } from './cors.ts'
import { corsHeaders, canControl, preflightHeaders } from './cors.ts'
import type { RequestContext, Exchange, Handler } from './exchange.ts'
import { readLastEventId } from './exchange.ts'
import type { Authenticator, Identity } from './identity.ts'
import { hasCredentials } from './identity.ts'
import { HttpError, problemResponse } from './problem.ts'
import type { Route } from './route.ts'
import { createTraffic } from './traffic.ts'

/** What it needs. */
export interface RouterOptions {
  findRoute(path: string): Route | undefined
  readonly ruleSet: RuleSet
  readonly cors: AllowedOrigins
  readonly authenticator: Authenticator
  readonly clock: Clock
  /** Milliseconds; 0: none. */
  readonly heartbeat: number
  /** Hears of each request before it is answered. */
  onRequest?(request: Request, via: 'connection' | 'channel'): void
}

/** Answers a request. */
export type Router = (request: Request, context: RequestContext) => Promise<HttpResponse | DroppedConnection>

/** How many different `?fault=` are counted; the oldest is forgotten. */
const MAX_FAULT_QUERIES = 1_000
const REDIRECT_STATUSES = [301, 302, 303, 307, 308]

/** Settles after `ms` milliseconds, or when the client is gone. */
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

/** A body that goes on for as long as somebody reads it. */
async function* streamEndlessBody(signal: AbortSignal): AsyncGenerator<Chunk, void, undefined> {
  const bytes = new TextEncoder().encode(' '.repeat(16 * 1024))
  while (!signal.aborted) {
    yield { bytes }
    await new Promise((resolve) => setTimeout(resolve))
  }
}

/** The answer that a rule gives in place of the real one. */
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
      'Bearer realm="rivulet", error="invalid_token", error_description="The scenario says so."',
    )
  }
  if (status < 300 || REDIRECT_STATUSES.includes(status) || status === 304) return emptyResponse(status, headers)
  const response = problemResponse(status, 'The scenario says so.', headers)
  return rule['endless-body'] ? { ...response, body: { chunks: streamEndlessBody(signal) } } : response
}

/** Makes the function that answers. */
export function createRouter(options: RouterOptions): Router {
  const { findRoute, ruleSet, cors, authenticator, clock, heartbeat, onRequest } = options
  const ruleSetsByQuery = new Map<string, RuleSet>()

  /** The rules of `?fault=`, which keep their counts between requests with the same URL, wherever those go on from. */
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

  /** Finds out who asks. */
  const identify = async (
    request: Request,
    { access }: Route,
    { channelIdentity }: RequestContext,
  ): Promise<Identity> => {
    if (access === 'public') return { subject: 'anonymous' }
    if (channelIdentity && !hasCredentials(request)) return channelIdentity
    const identity = await authenticator.authenticate(request)
    // A carrier may be compressed, and what two identities are told must not be compressed together (PROTOCOL.md 1.6).
    if (channelIdentity && channelIdentity.subject !== identity.subject)
      throw new HttpError(421, 'This channel is that of another identity.')
    return identity
  }
  /** Lets the handler answer whoever may ask. */
  const handle = async (
    exchange: Exchange,
    { permission }: Route,
    handler: Handler,
    rule: Rule,
  ): Promise<HttpResponse> => {
    const { identity } = exchange
    if (permission && identity.permissions && !identity.permissions.includes(permission)) {
      throw new HttpError(403, `This identity may not: ${permission}.`)
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
    if (!route || (channelIdentity && route.overChannel === 'never'))
      throw new HttpError(404, `There is nothing at ${path}.`)
    const allow = [...Object.keys(route.methods), 'OPTIONS'].join(', ')
    if (request.method === 'OPTIONS') return emptyResponse(204, [...preflightHeaders, ['allow', allow]])
    const handler = Object.hasOwn(route.methods, request.method) ? route.methods[request.method] : undefined
    if (!handler) throw new HttpError(405, `${request.method} is not possible here.`, { allow })
    if (!channelIdentity) Object.assign(traffic, { kind: route.kind ?? 'other', path })
    const lastEventId = readLastEventId(request, url)
    const exchange = { request, url, path, basePath, lastEventId, signal, clock, heartbeat, traffic, rule: {} }
    if (route.access === 'control') {
      if (peer !== 'loopback') throw new HttpError(403, 'This is for the machine itself alone.')
      if (!canControl(cors, request)) throw new HttpError(403, 'This is not for pages of other origins.')
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
      // Read to nowhere: a client that leaves is only noticed on a socket that is read.
      request.body?.cancel().catch(() => undefined)
      await pause(Infinity, clock, signal)
      return { cut: 'reset' }
    }
    const response =
      createFaultResponse(rule, signal) ??
      (await handle({ ...exchange, identity: await identify(request, route, context) }, route, handler, rule))
    // What was asked for is done by now, as behind a gateway that withholds the head.
    if (rule['head-delay']) await pause(rule['head-delay'], clock, signal)
    if (!rule['lose-answer']) return response
    if (typeof response.body === 'object') await response.body.chunks.return()
    return { cut: 'reset' }
  }

  return async (request, context) => {
    let response: HttpResponse | DroppedConnection
    onRequest?.(request, context.channelIdentity ? 'channel' : 'connection')
    try {
      response = await respond(request, new URL(request.url), context)
    } catch (error) {
      // Whoever left before all was said hears no answer, whatever it would have been.
      if (context.signal.aborted) return { cut: 'reset' }
      response = error instanceof HttpError ? error.response : problemResponse(500, 'The mock server has a fault.')
      if (!(error instanceof HttpError)) console.error(error)
    }
    if ('cut' in response) return response
    for (const [name, value] of corsHeaders(cors, request)) response.headers.set(name, value)
    return response
  }
}
