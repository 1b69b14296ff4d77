/** The mock server in process, for unit tests, for Storybook, for anything that takes a `fetch`. */
import type { Feed } from '../feed/feed.ts'
import { createFetchHandler } from './fetch-handler.ts'
import type { Run } from '../run/run.ts'
import type { Scenario } from '../scenario/scenario.ts'
import { parseScenario } from '../scenario/scenario.ts'
import type { ServiceOptions } from '../service/service.ts'
import { createService } from '../service/service.ts'

/** Settings of a mock: those of the mock server. Deltas come without a delay unless one is given. */
export type MockOptions = Omit<ServiceOptions, 'onRestart' | 'cors'>

/** What a path answers with a run. */
export interface MockRun {
  /** The whole answer, or what makes it of the prompt. @defaultValue one that is made up */
  readonly text?: string | ((prompt: string) => string)
  /** What goes wrong with the requests of this path, and of the runs' `resume`s. */
  readonly fault?: Scenario
}

/** A mock server in process. */
export interface Mock {
  /** As the global one, redirects included; the origin does not matter, and a path alone will do. */
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>
  /** The requests that came, those over a channel too, the oldest first; the last thousand of them. */
  readonly requests: readonly Request[]
  /** Every run that is kept. */
  readonly runs: readonly Run[]
  /**
   * Lets runs be started at `path`; `/api/generate` is there already, with made-up answers.
   * Throws `TypeError` for a fault that the grammar does not have.
   */
  run(path: string, run?: MockRun): void
  /**
   * The feed at `path`, made where there is none: `send()`, `drop()`, `lose()`, `close()`, `clients`.
   * @defaultValue '/api/stream'
   */
  feed(path?: string): Feed
  /** Replaces the faults in force; `[]` clears them. Throws `TypeError` for what the grammar does not have. */
  setScenario(scenario: Scenario): void
  /** Whether there is something at this path. */
  has(path: string): boolean
  /** Ends every stream and every timer. */
  close(): void
}

const DEFAULT_ORIGIN = 'http://localhost'
const MAX_REDIRECTS = 20
const MAX_RECORDED_REQUESTS = 1_000

/** The method and the body after a redirect, as the fetch standard has them. */
function createRedirectRequest(request: Request, status: number, url: URL, body: ArrayBuffer | undefined): Request {
  const becomesGet = status === 303 || ((status === 301 || status === 302) && request.method === 'POST')
  const { headers, signal } = request
  return new Request(url, {
    headers,
    signal,
    ...(becomesGet ? {} : { method: request.method, ...(body ? { body } : {}) }),
  })
}

/** Makes a mock server in process. */
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
    const body = request.body ? await request.clone().arrayBuffer() : undefined
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
