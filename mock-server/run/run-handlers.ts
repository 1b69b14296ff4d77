/** The requests that concern a run: to start or join it, to read it again, to cancel it. */
import { empty } from '../http/response.ts'
import { parseJson, readBody } from '../http/body.ts'
import type { Exchange, Handler } from '../http/exchange.ts'
import { streamAnswer } from '../http/exchange.ts'
import { Refusal } from '../http/problem.ts'
import type { AnswerTo } from './answers.ts'
import { characters, tokens } from './deltas.ts'
import type { RunRegistry } from './registry.ts'
import type { Run, RunPlan } from './run.ts'

/** Where runs are started, and what they answer. */
export interface RunEndpoint {
  readonly path: string
  readonly answerTo: AnswerTo
  readonly registry: RunRegistry
  /** Milliseconds between deltas, unless a rule says otherwise. */
  readonly delay: number
  readonly unit: 'character' | 'token'
  /** Bytes of a request's body. */
  readonly bodyLimit: number
}

/** A run's event IDs end in `streamId:position`. */
const EVENT_ID = /([0-9a-f-]{36}):(\d+)$/

/** What a prompt and the rules of a request make of a run. */
export function planRun(exchange: Exchange, endpoint: Omit<RunEndpoint, 'registry'>, prompt: string): RunPlan {
  const { rule, heartbeat, base } = exchange
  const inTokens = rule.tokens ?? endpoint.unit === 'token'
  const errorAfter = rule['error-after']
  return {
    prompt,
    deltas: (inTokens ? tokens : characters)(endpoint.answerTo(prompt)),
    delay: rule.delay ?? endpoint.delay,
    events: rule.events ?? [],
    finishReason: rule['finish-reason'] ?? 'stop',
    error:
      errorAfter === undefined
        ? undefined
        : { after: errorAfter, code: rule['error-code'] ?? 'overloaded', retryable: rule['error-retryable'] ?? false },
    heartbeat,
    resume: (id) => `${base}${endpoint.path}/${id}`,
  }
}

/** `GET` and `POST` where runs start. A `GET` with a `Last-Event-ID` resumes, so that an `EventSource` never starts twice. */
export function startRun(endpoint: RunEndpoint): Handler {
  return async (exchange) => {
    const { request, url, lastEventId, identity } = exchange
    if (request.method === 'GET' && lastEventId) {
      const [, streamId] = EVENT_ID.exec(lastEventId) ?? []
      return readOn(exchange, findRun(endpoint, exchange, streamId ?? ''))
    }
    const body = request.method === 'POST' ? await readBody(request, endpoint.bodyLimit) : ''
    const prompt = request.method === 'POST' ? parseJson(body)['prompt'] : url.searchParams.get('prompt')
    if (typeof prompt !== 'string' || prompt === '') throw new Refusal(400, 'prompt: expected a text.')
    const started = endpoint.registry.start(
      {
        owner: identity.subject,
        method: request.method,
        path: endpoint.path,
        key: request.headers.get('idempotency-key') ?? undefined,
        fingerprint: request.method === 'POST' ? body : prompt,
      },
      () => planRun(exchange, endpoint, prompt),
    )
    if (started.outcome === 'conflict') throw new Refusal(422, 'The Idempotency-Key was used with another body.')
    if (started.outcome === 'full') throw new Refusal(503, 'Too many runs are kept.')
    return streamAnswer(exchange, started.run.read(0))
  }
}

function findRun({ registry }: RunEndpoint, { identity }: Exchange, streamId: string): Run {
  const run = registry.find(streamId, identity.subject)
  if (!run) throw new Refusal(404, 'There is no such run, or no more.')
  return run
}

const streamIdOf = (endpoint: RunEndpoint, exchange: Exchange): string => exchange.path.slice(endpoint.path.length + 1)

function readOn(exchange: Exchange, run: Run) {
  const { lastEventId, rule } = exchange
  if (!lastEventId) return streamAnswer(exchange, run.read(0))
  const [, streamId, digits] = EVENT_ID.exec(lastEventId) ?? []
  const position = Number(digits)
  if (streamId !== run.id || !(position <= run.head))
    throw new Refusal(400, 'Last-Event-ID: expected an id of this run.')
  if (run.state === 'finished' && position === run.head) return empty(204)
  return streamAnswer(exchange, run.read(Math.max(0, position - (rule.overlap ?? 0))))
}

/** `GET` of a run's `resume`. */
export function resumeRun(endpoint: RunEndpoint): Handler {
  return (exchange) => readOn(exchange, findRun(endpoint, exchange, streamIdOf(endpoint, exchange)))
}

/** `DELETE` of a run's `resume`: cancels it; every reader is told. */
export function cancelRun(endpoint: RunEndpoint): Handler {
  return (exchange) => {
    findRun(endpoint, exchange, streamIdOf(endpoint, exchange)).cancel()
    return empty(204)
  }
}

/** `DELETE` where runs start, with the key of a run whose `start` has not arrived. */
export function cancelKey({ registry, path }: RunEndpoint): Handler {
  return ({ request, identity }) => {
    const key = request.headers.get('idempotency-key')
    if (!key) throw new Refusal(400, 'Idempotency-Key: expected the key of the run to cancel.')
    registry.cancelKey({ owner: identity.subject, path, key })
    return empty(204)
  }
}
