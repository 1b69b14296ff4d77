/** The mock server as a service that does not listen on a port: takes requests and returns responses. */
import type { Clock } from '../../server/base/clock.ts'
import { systemClock } from '../../server/base/clock.ts'
import { handleTokenRequest } from '../auth/token-handler.ts'
import { createChannels } from '../channel/channel-handlers.ts'
import { broadcastTo } from '../feed/feed-handlers.ts'
import type { Feed, FeedEvent, ReadableFeed } from '../feed/feed.ts'
import { createFeed } from '../feed/feed.ts'
import type { RequestContext } from '../http/exchange.ts'
import type { Authenticator } from '../http/identity.ts'
import { anonymous } from '../http/identity.ts'
import { createMockKernel } from '../http/kernel.ts'
import type { HttpResponse, DroppedConnection } from '../http/response.ts'
import type { Route } from '../http/route.ts'
import { createRouter } from '../http/router.ts'
import type { CannedAnswers, GenerateAnswer } from '../run/answers.ts'
import { createAnswerGenerator } from '../run/answers.ts'
import { chatCompletions } from '../run/openai.ts'
import type { Run } from '../run/registry.ts'
import { createRunRegistry } from '../run/registry.ts'
import { createRunHandlers } from '../run/run-handlers.ts'
import type { RuleState } from '../scenario/rule-set.ts'
import { createRuleSet } from '../scenario/rule-set.ts'
import type { Rule } from '../scenario/rule.ts'
import type { Scenario } from '../scenario/scenario.ts'
import { parseScenario } from '../scenario/scenario.ts'
import type { RestartOptions } from './control.ts'
import { applyControlRequest, showState } from './control.ts'

/** Options of a mock server. Durations are in milliseconds. */
export interface ServiceOptions {
  /** Silence before a heartbeat comment is sent, in milliseconds; 0 disables heartbeats. @defaultValue 30_000 */
  readonly heartbeat?: number
  /** Number of events that a feed keeps for clients that resume. @defaultValue 1_000 */
  readonly history?: number
  /**
   * How long a run is kept after it ends or its last reader leaves, whichever is later, in milliseconds.
   * @defaultValue 60_000
   */
  readonly retention?: number
  /** How long an unfinished run continues without a reader, in milliseconds. @defaultValue 60_000 */
  readonly abandon?: number
  /** Maximum number of runs that are kept. @defaultValue 1_000 */
  readonly maxRuns?: number
  /** Delay between deltas, in milliseconds. @defaultValue 20 */
  readonly delay?: number
  /** What a delta contains. @defaultValue 'character' */
  readonly unit?: 'character' | 'token'
  /** Answers by prompt, or a list of answers to cycle through; for any other prompt, an answer is generated. */
  readonly answers?: CannedAnswers
  /** Seed for the generated answers. @defaultValue 0 */
  readonly seed?: number
  /** Faults to inject; an invalid scenario throws a `TypeError`. */
  readonly scenario?: Scenario
  /** Origins whose pages may read responses; `'*'` allows all, without credentials. @defaultValue none but its own */
  readonly cors?: string | readonly string[]
  /** Authenticates requests. @defaultValue everybody */
  readonly authenticator?: Authenticator
  /** Maximum size of a request body, in bytes. @defaultValue 1 MiB */
  readonly bodyLimit?: number
  /** Source of time, for tests. */
  readonly clock?: Clock
  /** Called before each request is handled, with the request and how it arrived. Read the body only from a clone. */
  readonly onRequest?: (request: Request, via: 'connection' | 'channel') => void
  /** Called when `POST /_mock` requests a restart; replaces the default, which cuts every stream. */
  readonly onRestart?: (options: RestartOptions) => void
}

/** A mock server that does not listen on a port: requests are passed to `handle()`. */
export interface Service {
  /** Handles a request. Never rejects; with the fault `hang`, it resolves only when the client disconnects. */
  handle(request: Request, context: RequestContext): Promise<HttpResponse | DroppedConnection>
  /** Whether this path has a route. */
  has(path: string): boolean
  /** Returns the feed at this path, by default `/api/stream`, and creates it if necessary. */
  feed(path?: string): Feed
  /** Adds an endpoint for runs at this path; `rules` apply only to this endpoint and its runs. */
  addRunEndpoint(path: string, generateAnswer?: GenerateAnswer, rules?: readonly Rule[]): void
  /** The runs that are kept. */
  readonly runs: readonly Run[]
  /** The rules in force. */
  readonly rules: readonly RuleState[]
  /**
   * Replaces the rules in force; `[]` clears them.
   * @throws `TypeError` for an invalid scenario
   */
  setScenario(scenario: Scenario): void
  /**
   * Sends an event to the clients of `/api/stream` and returns its ID.
   * @throws `TypeError` for CR, LF or NUL in `type`
   */
  broadcast(event: FeedEvent): string
  /** Cuts every stream. */
  drop(): void
  /** Cuts every stream and forgets all events and runs, like a restart without persistent storage. */
  clearHistory(): void
  /** Ends every stream cleanly and stops all timers. */
  close(): void
}

