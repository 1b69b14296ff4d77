/** A mock server of one test's own, steered from whatever runtime the test runs in. */
import { inject } from 'vitest'
import type { FeedEvent } from '../../mock-server/feed/feed.ts'
import type { RestartOptions } from '../../mock-server/service/control.ts'
import type { Scenario } from '../../mock-server/scenario/scenario.ts'
import type { TokenWish } from '../../mock-server/node/mock-server.ts'
import type { SeenRequest } from '../setup/port-traffic.ts'
import type { Commands, ServerState, ServerWish } from '../setup/test-server-host.ts'

export interface RemoteServer {
  /** Without a slash at its end. */
  readonly url: string
  /** Sends to the feed's clients; resolves with the event's id. */
  send(event: FeedEvent): Promise<string>
  /** The same event many times; resolves with the last one's id. */
  sendMany(event: FeedEvent, count: number): Promise<string>
  /** Replaces the faults in force. */
  setScenario(scenario: Scenario): Promise<void>
  /** Drops all sockets and stops listening. */
  kill(): Promise<void>
  restart(how?: RestartOptions): Promise<void>
  /** Cuts every stream. */
  drop(): Promise<void>
  /** Ends the feed for good. */
  finish(): Promise<void>
  /** Forgets all events and runs. */
  lose(): Promise<void>
  token(wish?: TokenWish): Promise<string>
  /** Moves the server's time, where it is steered. */
  advance(ms: number): Promise<void>
  state(): Promise<ServerState>
  /** Requests that came for streams and runs, over whatever carried them; a carrier counts where it was refused. No preflights. */
  requests(): Promise<SeenRequest[]>
  /** `METHOD path` of each of them, without queries. */
  log(): Promise<string[]>
  close(): Promise<void>
}

async function post(url: string, body: unknown): Promise<unknown> {
  // Not as JSON by its type: that would cost a page a preflight.
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) })
  if (!response.ok) throw new Error(await response.text())
  return response.json()
}

/** Whether it is there for other requests. */
function isCarrying({ path, status }: SeenRequest): boolean {
  return path === '/api/channel/ops' || (path === '/api/channel' && (status ?? 200) === 200)
}

/** Starts it. */
export async function openServer(wish: ServerWish): Promise<RemoteServer> {
  const stand = inject('standUrl')
  const { url, port } = (await post(`${stand}/`, wish)) as { url: string; port: number }
  const ask = <Name extends keyof Commands>(
    name: Name,
    ...given: Parameters<Commands[Name]>
  ): Promise<Awaited<ReturnType<Commands[Name]>>> =>
    post(`${stand}/${port}`, [name, ...given]) as Promise<Awaited<ReturnType<Commands[Name]>>>

  const server: RemoteServer = {
    url,
    send: (event) => ask('send', event, 1),
    sendMany: (event, count) => ask('send', event, count),
    setScenario: (scenario) => ask('scenario', scenario),
    kill: () => ask('kill'),
    restart: (how = {}) => ask('restart', how),
    drop: () => ask('drop'),
    finish: () => ask('finish'),
    lose: () => ask('lose'),
    token: (wish = {}) => ask('token', wish),
    advance: (ms) => ask('advance', ms),
    state: () => ask('state'),
    requests: async () =>
      (await server.state()).requests.filter((request) => request.method !== 'OPTIONS' && !isCarrying(request)),
    log: async () => (await server.requests()).map(({ method, path }) => `${method} ${path.split('?')[0]}`),
    close: () => ask('close'),
  }
  return server
}
