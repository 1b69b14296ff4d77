/** `createServer`: the feeds and runs of a process, with what they share. */
import type { Clock } from '../base/clock.ts'
import { systemClock } from '../base/clock.ts'
import type { Instrument } from '../base/instrument.ts'
import { safely } from '../base/instrument.ts'
import { nextTurn } from '../base/next-turn.ts'
import type { ManagedChannels } from '../channel/channels.ts'
import { createChannels } from '../channel/channels.ts'
import type { Channels, ChannelsOptions } from '../channel/options.ts'
import type { Feed, FeedOptions } from '../feed/feed.ts'
import { createFeed } from '../feed/feed.ts'
import type { EndpointContext, Limits } from '../http/endpoint.ts'
import type { Hooks } from '../http/hooks.ts'
import type { Identity } from '../http/identity.ts'
import type { EventLog } from '../log/event-log.ts'
import { memoryLog } from '../log/memory-log.ts'
import type { Runs, RunsOptions } from '../run/options.ts'
import type { ManagedRuns } from '../run/runs.ts'
import { createRuns } from '../run/runs.ts'
import { Hub } from '../stream/hub.ts'

/** Options of `createServer`. Durations are in milliseconds. */
export interface ServerOptions<Id extends Identity> {
  /**
   * Where streams are stored.
   * @defaultValue memoryLog()
   * @example
   * ```ts
   * createServer({ log: redisLog(client) })
   * ```
   */
  readonly log?: EventLog
  /**
   * Returns who sends a request; `undefined` is answered with 401. Throw an `HttpError` for any other answer.
   * @defaultValue everyone is the same: feeds are public, and the unguessable ID of a run is what allows to read it
   * @example
   * ```ts
   * createServer({
   *   async authenticate(request) {
   *     const session = await findSession(request.headers.get('authorization'))
   *     return session && { subject: session.userId, expiresAt: session.expiresAt }
   *   },
   * })
   * ```
   */
  readonly authenticate?: (request: Request) => Id | undefined | Promise<Id | undefined>
  /**
   * Interval of heartbeats; 0 disables them.
   * @defaultValue 30_000
   * @example
   * ```ts
   * createServer({ heartbeat: 15_000 })
   * ```
   */
  readonly heartbeat?: number
  /**
   * How long a client may read nothing before its connection is closed.
   * @defaultValue 30_000
   * @example
   * ```ts
   * createServer({ drainTimeout: 60_000 })
   * ```
   */
  readonly drainTimeout?: number
  /**
   * Origins whose pages may read responses and send requests with cookies. `*` allows every origin, but without
   * credentials.
   * @defaultValue none
   * @example
   * ```ts
   * createServer({ cors: ['https://app.example.com'] })
   * ```
   */
  readonly cors?: string | readonly string[]
  /**
   * Keeps the process of a serverless host alive while a run without readers continues.
   * @example
   * ```ts
   * createServer({ waitUntil: (promise) => context.waitUntil(promise) })
   * ```
   */
  readonly waitUntil?: (promise: Promise<unknown>) => void
  /**
   * Receives records of what happens, without payloads and credentials.
   * @example
   * ```ts
   * createServer({ instrument: (record) => metrics.count(`rivulet.${record.type}`) })
   * ```
   */
  readonly instrument?: Instrument
  /** Source of time, for tests. @defaultValue the platform's */
  readonly clock?: Clock
  /**
   * What a request or an identity may cost. The log limits the memory: see `memoryLog`.
   * @example
   * ```ts
   * createServer({ limits: { body: 64 * 1024, runs: 3 } })
   * ```
   */
  readonly limits?: Partial<Limits>
}

