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
  type TokenWish,
  startMockServer,
} from '../../mock-server/node/mock-server.ts'
import { type Observed, type SeenRequest, observe, unobserve } from './port-traffic.ts'
import { type SteeredClock, createSteeredClock } from './sync-manual-clock.ts'

/** A mock server to start; its options are what JSON can say of them. */
export interface ServerWish extends Omit<MockServerOptions, 'clock'> {
  /** `steered`: the server's time stands still but for `advance`. @defaultValue 'real' */
  time?: 'real' | 'steered'
}

/** What can be asked of a started server, with the answer to it. */
export interface Commands {
  /** To the feed's clients; `count` times. The answer is the last one's id. */
  send(event: FeedEvent, count: number): string
  scenario(scenario: Scenario): void
  kill(): Promise<void>
  restart(how: RestartOptions): Promise<void>
  /** Cuts every stream. */
  drop(): void
  /** Ends the feed for good: who comes now is answered with 204. */
  finish(): void
  /** Forgets all events and runs. */
  lose(): void
  token(wish: TokenWish): Promise<string>
  advance(ms: number): void
  state(): ServerState
  close(): Promise<void>
}

/** What a server has seen, and sees. */
export interface ServerState {
  requests: SeenRequest[]
  /** How many are open. */
  sockets: number
  /** Bytes given to the open ones. */
  written: number
  /** How many read the feed. */
  clients: number
  runs: { id: string; prompt: string; state: 'running' | 'finished'; readers: number; text: string }[]
}

interface Started extends Observed {
  server: MockServer
  clock: SteeredClock | undefined
}

function commandsOf({ server, clock, requests, sockets }: Started, forget: () => void): Commands {
  return {
    send(event, count) {
      let id = ''
      for (let sent = 0; sent < count; sent++) id = server.broadcast(event)
      return id
    },
    scenario: (scenario) => server.setScenario(scenario),
    kill: () => server.kill(),
    restart: (how) => server.restart(how),
    drop: () => server.service.drop(),
    finish: () => server.service.feed().close(),
    lose: () => server.service.lose(),
    token: (wish) => server.issueToken(wish),
    advance(ms) {
      if (!clock) throw new TypeError('advance: this server has real time')
      clock.advance(ms)
    },
    state: () => ({
      requests,
      sockets: sockets.size,
      written: [...sockets].reduce((sum, socket) => sum + socket.bytesWritten, 0),
      clients: server.clients.length,
      runs: server.runs.map(({ id, prompt, state, readers, text: said }) => ({
        id,
        prompt,
        state,
        readers,
        text: said,
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
export async function startStand(): Promise<{ url: string; close(): Promise<void> }> {
  const servers = new Map<string, Commands>()

  const open = async ({ time, ...options }: ServerWish): Promise<{ url: string; port: number }> => {
    const clock = time === 'steered' ? createSteeredClock() : undefined
    const onRequest: MockServerOptions['onRequest'] = ({ method, url: asked, headers }, via) => {
      const { pathname, search } = new URL(asked)
      // Those on connections of their own are seen there.
      if (via === 'channel')
        observed.requests.push({ method, path: pathname + search, headers: Object.fromEntries(headers) })
    }
    const server = await startMockServer({ cors: '*', delay: 0, ...options, onRequest, ...(clock && { clock }) })
    const { port, url } = server
    const observed = observe(port)
    const forget = (): void => {
      servers.delete(`/${port}`)
      unobserve(port)
    }
    servers.set(`/${port}`, commandsOf({ server, clock, ...observed }, forget))
    return { url, port }
  }
  const obey = async (path: string, body: string): Promise<unknown> => {
    if (path === '/') return open(JSON.parse(body))
    const commands = servers.get(path)
    if (!commands) throw new TypeError(`There is no server ${path}`)
    const [name, ...given] = JSON.parse(body) as [keyof Commands, ...unknown[]]
    return (commands[name] as (...given: unknown[]) => unknown)(...given)
  }

  const stand = createServer((request, response) => {
    // Any page may: it is for tests alone, on this machine alone.
    response.setHeader('access-control-allow-origin', '*')
    text(request)
      .then((body) => obey(request.url!, body))
      .then(
        (value) => response.end(JSON.stringify(value ?? null)),
        (error: unknown) => response.writeHead(500).end(String(error)),
      )
  })
  await new Promise<void>((resolve) => stand.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(stand.address() as AddressInfo).port}`,
    async close() {
      await Promise.all([...servers.values()].map((commands) => commands.close()))
      stand.closeAllConnections()
      await new Promise((resolve) => stand.close(resolve))
    },
  }
}
