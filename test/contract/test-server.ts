/** Opens a mock server for one test and controls it remotely, so that tests can run in every runtime. */
import { inject } from 'vitest'
import type { FeedEvent } from '../../mock-server/feed/feed.ts'
import type { TokenOptions } from '../../mock-server/node/mock-server.ts'
import type { Scenario } from '../../mock-server/scenario/scenario.ts'
import type { RestartOptions } from '../../mock-server/service/control.ts'
import type { ReceivedRequest } from '../setup/port-traffic.ts'
import type { TestServerCommands, TestServerState, TestServerOptions } from '../setup/test-server-host.ts'

export interface TestServer {
  /** The base URL, without a trailing slash. */
  readonly url: string
  /** Broadcasts an event on the feed; resolves with its ID. */
  send(event: FeedEvent): Promise<string>
  /** Broadcasts the same event `count` times; resolves with the last ID. */
  sendMany(event: FeedEvent, count: number): Promise<string>
  /** Replaces the current scenario. */
  setScenario(scenario: Scenario): Promise<void>
  /** Destroys all sockets and stops listening. */
  kill(): Promise<void>
  restart(options?: RestartOptions): Promise<void>
  /** Cuts every open stream. */
  drop(): Promise<void>
  /** Ends the feed permanently: later requests get 204. */
  finish(): Promise<void>
  /** Makes the server forget all events and runs. */
  lose(): Promise<void>
  token(options?: TokenOptions): Promise<string>
  /** Advances the server's clock; requires `time: 'manual'`. */
  advance(ms: number): Promise<void>
  state(): Promise<TestServerState>
  /**
   * Resolves with the requests for feeds and runs, sent separately or inside channel operations. Excludes preflights,
   * channel operations themselves and successful channel requests.
   */
  requests(): Promise<ReceivedRequest[]>
  /** Resolves with `METHOD path`, without the query, of each request that `requests()` returns. */
  log(): Promise<string[]>
  close(): Promise<void>
}

async function post(url: string, body: unknown): Promise<unknown> {
  // No `application/json` content type: it would cause a preflight in browsers.
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) })
  if (!response.ok) throw new Error(await response.text())
  return response.json()
}

/** Returns whether a request only transports other requests: a channel operation or an accepted channel stream. */
function isChannelRequest({ path, status }: ReceivedRequest): boolean {
  return path === '/api/channel/ops' || (path === '/api/channel' && (status ?? 200) === 200)
}

/** Starts a mock server on the test server host; resolves with its remote control. */
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
