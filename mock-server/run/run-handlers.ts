/** Request handlers for runs: start or join, resume, cancel. */
import { readBody } from '../../server/http/body.ts'
import { HttpError } from '../../server/http/problem.ts'
import { parseJsonObject } from '../http/body.ts'
import type { Exchange, Handler } from '../http/exchange.ts'
import { streamResponse } from '../http/exchange.ts'
import { emptyResponse } from '../http/response.ts'
import type { GenerateAnswer } from './answers.ts'
import { splitCharacters, splitTokens } from './deltas.ts'
import type { RunRegistry } from './registry.ts'
import type { Run, RunPlan } from './run.ts'

/** A path at which runs start, and how their answers are generated. */
export interface RunEndpoint {
  readonly path: string
  readonly generateAnswer: GenerateAnswer
  readonly registry: RunRegistry
  /** Milliseconds between deltas, unless a rule overrides it. */
  readonly delay: number
  readonly unit: 'character' | 'token'
  /** Maximum size of a request body in bytes. */
  readonly bodyLimit: number
}

/** Event IDs of a run end in `streamId:position`. */
const EVENT_ID = /([0-9a-f-]{36}):(\d+)$/

/** Plans a run from its prompt and the rules of the request. */
export function planRun(exchange: Exchange, endpoint: Omit<RunEndpoint, 'registry'>, prompt: string): RunPlan {
  const { rule, heartbeat, basePath } = exchange
  const splitsByToken = rule.tokens ?? endpoint.unit === 'token'
  const errorAfter = rule['error-after']
  return {
    prompt,
    deltas: (splitsByToken ? splitTokens : splitCharacters)(endpoint.generateAnswer(prompt)),
    delay: rule.delay ?? endpoint.delay,
    events: rule.events ?? [],
    finishReason: rule['finish-reason'] ?? 'stop',
    error:
      errorAfter === undefined
        ? undefined
        : { after: errorAfter, code: rule['error-code'] ?? 'overloaded', retryable: rule['error-retryable'] ?? false },
    heartbeat,
    resume: (id) => `${basePath}${endpoint.path}/${id}`,
  }
}

/**
 * Creates the handler of `GET` and `POST` on the start path. A `GET` with `Last-Event-ID`, as sent by a reconnecting
 * `EventSource`, resumes the run.
 */
export function startRun(endpoint: RunEndpoint): Handler {
  return async (exchange) => {
    const { request, url, lastEventId, identity } = exchange
    if (request.method === 'GET' && lastEventId) {
      const [, streamId] = EVENT_ID.exec(lastEventId) ?? []
      return resumeReading(exchange, findRun(endpoint, exchange, streamId ?? ''))
    }
    const body = request.method === 'POST' ? await readBody(request, endpoint.bodyLimit) : ''
    const prompt = request.method === 'POST' ? parseJsonObject(body)['prompt'] : url.searchParams.get('prompt')
    if (typeof prompt !== 'string' || prompt === '') throw new HttpError(400, 'prompt: expected a non-empty string.')
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
    if (started.outcome === 'conflict')
      throw new HttpError(422, 'The Idempotency-Key was already used with a different body.')
    if (started.outcome === 'full') throw new HttpError(503, 'Too many runs; raise the `maxRuns` option.')
    return streamResponse(exchange, started.run.read(0))
  }
}

function findRun({ registry }: RunEndpoint, { identity }: Exchange, streamId: string): Run {
  const run = registry.find(streamId, identity.subject)
  if (!run) throw new HttpError(404, 'The run does not exist or is no longer kept.')
  return run
}

const readStreamId = (endpoint: RunEndpoint, exchange: Exchange): string =>
  exchange.path.slice(endpoint.path.length + 1)

function resumeReading(exchange: Exchange, run: Run) {
  const { lastEventId, rule } = exchange
  if (!lastEventId) return streamResponse(exchange, run.read(0))
  const [, streamId, digits] = EVENT_ID.exec(lastEventId) ?? []
  const position = Number(digits)
  if (streamId !== run.id || !(position <= run.head))
    throw new HttpError(400, 'Last-Event-ID: expected an event ID of this run.')
  if (run.state === 'finished' && position === run.head) return emptyResponse(204)
  return streamResponse(exchange, run.read(Math.max(0, position - (rule.overlap ?? 0))))
}

/** Creates the handler of `GET` for a run's `resume` URL. */
export function resumeRun(endpoint: RunEndpoint): Handler {
  return (exchange) => resumeReading(exchange, findRun(endpoint, exchange, readStreamId(endpoint, exchange)))
}

/** Creates the handler of `DELETE` for a run's `resume` URL, which cancels the run for all of its readers. */
export function cancelRun(endpoint: RunEndpoint): Handler {
  return (exchange) => {
    findRun(endpoint, exchange, readStreamId(endpoint, exchange)).cancel()
    return emptyResponse(204)
  }
}

/**
 * Creates the handler of `DELETE` on the start path, which cancels a run by its key, for clients that have not received
 * `start`.
 */
export function cancelRunByKey({ registry, path }: RunEndpoint): Handler {
  return ({ request, identity }) => {
    const key = request.headers.get('idempotency-key')
    if (!key) throw new HttpError(400, 'Idempotency-Key: expected the key of the run to cancel.')
    registry.cancelByKey({ owner: identity.subject, path, key })
    return emptyResponse(204)
  }
}
