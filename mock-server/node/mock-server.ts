/** A mock server on a port: started, killed, restarted and closed like a real one. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { AuthOptions } from '../auth/authenticator.ts'
import { createAuthenticator } from '../auth/authenticator.ts'
import { systemClock } from '../base/clock.ts'
import type { RestartOptions } from '../service/control.ts'
import type { Client, FeedEvent } from '../feed/feed.ts'
import { startTicker } from '../feed/ticker.ts'
import type { NodeHandlerOptions } from './node-handler.ts'
import { createNodeHandler } from './node-handler.ts'
import type { Permission } from '../http/identity.ts'
import type { Traffic } from '../http/traffic.ts'
import type { StaticFolders } from './static-files.ts'
import { createStaticHandler } from './static-files.ts'
import type { Run } from '../run/run.ts'
import type { Scenario } from '../scenario/scenario.ts'
import type { Service, ServiceOptions } from '../service/service.ts'
import { createService } from '../service/service.ts'

/** What a server can be told, beside what the service can. Durations are milliseconds. */
export interface MockServerOptions extends Omit<ServiceOptions, 'onRestart' | 'authenticator'>, NodeHandlerOptions {
  /** @defaultValue 0: any free one */
  readonly port?: number
  /** @defaultValue '127.0.0.1' */
  readonly host?: string
  /** Sockets that are served; more are answered with 503. @defaultValue 10_000 */
  readonly maxConnections?: number
  /** A client that has not sent its headers by then (milliseconds) is dropped. @defaultValue 10_000 */
  readonly headersTimeout?: number
  /** Who may ask. @defaultValue 'none': everybody */
  readonly auth?: AuthOptions
  /** Time (milliseconds) between two made-up `price` events in the feed; 0: none. @defaultValue 0 */
  readonly tick?: number
  /** Folders to serve, by the path they are served at: `{ '/': 'demo' }`. @defaultValue none */
  readonly folders?: StaticFolders
}

/** What a token is to say. */
export interface TokenOptions {
  /** @defaultValue 'mock-user' */
  readonly subject?: string
  /** Milliseconds. @defaultValue 60_000 */
  readonly expiresIn?: number
  /** @defaultValue all */
  readonly permissions?: readonly Permission[]
}

/** A running mock server. */
export interface MockServer {
  /** Without a slash at its end. */
  readonly url: string
  /** The one that it listens on; the same after a restart. */
  readonly port: number
  /** Who reads a feed now. */
  readonly clients: readonly Client[]
  /** Those under way, and those that ended and can still be read again. */
  readonly runs: readonly Run[]
  /** What is being sent now, stream by stream, each over a connection of its own: compression, bytes, streams on a channel. */
  readonly connections: readonly Traffic[]
  /** How many sockets are open, idle ones too. */
  readonly sockets: number
  /** What answers, for feeds and runs at paths of one's own. */
  readonly service: Service
  /** Sends an event to all clients of `/api/stream`; returns its id. Throws `TypeError` for CR, LF or NUL in `type`. */
  broadcast(event: FeedEvent): string
  /** A token as `POST /api/token` gives it out. Rejects without `auth` by tokens, and for a wish that cannot be. */
  issueToken(tokenOptions?: TokenOptions): Promise<string>
  /** Replaces the faults in force; `[]` clears them. Throws `TypeError` for what the grammar does not have. */
  setScenario(scenario: Scenario): void
  /** Drops all sockets and stops listening, as a killed process does; what was sent is kept for `restart`. */
  kill(): Promise<void>
  /** Kills, where that has not happened, and listens on the same port again. `log: 'lose'` forgets all events and runs. */
  restart(options?: RestartOptions): Promise<void>
  /** Ends all streams in good order and stops for good. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Milliseconds that clients have for taking their last bytes. */
const CLOSE_GRACE_MS = 1_000

/** Starts a mock server. Rejects if the port is taken. */
export async function startMockServer(options: MockServerOptions = {}): Promise<MockServer> {
  const { host = '127.0.0.1', maxConnections = 10_000, headersTimeout = 10_000, clock = systemClock } = options
  let { port = 0 } = options
  let state: 'starting' | 'listening' | 'killed' | 'closed' = 'starting'
  let server: Server | undefined
  let requestedRestart: RestartOptions | undefined
  const sockets = new Set<Socket>()
  /** Sockets on which something is being answered. */
  const busySockets = new Set<Socket>()
  /** Sockets beyond the limit. */
  const excessSockets = new WeakSet<Socket>()

  const authenticator = createAuthenticator(options.auth ?? 'none', clock)
  const service = createService({
    ...options,
    authenticator,
    onRestart: (how) => {
      requestedRestart = how
    },
  })
  const handler = createNodeHandler(service, options)
  const serveStatic = createStaticHandler(options.folders ?? {})

  const onConnection = (socket: Socket): void => {
    if (sockets.size >= 2 * maxConnections) return void socket.destroy()
    if (sockets.size >= maxConnections) excessSockets.add(socket)
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  }
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const { socket } = request
    busySockets.add(socket)
    response.once('close', () => busySockets.delete(socket))
    response.once('finish', () => {
      if (state === 'closed') socket.destroySoon()
      const how = requestedRestart
      requestedRestart = undefined
      // Only now: whoever asked for it has its answer.
      if (how) restart(how).catch(console.error)
    })
    if (excessSockets.has(socket)) return handler.sendProblem(response, 503, 'Too many connections.')
    handler(request, response, () => {
      serveStatic(request, response).then(
        (served) => served || handler(request, response),
        (error: unknown) => {
          console.error(error)
          response.destroy()
        },
      )
    })
  }

