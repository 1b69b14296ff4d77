/** The mock server as a service that does not listen on a port: takes requests and returns responses. */
import type { Clock } from '../../server/base/clock.ts'
import { systemClock } from '../../server/base/clock.ts'
import { handleTokenRequest } from '../auth/token-handler.ts'
import { createChannels } from '../channel/channel-handlers.ts'
import type { DialectName } from '../dialect/names.ts'
import { dialectPaths } from '../dialect/names.ts'
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
import { createPlaybacks } from '../replay/playbacks.ts'
import { parseRecording } from '../replay/recording.ts'
import { replayResponses } from '../replay/replay-handler.ts'
import type { CannedAnswers, GenerateAnswer } from '../run/answers.ts'
import { createAnswerGenerator } from '../run/answers.ts'
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
import { createDialectRoute, modelsPath, modelsRoute } from './dialect-routes.ts'

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
  /** Generates the answers of endpoints that have none of their own. */
  readonly generateAnswer: GenerateAnswer
  /** Adds an endpoint for runs at this path; `rules` apply only to this endpoint and its runs. */
  addRunEndpoint(path: string, generateAnswer?: GenerateAnswer, rules?: readonly Rule[]): void
  /** Adds an endpoint of a vendor's dialect at this path, and what belongs to it below the path. */
  addDialectEndpoint(name: DialectName, path: string, generateAnswer?: GenerateAnswer, rules?: readonly Rule[]): void
  /**
   * Answers requests to this path with a recording.
   * @throws `TypeError` for text that is not a recording, or has no response for the path
   */
  addReplay(path: string, text: string, options?: { readonly delay?: number; readonly rules?: readonly Rule[] }): void
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

/** Number of path segments after a route for all paths below its own. */
const MAX_SUBPATH_DEPTH = 2

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
  const playbacks = createPlaybacks({ retention, maxKept: maxRuns, clock })
  const addDialectEndpoint = (
    name: DialectName,
    path: string,
    generateAnswer: GenerateAnswer = generateDefaultAnswer,
    rules: readonly Rule[] = [],
  ): void => {
    const endpoint = { path, generateAnswer, delay, unit, bodyLimit, playbacks }
    const route = createDialectRoute(name, endpoint, createRuleSet(rules))
    routes.set(path, route)
    prefixRoutes.set(`${path}/`, route)
    const models = modelsPath(name, path)
    if (models !== undefined) routes.set(models, modelsRoute)
  }
  /** Finds the route of a path, or of the nearest path above it that has a route for what is below. */
  const findRoute = (path: string): Route | undefined => {
    const exact = routes.get(path)
    if (exact) return exact
    let end = path.lastIndexOf('/')
    for (let depth = 0; depth < MAX_SUBPATH_DEPTH && end > 0; depth++, end = path.lastIndexOf('/', end - 1)) {
      const found = prefixRoutes.get(path.slice(0, end + 1))
      if (found) return found
    }
    return undefined
  }
  const channels = createChannels(kernel, () => handle)
  const drop = (): void => {
    channels.end('cut')
    for (const one of feeds.values()) one.drop()
    registry.drop()
    playbacks.drop()
  }
  const clearHistory = (): void => {
    channels.end('cut')
    for (const one of feeds.values()) one.clearHistory()
    registry.clear('cut')
    playbacks.clear('cut')
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
  for (const [name, path] of Object.entries(dialectPaths)) addDialectEndpoint(name as DialectName, path)
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
    generateAnswer: generateDefaultAnswer,
    addRunEndpoint,
    addDialectEndpoint,
    addReplay(path, text, { delay: replayDelay = delay, rules = [] } = {}) {
      const all = parseRecording(text)
      const responses = all.filter((response) => response.path === '*' || response.path === path)
      if (responses.length === 0) throw new TypeError(`recording: no response for ${path}`)
      const replay = replayResponses({ responses, delay: replayDelay, playbacks })
      routes.set(path, {
        responseKind: 'stream',
        permission: 'run',
        ruleSet: createRuleSet(rules),
        methods: { GET: replay, POST: replay, DELETE: replay },
      })
    },
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
      playbacks.clear('ended')
      channels.end('ended')
      kernel.streams.close()
    },
  }
}
