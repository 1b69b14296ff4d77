/** A mock server that listens on a port and can be killed, restarted and closed like a real server. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { systemClock } from '../../server/base/clock.ts'
import type { AuthOptions } from '../auth/authenticator.ts'
import { createAuthenticator } from '../auth/authenticator.ts'
import type { Client, FeedEvent } from '../feed/feed.ts'
import { startTicker } from '../feed/ticker.ts'
import type { Permission } from '../http/identity.ts'
import type { Traffic } from '../http/traffic.ts'
import type { Run } from '../run/registry.ts'
import type { Scenario } from '../scenario/scenario.ts'
import type { RestartOptions } from '../service/control.ts'
import type { Service, ServiceOptions } from '../service/service.ts'
import { createService } from '../service/service.ts'
import type { NodeHandlerOptions } from './node-handler.ts'
import { createNodeHandler } from './node-handler.ts'
import type { StaticFolders } from './static-files.ts'
import { createStaticHandler } from './static-files.ts'

/** Options of `startMockServer`, in addition to those of the service. Durations are in milliseconds. */
export interface MockServerOptions extends Omit<ServiceOptions, 'onRestart' | 'authenticator'>, NodeHandlerOptions {
  /** Port to listen on. @defaultValue 0: any free one */
  readonly port?: number
  /** Address to listen on. @defaultValue '127.0.0.1' */
  readonly host?: string
  /** Maximum number of sockets served at once; requests on further sockets get a 503. @defaultValue 10_000 */
  readonly maxConnections?: number
  /** How long a client may take to send headers before the client is dropped, in milliseconds. @defaultValue 10_000 */
  readonly headersTimeout?: number
  /** Authentication that requests require. @defaultValue 'none': everybody */
  readonly auth?: AuthOptions
  /** Interval between sample `price` events in the feed, in milliseconds; 0 sends none. @defaultValue 0 */
  readonly tick?: number
  /** Folders to serve, by URL path: `{ '/': 'demo' }`. @defaultValue none */
  readonly folders?: StaticFolders
  /** Answers requests that neither the mock server nor a folder answers. @defaultValue a 404 */
  readonly fallback?: (request: IncomingMessage, response: ServerResponse) => void
}

/** Options for a token. */
export interface TokenOptions {
  /** Subject of the identity. @defaultValue 'mock-user' */
  readonly subject?: string
  /** Lifetime in milliseconds. @defaultValue 60_000 */
  readonly expiresIn?: number
  /** Permissions of the identity. @defaultValue all */
  readonly permissions?: readonly Permission[]
}

/** A running mock server. */
export interface MockServer {
  /** Base URL, without a trailing slash. */
  readonly url: string
  /** Port that the server listens on; a restart keeps it. */
  readonly port: number
  /** The clients currently reading `/api/stream`. */
  readonly clients: readonly Client[]
  /** The runs that are kept: running ones, and finished ones that can still be read. */
  readonly runs: readonly Run[]
  /** Traffic figures of the responses being streamed, one entry per connection. */
  readonly connections: readonly Traffic[]
  /** Number of open sockets, including idle ones. */
  readonly sockets: number
  /** The service behind the server, for feeds and runs at other paths. */
  readonly service: Service
  /**
   * Sends an event to the clients of `/api/stream` and returns its ID.
   * @throws `TypeError` for CR, LF or NUL in `type`
   */
  broadcast(event: FeedEvent): string
  /**
   * Issues a token, like `POST /api/token`.
   * @throws `TypeError` if `auth` does not enable tokens, or if an option is not valid
   */
  issueToken(tokenOptions?: TokenOptions): Promise<string>
  /**
   * Replaces the faults in force; `[]` clears them.
   * @throws `TypeError` for an invalid scenario
   */
  setScenario(scenario: Scenario): void
  /** Destroys all sockets and stops listening, like a killed process; events and runs are kept for `restart`. */
  kill(): Promise<void>
  /** Kills the server unless it has already been killed, and listens on the same port again. */
  restart(options?: RestartOptions): Promise<void>
  /** Ends all streams cleanly and stops the server for good. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** How long clients may take to receive their last bytes after `close`, in milliseconds. */
const CLOSE_GRACE_MS = 1_000

/** Starts a mock server. Rejects if the port is in use. */
export async function startMockServer(options: MockServerOptions = {}): Promise<MockServer> {
  const { host = '127.0.0.1', maxConnections = 10_000, headersTimeout = 10_000, clock = systemClock } = options
  let { port = 0 } = options
  let state: 'starting' | 'listening' | 'killed' | 'closed' = 'starting'
  let server: Server | undefined
  let requestedRestart: RestartOptions | undefined
  const sockets = new Set<Socket>()
  /** Sockets with a response in progress. */
  const busySockets = new Set<Socket>()
  /** Sockets beyond `maxConnections`. */
  const excessSockets = new WeakSet<Socket>()

  const authenticator = createAuthenticator(options.auth ?? 'none', clock)
  const service = createService({
    ...options,
    authenticator,
    onRestart: (restartOptions) => {
      requestedRestart = restartOptions
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
      const restartOptions = requestedRestart
      requestedRestart = undefined
      // Restart only now that the response to the restart request has been sent.
      if (restartOptions) restart(restartOptions).catch(console.error)
    })
    if (excessSockets.has(socket))
      return handler.sendProblem(response, 503, 'Too many connections; raise the `maxConnections` option.')
    handler(request, response, () => {
      serveStatic(request, response).then(
        (served) => served || (options.fallback ?? handler)(request, response),
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
  const stop = (nextState: 'killed' | 'closed'): Promise<void> => {
    state = nextState
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
      if (!authenticator.issue)
        throw new TypeError('issueToken: token authentication is not enabled; set the `auth` option')
      return (await authenticator.issue({ ...tokenOptions }))['token'] as string
    },
    setScenario: (scenario) => service.setScenario(scenario),
    kill,
    restart,
    close,
    [Symbol.asyncDispose]: close,
  }
}