  const listen = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const starting = createServer({ headersTimeout, connectionsCheckingInterval: Math.min(1_000, headersTimeout) })
      starting.on('connection', onConnection)
      starting.on('request', onRequest)
      starting.once('error', reject)
      starting.listen(port, host, () => {
        starting.off('error', reject)
        port = (starting.address() as AddressInfo).port
        server = starting
        state = 'listening'
        resolve()
      })
    })
  const stop = (how: 'killed' | 'closed'): Promise<void> => {
    state = how
    const stopping = server
    server = undefined
    return new Promise((resolve) => {
      if (stopping) stopping.close(() => resolve())
      else resolve()
    })
  }
  const destroyAll = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  const kill = async (): Promise<void> => {
    if (state !== 'listening') return
    const stopped = stop('killed')
    destroyAll()
    await stopped
  }
  const restart = async ({ log = 'keep', downtime = 0 }: RestartOptions = {}): Promise<void> => {
    await kill()
    if (log === 'lose') service.clearHistory()
    if (downtime > 0) await new Promise<void>((resolve) => clock.after(downtime, resolve))
    if (state !== 'killed') return
    state = 'starting'
    await listen()
  }
  const close = async (): Promise<void> => {
    if (state === 'closed') return
    const stopped = stop('closed')
    stopTicker?.()
    service.close()
    handler.close()
    for (const socket of sockets) if (!busySockets.has(socket)) socket.destroy()
    const graceTimer = setTimeout(destroyAll, CLOSE_GRACE_MS)
    await stopped
    clearTimeout(graceTimer)
  }

  await listen()
  const stopTicker = options.tick ? startTicker(service.feed(), options.tick, options.seed ?? 0, clock) : undefined
  return {
    get url() {
      return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
    },
    get port() {
      return port
    },
    get clients() {
      return service.feed().clients
    },
    get runs() {
      return service.runs
    },
    get connections() {
      return handler.connections
    },
    get sockets() {
      return sockets.size
    },
    service,
    broadcast: (event) => service.broadcast(event),
    async issueToken(tokenOptions = {}) {
      if (!authenticator.issue) throw new TypeError('issueToken: this server does not ask for tokens')
      return (await authenticator.issue({ ...tokenOptions }))['token'] as string
    },
    setScenario: (scenario) => service.setScenario(scenario),
    kill,
    restart,
    close,
    [Symbol.asyncDispose]: close,
  }
}
