/** A mock server of one test's own, steered from whatever runtime the test runs in. */
import { inject } from 'vitest'
import type { FeedEvent } from '../../mock-server/feed/feed.ts'
import type { RestartOptions } from '../../mock-server/service/control.ts'
import type { Scenario } from '../../mock-server/scenario/scenario.ts'
import type { TokenOptions } from '../../mock-server/node/mock-server.ts'
import type { ReceivedRequest } from '../setup/port-traffic.ts'
import type { TestServerCommands, TestServerState, TestServerOptions } from '../setup/test-server-host.ts'

export interface TestServer {
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
  restart(options?: RestartOptions): Promise<void>
  /** Cuts every stream. */
  drop(): Promise<void>
  /** Ends the feed for good. */
  finish(): Promise<void>
  /** Forgets all events and runs. */
  lose(): Promise<void>
  token(options?: TokenOptions): Promise<string>
  /** Moves the server's time, where it is steered. */
  advance(ms: number): Promise<void>
  state(): Promise<TestServerState>
  /** Requests that came for streams and runs, over whatever carried them; a carrier counts where it was refused. No preflights. */
  requests(): Promise<ReceivedRequest[]>
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
function isChannelRequest({ path, status }: ReceivedRequest): boolean {
  return path === '/api/channel/ops' || (path === '/api/channel' && (status ?? 200) === 200)
}

/** Starts it. */
export async function openTestServer(options: TestServerOptions): Promise<TestServer> {
  const hostUrl = inject('testServerHostUrl')
  const { url, port } = (await post(`${hostUrl}/`, options)) as { url: string; port: number }
  const sendCommand = <Name extends keyof TestServerCommands>(
    name: Name,
    ...args: Parameters<TestServerCommands[Name]>
  ): Promise<Awaited<ReturnType<TestServerCommands[Name]>>> =>
    post(`${hostUrl}/${port}`, [name, ...args]) as Promise<Awaited<ReturnType<TestServerCommands[Name]>>>

  const server: TestServer = {
    url,
    send: (event) => sendCommand('send', event, 1),
    sendMany: (event, count) => sendCommand('send', event, count),
    setScenario: (scenario) => sendCommand('scenario', scenario),
    kill: () => sendCommand('kill'),
    restart: (options = {}) => sendCommand('restart', options),
    drop: () => sendCommand('drop'),
    finish: () => sendCommand('finish'),
    lose: () => sendCommand('lose'),
    token: (options = {}) => sendCommand('token', options),
    advance: (ms) => sendCommand('advance', ms),
    state: () => sendCommand('state'),
    requests: async () =>
      (await server.state()).requests.filter((request) => request.method !== 'OPTIONS' && !isChannelRequest(request)),
    log: async () => (await server.requests()).map(({ method, path }) => `${method} ${path.split('?')[0]}`),
    close: () => sendCommand('close'),
  }
  return server
}
