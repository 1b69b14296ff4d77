/** Request handlers for runs: start or join, resume, cancel. */
import { HttpError } from '../../server/http/problem.ts'
import type { Delta, End } from '../../server/run/delta.ts'
import type { Runs } from '../../server/run/options.ts'
import { everything } from '../../server/stream/view.ts'
import { assertJsonObject } from '../http/body.ts'
import type { Exchange, Handler } from '../http/exchange.ts'
import { streamResponse } from '../http/exchange.ts'
import type { MockKernel } from '../http/kernel.ts'
import type { HttpResponse } from '../http/response.ts'
import type { GenerateAnswer } from './answers.ts'
import { createDeltas, needsTool, planOf } from './blocks.ts'
import { splitCharacters, splitTokens } from './deltas.ts'
import type { RunRegistry } from './registry.ts'
import type { RunPlan } from './run.ts'
import { generateRun } from './run.ts'

/** A path at which runs start. Durations are in milliseconds. */
export interface RunEndpoint {
  readonly path: string
  readonly generateAnswer: GenerateAnswer
  /** Milliseconds between deltas, unless a rule overrides it. */
  readonly delay: number
  readonly unit: 'character' | 'token'
  readonly kernel: MockKernel
  readonly registry: RunRegistry
  /** How long a run is kept after it ends or its last reader leaves, whichever is later. */
  readonly retention: number
  /** How long an unfinished run continues without a reader. */
  readonly abandon: number
}

/** The handlers of a path at which runs start, and of the `resume` addresses below it. */
export interface RunHandlers {
  /**
   * Starts or joins a run (GET and POST), resumes one (GET with `Last-Event-ID`, as sent by a reconnecting
   * `EventSource`), or cancels one by its key (DELETE).
   */
  readonly start: Handler
  /** Resumes (GET) or cancels (DELETE) the run whose ID the path ends with. */
  readonly resume: Handler
}

/** Plans a run from its prompt and the rules of the request. */
function planRun({ rule }: Exchange, endpoint: RunEndpoint, prompt: string): RunPlan {
  const splitsByToken = rule.tokens ?? endpoint.unit === 'token'
  const split = splitsByToken ? splitTokens : splitCharacters
  const { answer, finish, usage } = planOf(endpoint.generateAnswer(prompt))
  const errorAfter = rule['error-after']
  return {
    prompt,
    // Plain text needs no blocks.
    deltas: typeof answer === 'string' ? split(answer) : createDeltas(answer, split),
    usage,
    delay: rule.delay ?? endpoint.delay,
    events: rule.events ?? [],
    finishReason: rule['finish-reason'] ?? finish ?? (needsTool(answer) ? 'tool-calls' : 'stop'),
    error:
      errorAfter === undefined
        ? undefined
        : { after: errorAfter, code: rule['error-code'] ?? 'overloaded', retryable: rule['error-retryable'] ?? false },
  }
}

function parsePrompt(body: unknown): { readonly prompt: string } {
  const { prompt } = assertJsonObject(body)
  if (typeof prompt !== 'string' || prompt === '') throw new HttpError(400, 'prompt: expected a non-empty string.')
  return { prompt }
}

/** Creates the runs of the server for one path. */
function createRuns(endpoint: RunEndpoint): Runs {
  const { kernel, registry, retention, abandon } = endpoint
  return kernel.server.runs<{ readonly prompt: string }>({
    retention,
    abandon,
    maxBytes: Infinity,
    parse: parsePrompt,
    async *generate({ id, body, identity, signal }): AsyncGenerator<Delta, End> {
      const { pacer, add } = registry.find(id)
      const answer = generateRun(planRun(identity.exchange!, endpoint, body.prompt), pacer, signal)
      for (;;) {
        const { done, value } = await answer.next()
        if (done) return value
        add(value)
        // The server takes other events as well, although its own types know only deltas.
        yield value as Delta
      }
    },
  })
}

/** Creates the handlers of a path. */
export function createRunHandlers(endpoint: RunEndpoint): RunHandlers {
  const { path, kernel, registry } = endpoint
  const { streams } = kernel
  const { handler } = createRuns(endpoint)

  const handle = async (exchange: Exchange, url: URL = exchange.url): Promise<HttpResponse> => {
    const { basePath, rule } = exchange
    const opened = await kernel.handle({ ...exchange, url }, handler, {
      view: everything,
      resume: (id) => `${basePath}${path}/${id}`,
      begin(stream, from) {
        const position = Math.max(0, from.position - (rule.overlap ?? 0))
        return { position, nonce: streams.read(stream, position, { bytes: 1 })?.previousNonce ?? '' }
      },
    })
    if (!('source' in opened)) return opened
    return streamResponse(exchange, registry.read(opened.connection.stream, opened.source))
  }
  return {
    start: (exchange) => handle(exchange),
    resume(exchange) {
      const url = new URL(exchange.url)
      url.pathname = exchange.basePath + path
      url.search = `?run=${encodeURIComponent(exchange.path.slice(path.length + 1))}`
      return handle(exchange, url)
    },
  }
}