/** Creates the service, with a feed at `/api/stream` and runs at `/api/generate`. */
export function createService(options: ServiceOptions = {}): Service {
  const {
    heartbeat = 30_000,
    history = 1_000,
    retention = 60_000,
    abandon = 60_000,
    maxRuns = 1_000,
    delay = 20,
    unit = 'character',
    seed = 0,
    bodyLimit = 1024 * 1024,
    clock = systemClock,
    authenticator = anonymous,
  } = options
  const cors = typeof options.cors === 'string' ? [options.cors] : (options.cors ?? [])
  const ruleSet = createRuleSet(options.scenario === undefined ? [] : parseScenario(options.scenario))
  const generateDefaultAnswer = createAnswerGenerator(options.answers, seed)
  const kernel = createMockKernel({ clock, heartbeat, maxRuns, bodyLimit, authenticator })
  const registry = createRunRegistry(kernel, clock)
  const feeds = new Map<string, ReadableFeed>()
  const routes = new Map<string, Route>()
  /** Routes for all paths under a prefix; the prefix ends with a slash. */
  const prefixRoutes = new Map<string, Route>()

  const feed = (path = '/api/stream'): Feed => {
    let found = feeds.get(path)
    if (!found) {
      found = createFeed(kernel, path, history)
      feeds.set(path, found)
      routes.set(path, { responseKind: 'stream', kind: 'feed', permission: 'feed', methods: { GET: found.read } })
    }
    return found
  }
  const addRunEndpoint = (
    path: string,
    generateAnswer: GenerateAnswer = generateDefaultAnswer,
    rules: readonly Rule[] = [],
  ): void => {
    const { start, resume } = createRunHandlers({
      path,
      generateAnswer,
      kernel,
      registry,
      delay,
      unit,
      retention,
      abandon,
    })
    const common = { responseKind: 'stream', kind: 'run', permission: 'run', ruleSet: createRuleSet(rules) } as const
    routes.set(path, { ...common, methods: { GET: start, POST: start, DELETE: start } })
    prefixRoutes.set(`${path}/`, { ...common, methods: { GET: resume, DELETE: resume } })
  }
  const findRoute = (path: string): Route | undefined =>
    routes.get(path) ?? prefixRoutes.get(path.slice(0, path.lastIndexOf('/') + 1))
  const channels = createChannels(kernel, () => handle)
  const drop = (): void => {
    channels.end('cut')
    for (const one of feeds.values()) one.drop()
    registry.drop()
  }
  const clearHistory = (): void => {
    channels.end('cut')
    for (const one of feeds.values()) one.clearHistory()
    registry.clear('cut')
  }
  const restart = (restartOptions: RestartOptions): void => {
    if (options.onRestart) return options.onRestart(restartOptions)
    if (restartOptions.log === 'lose') clearHistory()
    else drop()
  }

  const mainFeed = feed()
  addRunEndpoint('/api/generate')
  routes.set('/api/broadcast', {
    responseKind: 'other',
    permission: 'broadcast',
    methods: { POST: broadcastTo(mainFeed, bodyLimit) },
  })
  routes.set('/v1/chat/completions', {
    responseKind: 'stream',
    kind: 'run',
    permission: 'run',
    methods: {
      POST: chatCompletions({
        path: '/v1/chat/completions',
        generateAnswer: generateDefaultAnswer,
        delay,
        unit,
        bodyLimit,
      }),
    },
  })
  if (authenticator.issue) {
    const issue = handleTokenRequest(authenticator.issue, bodyLimit)
    routes.set('/api/token', { responseKind: 'other', access: 'public', methods: { POST: issue } })
  }
  const controlTarget = { feeds, registry, ruleSet, drop, restart }
  routes.set('/_mock', {
    responseKind: 'other',
    access: 'control',
    methods: { GET: showState(controlTarget), POST: applyControlRequest(controlTarget, bodyLimit) },
  })

  const { onRequest } = options
  const handle = createRouter({
    findRoute,
    ruleSet,
    cors,
    authenticator,
    clock,
    heartbeat,
    ...(onRequest && { onRequest }),
  })
  const channelRoute = { responseKind: 'other', kind: 'channel', overChannel: 'never' } as const
  routes.set('/api/channel', { ...channelRoute, methods: { GET: channels.open } })
  routes.set('/api/channel/ops', { ...channelRoute, methods: { POST: channels.operate } })

  return {
    handle,
    has: (path) => findRoute(path) !== undefined,
    feed,
    addRunEndpoint,
    get runs() {
      return registry.runs
    },
    get rules() {
      return ruleSet.rules
    },
    setScenario: (scenario) => ruleSet.replace(parseScenario(scenario)),
    broadcast: (event) => mainFeed.send(event),
    drop,
    clearHistory,
    close() {
      for (const one of feeds.values()) one.close()
      registry.clear('ended')
      channels.end('ended')
      kernel.streams.close()
    },
  }
}
