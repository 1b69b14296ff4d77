/** Registers the cases of one area for each `Connect`. */
import { beforeEach, describe, onTestFinished } from 'vitest'
import type { StreamError } from '../../src/base/errors.ts'
import { type Client, createClient } from '../../src/client/client.ts'
import { fetchConnect } from '../../src/connect/fetch.ts'
import type { ClientOptions, StreamReset } from '../../src/request/options.ts'
import type { StreamState } from '../../src/source/source.ts'
import type { TestServerOptions } from '../setup/test-server-host.ts'
import { type TestServer, openTestServer } from './test-server.ts'
import { type Transport, transports } from './transports.ts'
import { type SpyConnect, createSpyConnect } from './spy-connect.ts'

/** A server and a client of it, for one test. */
export interface ContractFixture {
  server: TestServer
  client: Client
  /** What `onError` heard. */
  errors: StreamError[]
  /** What `onStateChange` heard. */
  states: StreamState[]
  /** What `onReset` heard. */
  resets: StreamReset[]
  /** Another client of the same server, over the same kind of connection. */
  createAnotherClient(options?: ClientOptions): Client
}

/** Opens a stage, which is closed when the test is over. */
export type OpenFixture = (serverOptions?: TestServerOptions, options?: ClientOptions) => Promise<ContractFixture>

/** Real sockets are waited for, not backoff: tests that are about backoff have a clock of their own. */
const FAST_RETRY = { delay: 5, jitter: false }

async function openFixture(
  transport: Transport,
  serverOptions: TestServerOptions = {},
  options: ClientOptions = {},
): Promise<ContractFixture> {
  const server = await openTestServer(serverOptions)
  onTestFinished(() => server.close())
  const errors: StreamError[] = []
  const states: StreamState[] = []
  const resets: StreamReset[] = []
  const createAnotherClient = (more: ClientOptions = {}): Client => {
    const client = createClient({
      baseUrl: server.url,
      retry: FAST_RETRY,
      ...(transport.connect && { connect: transport.connect() }),
      onError: (error) => errors.push(error),
      onStateChange: (state) => states.push(state),
      onReset: (reset) => resets.push(reset),
      ...more,
    })
    onTestFinished(() => client.close())
    return client
  }
  return { server, client: createAnotherClient(options), errors, states, resets, createAnotherClient }
}

/** Registers `cases`, once for each subject. `tap` makes connections of the subject's kind whose reads can be seen. */
export function registerContract(area: string, cases: (open: OpenFixture, createSpy: () => SpyConnect) => void): void {
  for (const transport of transports) {
    const open: OpenFixture = (serverOptions, options) => openFixture(transport, serverOptions, options)
    const createSpy = (): SpyConnect => createSpyConnect(transport.connect?.() ?? fetchConnect())
    describe(`${area} over ${transport.name}`, { timeout: 20_000 }, () => {
      beforeEach(({ task, skip }) => {
        const reason = transport.unsupported?.[task.name]
        if (reason) skip(reason)
      })
      cases(open, createSpy)
    })
  }
}
