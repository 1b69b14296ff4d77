/** The way of every request: its faults, who asks, what answers, and what belongs on the answer. */
import type { Clock } from '../base/clock.ts'
import type { Rule } from '../scenario/rule.ts'
import type { RequestFacts, RuleBook } from '../scenario/rule-set.ts'
import { createRuleBook } from '../scenario/rule-set.ts'
import { parseScenario } from '../scenario/scenario.ts'
import type { Chunk } from '../stream/stream-body.ts'
import type { Answer, NoAnswer } from './response.ts'
import { empty } from './response.ts'
import type { Origins } from './cors.ts'
import { corsHeaders, mayControl, preflightHeaders } from './cors.ts'
import type { Arrival, Exchange, Handler } from './exchange.ts'
import { lastEventIdOf } from './exchange.ts'
import type { Authenticator, Identity } from './identity.ts'
import { saysWho } from './identity.ts'
import { Refusal, problem } from './problem.ts'
import type { Route } from './route.ts'
import { createTraffic } from './traffic.ts'

/** What it needs. */
export interface AnsweringOptions {
  find(path: string): Route | undefined
  readonly book: RuleBook
  readonly cors: Origins
  readonly authenticator: Authenticator
  readonly clock: Clock
  /** Milliseconds; 0: none. */
  readonly heartbeat: number
  /** Hears of each request before it is answered. */
  onRequest?(request: Request, via: 'connection' | 'channel'): void
}

/** Answers a request. */
export type Answering = (request: Request, arrival: Arrival) => Promise<Answer | NoAnswer>

/** How many different `?fault=` are counted; the oldest is forgotten. */
const FAULT_LIMIT = 1_000
const REDIRECTS = [301, 302, 303, 307, 308]

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
async function* endless(signal: AbortSignal): AsyncGenerator<Chunk, void, undefined> {
  const bytes = new TextEncoder().encode(' '.repeat(16 * 1024))
  while (!signal.aborted) {
    yield { bytes }
    await new Promise((resolve) => setTimeout(resolve))
  }
}

/** The answer that a rule gives in place of the real one. */
function faultyAnswer(rule: Rule, signal: AbortSignal): Answer | undefined {
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
  if (status < 300 || REDIRECTS.includes(status) || status === 304) return empty(status, headers)
  const answer = problem(status, 'The scenario says so.', headers)
  return rule['endless-body'] ? { ...answer, body: { chunks: endless(signal) } } : answer
}

/** Makes the function that answers. */
export function createAnswering(options: AnsweringOptions): Answering {
  const { find, book, cors, authenticator, clock, heartbeat, onRequest } = options
  const inQuery = new Map<string, RuleBook>()

  /** The rules of `?fault=`, which keep their counts between requests with the same URL, wherever those go on from. */
  const queryRule = (url: URL, facts: RequestFacts): Rule => {
    const text = url.searchParams.get('fault')
    if (text === null) return {}
    const query = new URLSearchParams(url.search)
    query.delete('lastEventId')
    const name = `${facts.path}?${query}`
    let found = inQuery.get(name)
    if (!found) {
      try {
        found = createRuleBook(parseScenario(text))
      } catch (error) {
        throw new Refusal(400, `fault: ${(error as Error).message}`)
      }
      if (inQuery.size >= FAULT_LIMIT) inQuery.delete(inQuery.keys().next().value!)
      inQuery.set(name, found)
    }
    return found.match(facts)
  }

  /** Finds out who asks. */
  const identify = async (request: Request, { access }: Route, { carrier }: Arrival): Promise<Identity> => {
    if (access === 'public') return { subject: 'anonymous' }
    if (carrier && !saysWho(request)) return carrier
    const identity = await authenticator.authenticate(request)
    // A carrier may be compressed, and what two identities are told must not be compressed together (PROTOCOL.md 1.6).
    if (carrier && carrier.subject !== identity.subject)
      throw new Refusal(421, 'This channel is that of another identity.')
    return identity
  }
  /** Lets the handler answer whoever may ask. */
  const handle = async (exchange: Exchange, { permission }: Route, handler: Handler, rule: Rule): Promise<Answer> => {
    const { identity } = exchange
    if (permission && identity.permissions && !identity.permissions.includes(permission)) {
      throw new Refusal(403, `This identity may not: ${permission}.`)
    }
    const interval = typeof rule.heartbeat === 'number' ? rule.heartbeat : heartbeat
    return handler({ ...exchange, rule, heartbeat: interval })
  }

  const answerTo = async (request: Request, url: URL, arrival: Arrival): Promise<Answer | NoAnswer> => {
    const { signal, base = '', from = 'loopback', carrier, traffic = createTraffic() } = arrival
    const path = url.pathname.slice(base.length)
    const route = url.pathname.startsWith(base) ? find(path) : undefined
    if (!route || (carrier && route.carried === 'never')) throw new Refusal(404, `There is nothing at ${path}.`)
    const allow = [...Object.keys(route.methods), 'OPTIONS'].join(', ')
    if (request.method === 'OPTIONS') return empty(204, [...preflightHeaders, ['allow', allow]])
    const handler = Object.hasOwn(route.methods, request.method) ? route.methods[request.method] : undefined
    if (!handler) throw new Refusal(405, `${request.method} is not possible here.`, { allow })
    if (!carrier) Object.assign(traffic, { kind: route.kind ?? 'other', path })
    const lastEventId = lastEventIdOf(request, url)
    const exchange = { request, url, path, base, lastEventId, signal, clock, heartbeat, traffic, rule: {} }
    if (route.access === 'control') {
      if (from !== 'loopback') throw new Refusal(403, 'This is for the machine itself alone.')
      if (!mayControl(cors, request)) throw new Refusal(403, 'This is not for pages of other origins.')
      return handler({ ...exchange, identity: { subject: 'control' } })
    }

    const { wants } = route
    const facts: RequestFacts = { path, method: request.method, connection: lastEventId ? 'resumed' : 'first', wants }
    const rule: Rule = { ...book.match(facts), ...route.book?.match(facts), ...queryRule(url, facts) }
    if (rule.refuse) return { cut: 'reset' }
    if (rule.hang) {
      // Read to nowhere: a client that leaves is only noticed on a socket that is read.
      request.body?.cancel().catch(() => undefined)
      await pause(Infinity, clock, signal)
      return { cut: 'reset' }
    }
    const answer =
      faultyAnswer(rule, signal) ??
      (await handle({ ...exchange, identity: await identify(request, route, arrival) }, route, handler, rule))
    // What was asked for is done by now, as behind a gateway that withholds the head.
    if (rule['head-delay']) await pause(rule['head-delay'], clock, signal)
    if (!rule['lose-answer']) return answer
    if (typeof answer.body === 'object') await answer.body.chunks.return()
    return { cut: 'reset' }
  }

  return async (request, arrival) => {
    let answer: Answer | NoAnswer
    onRequest?.(request, arrival.carrier ? 'channel' : 'connection')
    try {
      answer = await answerTo(request, new URL(request.url), arrival)
    } catch (error) {
      // Whoever left before all was said hears no answer, whatever it would have been.
      if (arrival.signal.aborted) return { cut: 'reset' }
      answer = error instanceof Refusal ? error.answer : problem(500, 'The mock server has a fault.')
      if (!(error instanceof Refusal)) console.error(error)
    }
    if ('cut' in answer) return answer
    for (const [name, value] of corsHeaders(cors, request)) answer.headers.set(name, value)
    return answer
  }
}
