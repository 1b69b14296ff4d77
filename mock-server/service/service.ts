/** The mock server without a socket: a request goes in, an answer comes out. */
import type { Clock } from '../base/clock.ts'
import { systemClock } from '../base/clock.ts'
import type { ChannelEndpoint } from '../channel/channel-handlers.ts'
import { openChannel, applyOperations } from '../channel/channel-handlers.ts'
import { broadcastTo, readFeed } from '../feed/feed-handlers.ts'
import type { Feed, FeedEvent } from '../feed/feed.ts'
import { createFeed } from '../feed/feed.ts'
import type { CannedAnswers, GenerateAnswer } from '../run/answers.ts'
import { createAnswerGenerator } from '../run/answers.ts'
import { chatCompletions } from '../run/openai.ts'
import { createRunRegistry } from '../run/registry.ts'
import type { Run } from '../run/run.ts'
import type { RunEndpoint } from '../run/run-handlers.ts'
import { cancelRunByKey, cancelRun, resumeRun, startRun } from '../run/run-handlers.ts'
import type { Rule } from '../scenario/rule.ts'
import type { RuleState } from '../scenario/rule-set.ts'
import { createRuleSet } from '../scenario/rule-set.ts'
import type { Scenario } from '../scenario/scenario.ts'
import { parseScenario } from '../scenario/scenario.ts'
import type { HttpResponse, DroppedConnection } from '../http/response.ts'
import { createRouter } from '../http/router.ts'
import type { RequestContext } from '../http/exchange.ts'
import type { RestartOptions } from './control.ts'
import { applyControlRequest, showState } from './control.ts'
import type { Authenticator } from '../http/identity.ts'
import { anonymous } from '../http/identity.ts'
import type { Route } from '../http/route.ts'
import { handleTokenRequest } from '../auth/token-handler.ts'

/** What a mock server can be told. Durations are milliseconds. */
export interface ServiceOptions {
  /** Silence (milliseconds) after which a comment is sent; 0: none. @defaultValue 30_000 */
  readonly heartbeat?: number
  /** Events that a feed keeps for those who come back. @defaultValue 1_000 */
  readonly history?: number
  /** How long (milliseconds) a finished run is kept, after the later of its end and its last reader. @defaultValue 60_000 */
  readonly retention?: number
  /** After how long (milliseconds) an unfinished run without a reader is stopped. @defaultValue 60_000 */
  readonly abandon?: number
  /** How many runs are kept. @defaultValue 1_000 */
  readonly maxRuns?: number
  /** Time (milliseconds) between two deltas. @defaultValue 20 */
  readonly delay?: number
  /** What a delta is. @defaultValue 'character' */
  readonly unit?: 'character' | 'token'
  /** Answers by prompt, or in turn; others are made up. */
  readonly answers?: CannedAnswers
  /** Makes the made-up answers. @defaultValue 0 */
  readonly seed?: number
  /** What goes wrong. Throws `TypeError` for what the grammar does not have. */
  readonly scenario?: Scenario
  /** Origins whose pages may read; `'*'` for all, without credentials. @defaultValue none but its own */
  readonly cors?: string | readonly string[]
  /** Who may ask. @defaultValue everybody */
  readonly authenticator?: Authenticator
  /** Largest body of a request, bytes. @defaultValue 1 MiB */
  readonly bodyLimit?: number
  /** Time, for tests. */
  readonly clock?: Clock
  /** Hears of each request before it is answered; a body that is read here is to be read from a clone. */
  readonly onRequest?: (request: Request, via: 'connection' | 'channel') => void
  /** What a `restart` by `POST /_mock` does, beside cutting the streams. */
  readonly onRestart?: (options: RestartOptions) => void
}

/** A mock server without a socket. */
export interface Service {
  /** Never rejects; stays pending for a client that is to be left waiting, until it is gone. */
  handle(request: Request, context: RequestContext): Promise<HttpResponse | DroppedConnection>
  /** Whether there is something at this path. */
  has(path: string): boolean
  /** The feed at this path, which is made if there is none. @defaultValue '/api/stream' */
  feed(path?: string): Feed
  /** Lets runs be started at this path; `rules` are for it and its runs alone. */
  addRunEndpoint(path: string, generateAnswer?: GenerateAnswer, rules?: readonly Rule[]): void
  readonly runs: readonly Run[]
  /** The rules in force. */
  readonly rules: readonly RuleState[]
  /** Replaces the rules. Throws `TypeError` for what the grammar does not have. */
  setScenario(scenario: Scenario): void
  /** Sends an event to the clients of `/api/stream`; returns its id. Throws `TypeError` for CR, LF or NUL in `type`. */
  broadcast(event: FeedEvent): string
  /** Cuts every stream. */
  drop(): void
  /** Forgets all events and runs, as a server without a disk does. */
  clearHistory(): void
  /** Ends every stream in good order, and every timer. */
  close(): void
}

/** Makes the service; its feed is at `/api/stream`, its runs at `/api/generate`. */
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
  const registry = createRunRegistry({ retention, abandon, maxRuns, clock })
  const generateDefaultAnswer = createAnswerGenerator(options.answers, seed)
  const feeds = new Map<string, Feed>()
  const routes = new Map<string, Route>()
  /** Routes for everything below a path. */
  const prefixRoutes = new Map<string, Route>()

  const feed = (path = '/api/stream'): Feed => {
    let found = feeds.get(path)
    if (!found) {
      found = createFeed(path, history)
      feeds.set(path, found)
      routes.set(path, { responseKind: 'stream', kind: 'feed', permission: 'feed', methods: { GET: readFeed(found) } })
    }
    return found
  }
  const addRunEndpoint = (
    path: string,
    generateAnswer: GenerateAnswer = generateDefaultAnswer,
    rules: readonly Rule[] = [],
  ): void => {
    const endpoint: RunEndpoint = { path, generateAnswer, registry, delay, unit, bodyLimit }
    const start = startRun(endpoint)
    const common = { responseKind: 'stream', kind: 'run', permission: 'run', ruleSet: createRuleSet(rules) } as const
    routes.set(path, { ...common, methods: { GET: start, POST: start, DELETE: cancelRunByKey(endpoint) } })
    prefixRoutes.set(`${path}/`, { ...common, methods: { GET: resumeRun(endpoint), DELETE: cancelRun(endpoint) } })
  }
  const findRoute = (path: string): Route | undefined =>
    routes.get(path) ?? prefixRoutes.get(path.slice(0, path.lastIndexOf('/') + 1))
  const channels: ChannelEndpoint['channels'] = new Map()
  const endChannels = (endState: 'cut' | 'ended'): void => {
    for (const { channel } of channels.values()) channel.end(endState)
  }
  const drop = (): void => {
    endChannels('cut')
    for (const one of feeds.values()) one.drop()
    registry.drop()
  }
  const clearHistory = (): void => {
    endChannels('cut')
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
  const channelEndpoint: ChannelEndpoint = { channels, handle, bodyLimit }
  const channelRoute = { responseKind: 'other', kind: 'channel', overChannel: 'never' } as const
  routes.set('/api/channel', { ...channelRoute, methods: { GET: openChannel(channelEndpoint) } })
  routes.set('/api/channel/ops', { ...channelRoute, methods: { POST: applyOperations(channelEndpoint) } })

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
      endChannels('ended')
    },
  }
}
