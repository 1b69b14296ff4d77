/** The in-process mock server, for unit tests, Storybook and anything else that accepts a `fetch`. */
import type { Feed } from '../feed/feed.ts'
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
  /** The complete answer, or a function that returns it for a prompt. @defaultValue a generated answer */
  readonly text?: string | ((prompt: string) => string)
  /** Faults for requests to this path and to the `resume` URLs of its runs. */
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
   * @throws `TypeError` for an invalid fault
   */
  run(path: string, run?: MockRun): void
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
    run(path, { text, fault } = {}) {
      const generateAnswer = typeof text === 'string' ? () => text : text
      service.addRunEndpoint(path, generateAnswer, fault === undefined ? [] : parseScenario(fault))
    },
    feed: (path) => service.feed(path),
    setScenario: (scenario) => service.setScenario(scenario),
    has: (path) => service.has(path),
    close: () => service.close(),
  }
}
