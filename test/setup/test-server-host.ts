/** Starts a mock server for each test that asks, in whatever runtime it runs, and does to it what the test says. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { RestartOptions } from '../../mock-server/service/control.ts'
import type { FeedEvent } from '../../mock-server/feed/feed.ts'
import type { Scenario } from '../../mock-server/scenario/scenario.ts'
import {
  type MockServer,
  type MockServerOptions,
  type TokenOptions,
  startMockServer,
} from '../../mock-server/node/mock-server.ts'
import { type PortTraffic, type ReceivedRequest, recordPort, forgetPort } from './port-traffic.ts'
import { type SyncManualClock, createSyncManualClock } from './sync-manual-clock.ts'

/** A mock server to start; its options are what JSON can say of them. */
export interface TestServerOptions extends Omit<MockServerOptions, 'clock'> {
  /** `steered`: the server's time stands still but for `advance`. @defaultValue 'real' */
  time?: 'real' | 'manual'
}

/** What can be asked of a started server, with the answer to it. */
export interface TestServerCommands {
  /** To the feed's clients; `count` times. The answer is the last one's id. */
  send(event: FeedEvent, count: number): string
  scenario(scenario: Scenario): void
  kill(): Promise<void>
  restart(options: RestartOptions): Promise<void>
  /** Cuts every stream. */
  drop(): void
  /** Ends the feed for good: who comes now is answered with 204. */
  finish(): void
  /** Forgets all events and runs. */
  lose(): void
  token(options: TokenOptions): Promise<string>
  advance(ms: number): void
  state(): TestServerState
  close(): Promise<void>
}

/** What a server has seen, and sees. */
export interface TestServerState {
  requests: ReceivedRequest[]
  /** How many are open. */
  openSockets: number
  /** Bytes given to the open ones. */
  writtenBytes: number
  /** How many read the feed. */
  feedReaders: number
  runs: { id: string; prompt: string; state: 'running' | 'finished'; readers: number; text: string }[]
}

interface StartedServer extends PortTraffic {
  server: MockServer
  clock: SyncManualClock | undefined
}

function createCommands(
  { server, clock, requests, sockets: openSockets }: StartedServer,
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
      if (!clock) throw new TypeError('advance: this server has real time')
      clock.advance(ms)
    },
    state: () => ({
      requests,
      openSockets: openSockets.size,
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
      await server.kill() // nobody is waited for
      await server.close()
    },
  }
}

/** Starts it. Commands come as `POST /{port} [name, ...arguments]`; `POST /` with a wish starts a server. */
export async function startTestServerHost(): Promise<{ url: string; close(): Promise<void> }> {
  const servers = new Map<string, TestServerCommands>()

  const open = async ({ time, ...options }: TestServerOptions): Promise<{ url: string; port: number }> => {
    const clock = time === 'manual' ? createSyncManualClock() : undefined
    const onRequest: MockServerOptions['onRequest'] = ({ method, url: requestUrl, headers }, via) => {
      const { pathname, search } = new URL(requestUrl)
      // Those on connections of their own are seen there.
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
    if (!commands) throw new TypeError(`There is no server ${path}`)
    const [name, ...args] = JSON.parse(body) as [keyof TestServerCommands, ...unknown[]]
    return (commands[name] as (...args: unknown[]) => unknown)(...args)
  }

  const hostServer = createServer((request, response) => {
    // Any page may: it is for tests alone, on this machine alone.
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
