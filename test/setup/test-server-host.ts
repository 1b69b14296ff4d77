/** An HTTP host that opens mock servers for tests in any runtime and runs commands on them. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { FeedEvent } from '../../mock-server/feed/feed.ts'
import {
  type MockServer,
  type MockServerOptions,
  type TokenOptions,
  startMockServer,
} from '../../mock-server/node/mock-server.ts'
import type { Scenario } from '../../mock-server/scenario/scenario.ts'
import type { RestartOptions } from '../../mock-server/service/control.ts'
import { type PortTraffic, type ReceivedRequest, recordPort, forgetPort } from './port-traffic.ts'
import { type SyncManualClock, createSyncManualClock } from './sync-manual-clock.ts'

/** Options for opening a mock server. They are sent as JSON, which cannot contain a clock: `time` replaces it. */
export interface TestServerOptions extends Omit<MockServerOptions, 'clock'> {
  /** With `manual`, the server's clock moves only when `advance` is called. @defaultValue 'real' */
  time?: 'real' | 'manual'
}

/** Commands that can be run on an open server, and the values they return. */
export interface TestServerCommands {
  /** Broadcasts an event on the feed `count` times; returns the last ID. */
  send(event: FeedEvent, count: number): string
  scenario(scenario: Scenario): void
  kill(): Promise<void>
  restart(options: RestartOptions): Promise<void>
  /** Cuts every open stream. */
  drop(): void
  /** Ends the feed permanently: later requests get 204. */
  finish(): void
  /** Forgets all events and runs. */
  lose(): void
  token(options: TokenOptions): Promise<string>
  advance(ms: number): void
  state(): TestServerState
  close(): Promise<void>
}

/** Requests received by a server, and its current state. */
export interface TestServerState {
  requests: ReceivedRequest[]
  /** Number of open sockets, including idle ones. */
  openSockets: number
  /** Number of responses that are not finished. */
  openResponses: number
  /** Bytes written to the open sockets. */
  writtenBytes: number
  /** Number of clients reading the feed. */
  feedReaders: number
  runs: { id: string; prompt: string; state: 'running' | 'finished'; readers: number; text: string }[]
}

interface StartedServer extends PortTraffic {
  server: MockServer
  clock: SyncManualClock | undefined
}

function createCommands(
  { server, clock, requests, sockets: openSockets, responses }: StartedServer,
  forget: () => void,
): TestServerCommands {
  return {
    send(event, count) {
      let id = ''
      for (let sent = 0; sent < count; sent++) id = server.broadcast(event)
      return id
    },
    scenario: (scenario) => server.setScenario(scenario),
    kill: () => server.kill(),
    restart: (options) => server.restart(options),
    drop: () => server.service.drop(),
    finish: () => server.service.feed().close(),
    lose: () => server.service.clearHistory(),
    token: (options) => server.issueToken(options),
    advance(ms) {
      if (!clock) throw new TypeError("advance() requires a server with time: 'manual'")
      clock.advance(ms)
    },
    state: () => ({
      requests,
      openSockets: openSockets.size,
      openResponses: responses.size,
      writtenBytes: [...openSockets].reduce((sum, socket) => sum + socket.bytesWritten, 0),
      feedReaders: server.clients.length,
      runs: server.runs.map(({ id, prompt, state, readers, text: runText }) => ({
        id,
        prompt,
        state,
        readers,
        text: runText,
      })),
    }),
    async close() {
      forget()
      await server.kill() // closes without waiting for clients
      await server.close()
    },
  }
}

/** Starts the host. `POST /` with options opens a server; `POST /{port}` with `[name, ...args]` runs a command on it. */
export async function startTestServerHost(): Promise<{ url: string; close(): Promise<void> }> {
  const servers = new Map<string, TestServerCommands>()

  const open = async ({ time, ...options }: TestServerOptions): Promise<{ url: string; port: number }> => {
    const clock = time === 'manual' ? createSyncManualClock() : undefined
    const onRequest: MockServerOptions['onRequest'] = ({ method, url: requestUrl, headers }, via) => {
      const { pathname, search } = new URL(requestUrl)
      // Requests that do not come over a channel are recorded by `recordPort`.
      if (via === 'channel')
        traffic.requests.push({ method, path: pathname + search, headers: Object.fromEntries(headers) })
    }
    const server = await startMockServer({ cors: '*', delay: 0, ...options, onRequest, ...(clock && { clock }) })
    const { port, url } = server
    const traffic = recordPort(port)
    const forget = (): void => {
      servers.delete(`/${port}`)
      forgetPort(port)
    }
    servers.set(`/${port}`, createCommands({ server, clock, ...traffic }, forget))
    return { url, port }
  }
  const runCommand = async (path: string, body: string): Promise<unknown> => {
    if (path === '/') return open(JSON.parse(body))
    const commands = servers.get(path)
    if (!commands) throw new TypeError(`No server is open at ${path}`)
    const [name, ...args] = JSON.parse(body) as [keyof TestServerCommands, ...unknown[]]
    return (commands[name] as (...args: unknown[]) => unknown)(...args)
  }

  const hostServer = createServer((request, response) => {
    // Any origin is allowed, because the host serves only tests on this machine.
    response.setHeader('access-control-allow-origin', '*')
    text(request)
      .then((body) => runCommand(request.url!, body))
      .then(
        (value) => response.end(JSON.stringify(value ?? null)),
        (error: unknown) => response.writeHead(500).end(String(error)),
      )
  })
  await new Promise<void>((resolve) => hostServer.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(hostServer.address() as AddressInfo).port}`,
    async close() {
      await Promise.all([...servers.values()].map((commands) => commands.close()))
      hostServer.closeAllConnections()
      await new Promise((resolve) => hostServer.close(resolve))
    },
  }
}