/** A server. Its feeds, runs and channels are handlers, which the application mounts where it likes. */
export interface Server<Id extends Identity> {
  /**
   * Creates a feed.
   * @throws TypeError if `retry` is not a whole number of milliseconds
   * @example
   * ```ts
   * const prices = server.feed<{ price: { symbol: string; value: number } }>('prices')
   * await prices.send('price', { symbol: 'ACME', value: 120 })
   * ```
   */
  feed<Events extends object = Record<string, unknown>>(name: string, options?: FeedOptions<Id>): Feed<Events>
  /**
   * Creates runs.
   * @example
   * ```ts
   * const answers = server.runs<{ prompt: string }>({
   *   async *generate({ body, signal }) {
   *     for await (const token of model(body.prompt, signal)) yield token
   *   },
   * })
   * ```
   */
  runs<Body = unknown>(options: RunsOptions<Body, Id>): Runs
  /**
   * Creates channels, over which clients with `multiplex` read feeds and runs on one connection. A channel belongs to the
   * process that has opened it: with several processes, route the requests of a client to the same one (sticky sessions).
   * Operations that reach another process are answered with 404, and the client opens a new channel there.
   * @throws TypeError if an option is not valid
   * @example
   * ```ts
   * const channel = server.channel({ routes: { '/api/prices': prices, '/api/generate': answers } })
   * app.get('/api/channel', toNode(channel.handler))
   * app.post('/api/channel/ops', toNode(channel.handler))
   * ```
   */
  channel(options: ChannelsOptions): Channels
  /**
   * Refuses new requests and ends the responses, so that clients continue on another process. Runs have `grace`
   * milliseconds to finish. Closes at last the log that was given.
   * @defaultValue grace: 0
   * @example
   * ```ts
   * process.once('SIGTERM', () => server.close({ grace: 20_000 }))
   * ```
   */
  close(options?: { readonly grace?: number }): Promise<void>
}

const DEFAULT_LIMITS: Limits = { body: 1024 * 1024, streams: 100, runs: 20 }

/** @throws TypeError if an option that is a number is not a valid one */
function checkNumbers(options: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && !(typeof value === 'number' && value >= 0)) {
      throw new TypeError(`${name}: expected a number that is not negative`)
    }
  }
}

/**
 * Creates a server.
 * @throws TypeError if an option is not valid
 * @example
 * ```ts
 * const server = createServer({ authenticate: async (request) => verify(request.headers.get('authorization')) })
 * const prices = server.feed('prices')
 * export const GET = prices.handler
 * ```
 */
export function createServer<Id extends Identity = Identity>(options: ServerOptions<Id> = {}): Server<Id> {
  return createKernel(options, {})
}

/**
 * Creates a server with hooks, for a server that is built on it.
 * @throws TypeError if an option is not valid
 */
export function createKernel<Id extends Identity>(options: ServerOptions<Id>, hooks: Hooks): Server<Id> {
  const { heartbeat = 30_000, drainTimeout = 30_000, clock = systemClock, log = memoryLog(), cors = [] } = options
  checkNumbers({ heartbeat, drainTimeout, ...options.limits })
  const instrument = safely(options.instrument)
  const hub = new Hub({ log, clock, instrument, heartbeat, drainTimeout })
  const managedRuns: ManagedRuns[] = []
  const managedChannels: ManagedChannels[] = []
  let state: 'open' | 'closing' = 'open'
  const context: EndpointContext<Id> = {
    hub,
    instrument,
    cors: typeof cors === 'string' ? [cors] : cors,
    limits: { ...DEFAULT_LIMITS, ...options.limits },
    authenticate: options.authenticate,
    identified: new WeakMap(),
    streamCounts: new Map(),
    hooks,
    isClosing: () => state === 'closing',
  }
  return {
    feed: (name, feedOptions = {}) => createFeed(context, name, feedOptions),
    runs(runsOptions) {
      checkNumbers({
        retention: runsOptions.retention,
        abandon: runsOptions.abandon,
        maxBytes: runsOptions.maxBytes,
      })
      const created = createRuns(context, runsOptions, options.waitUntil)
      managedRuns.push(created)
      return created
    },
    channel(channelsOptions) {
      const { maxStreams, maxOperations, maxEventBytes } = channelsOptions
      checkNumbers({ maxStreams, maxOperations, maxEventBytes })
      const created = createChannels(context, channelsOptions)
      managedChannels.push(created)
      return created
    },
    async close({ grace = 0 } = {}) {
      state = 'closing'
      hub.close('feed')
      for (const channels of managedChannels) channels.endUnused()
      await Promise.all(managedRuns.map((runs) => runs.close(grace)))
      // The readers of the runs get the last events in the next turn.
      for (let turn = 0; turn < 2; turn++) await new Promise<void>((resolve) => nextTurn(resolve))
      hub.close('run')
      for (const channels of managedChannels) channels.close()
      // The default log belongs to all servers of the process.
      await options.log?.close()
    },
  }
}
