/** The in-process mock server, for unit tests, Storybook and anything else that accepts a `fetch`. */
import type { FinishReason } from '../../src/message/message.ts'
import type { DialectName } from '../dialect/names.ts'
import { parseDialectName } from '../dialect/names.ts'
import type { Feed } from '../feed/feed.ts'
import type { GenerateAnswer } from '../run/answers.ts'
import type { Answer, AnswerUsage } from '../run/blocks.ts'
import { parseAnswer, parseFinishReason, planOf } from '../run/blocks.ts'
import type { Run } from '../run/registry.ts'
import type { Scenario } from '../scenario/scenario.ts'
import { parseScenario } from '../scenario/scenario.ts'
import type { ServiceOptions } from '../service/service.ts'
import { createService } from '../service/service.ts'
import { createFetchHandler } from './fetch-handler.ts'

/** Options of a mock: those of the mock server, but with a default `delay` of 0. */
export type MockOptions = Omit<ServiceOptions, 'onRestart' | 'cors'>

/** The answer of the runs at one path, and their faults. */
export interface MockRun {
  /** The complete answer as text, or a function that returns it for a prompt. @defaultValue a generated answer */
  readonly text?: string | ((prompt: string) => string)
  /**
   * The complete answer as text or blocks, or a function that returns it for a prompt; instead of `text`.
   *
   * @example
   * ```ts
   * mock.run('/api/chat', { answer: [{ text: 'Let me look.' }, { tool: 'weather', input: { city: 'Oslo' } }] })
   * ```
   */
  readonly answer?: Answer | ((prompt: string) => Answer)
  /** Why the answer ends. @defaultValue 'tool-calls' if the application has to run a tool, otherwise 'stop' */
  readonly finish?: FinishReason
  /** Numbers of tokens to report. @defaultValue the length of the prompt, and the number of deltas */
  readonly usage?: AnswerUsage
  /**
   * The vendor's protocol in which the endpoint answers. @defaultValue our own, PROTOCOL.md
   *
   * @example
   * ```ts
   * mock.run('/v1/messages', { dialect: 'anthropic', answer: 'Hello.', fault: 'status:529,once' })
   * ```
   */
  readonly dialect?: DialectName
  /** Faults for requests to this path and to the `resume` URLs of its runs. */
  readonly fault?: Scenario
}

/** Options of a recording. */
export interface MockReplay {
  /** Milliseconds between events. @defaultValue the `delay` of the mock */
  readonly delay?: number
  /** Faults for requests to this path. */
  readonly fault?: Scenario
}

/** An in-process mock server. */
export interface Mock {
  /** Like the global `fetch`, including redirects. Accepts URLs of any origin, and paths. */
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>
  /** The last 1,000 requests, oldest first, including those over a channel. */
  readonly requests: readonly Request[]
  /** The runs that are kept. */
  readonly runs: readonly Run[]
  /**
   * Adds an endpoint for runs at `path`; `/api/generate` exists already, with generated answers.
   * @throws `TypeError` for an invalid fault, answer, finish reason or dialect
   */
  run(path: string, run?: MockRun): void
  /**
   * Answers requests to `path` with a recording, event by event: an event stream as text, or a file that
   * `rivulet mock --record` has written.
   *
   * @throws `TypeError` for an invalid fault, and for text that is not a recording
   * @example
   * ```ts
   * mock.replay('/v1/messages', readFileSync('answer.txt', 'utf8'), { fault: 'reset-after:4,once' })
   * ```
   */
  replay(path: string, text: string, options?: MockReplay): void
  /** Returns the feed at `path`, by default `/api/stream`, and creates it if necessary. */
  feed(path?: string): Feed
  /**
   * Replaces the faults in force; `[]` clears them.
   * @throws `TypeError` for an invalid scenario
   */
  setScenario(scenario: Scenario): void
  /** Whether this path has a route. */
  has(path: string): boolean
  /** Ends every stream and stops all timers. */
  close(): void
}

const DEFAULT_ORIGIN = 'http://localhost'
const MAX_REDIRECTS = 20
const MAX_RECORDED_REQUESTS = 1_000

/** Builds the request after a redirect, with the method and body that the fetch standard requires. */
function createRedirectRequest(request: Request, status: number, url: URL, body: ArrayBuffer | undefined): Request {
  const becomesGet = status === 303 || ((status === 301 || status === 302) && request.method === 'POST')
  const { headers, signal } = request
  return new Request(url, {
    headers,
    signal,
    ...(becomesGet ? {} : { method: request.method, ...(body ? { body } : {}) }),
  })
}

/** Returns the generator of a run's answers. Without an answer of its own, it is the default generator. */
function createGenerator({ text, answer, finish, usage }: MockRun, generateDefault: GenerateAnswer): GenerateAnswer {
  if (text !== undefined && answer !== undefined) throw new TypeError('answer: expected either text or answer')
  const given = text ?? answer
  if (given !== undefined && typeof given !== 'function') parseAnswer(given)
  const options = { finish: parseFinishReason(finish), usage }
  const generate = typeof given === 'function' ? given : given === undefined ? generateDefault : () => given
  return (prompt) => ({ ...planOf(generate(prompt)), ...options })
}

/** Creates an in-process mock server. */
export function createMock(options: MockOptions = {}): Mock {
  const requests: Request[] = []
  const record = (request: Request): void => {
    requests.push(request.clone())
    if (requests.length > MAX_RECORDED_REQUESTS) requests.shift()
  }
  const onRequest: NonNullable<MockOptions['onRequest']> = (request, via) => {
    if (via === 'channel') record(request)
    options.onRequest?.(request, via)
  }
  const service = createService({ delay: 0, ...options, onRequest })
  const handleRequest = createFetchHandler(service)

  const fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    let request = new Request(input instanceof Request ? input : new URL(input, DEFAULT_ORIGIN), init)
    // Firefox has no `Request.prototype.body`, but reads any body; an empty one counts as none.
    const bytes = request.body === null ? undefined : await request.clone().arrayBuffer()
    const body = bytes?.byteLength ? bytes : undefined
    for (let count = 0; count <= MAX_REDIRECTS; count++) {
      record(request)
      const response = await handleRequest(request)
      Object.defineProperty(response, 'url', { value: request.url })
      Object.defineProperty(response, 'redirected', { value: count > 0 })
      const location = response.status >= 300 && response.status < 400 ? response.headers.get('location') : null
      if (location === null || request.redirect === 'manual') return response
      if (request.redirect === 'error') throw new TypeError('network error: unexpected redirect')
      request = createRedirectRequest(request, response.status, new URL(location, request.url), body)
    }
    throw new TypeError('network error: too many redirects')
  }

  return {
    fetch,
    requests,
    get runs() {
      return service.runs
    },
    run(path, { dialect, fault, ...run } = {}) {
      const generateAnswer = createGenerator(run, service.generateAnswer)
      const rules = fault === undefined ? [] : parseScenario(fault)
      if (dialect === undefined) service.addRunEndpoint(path, generateAnswer, rules)
      else service.addDialectEndpoint(parseDialectName(dialect), path, generateAnswer, rules)
    },
    replay(path, text, { delay, fault } = {}) {
      const rules = fault === undefined ? [] : parseScenario(fault)
      service.addReplay(path, text, { rules, ...(delay !== undefined && { delay }) })
    },
    feed: (path) => service.feed(path),
    setScenario: (scenario) => service.setScenario(scenario),
    has: (path) => service.has(path),
    close: () => service.close(),
  }
}
