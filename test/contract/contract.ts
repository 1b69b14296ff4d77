/** The contract suite: registers the test cases of one area for every transport. */
import { beforeEach, describe, onTestFinished } from 'vitest'
import type { StreamError } from '../../src/base/errors.ts'
import { type Client, createClient } from '../../src/client/client.ts'
import { fetchConnect } from '../../src/connect/fetch.ts'
import type { ClientOptions, StreamReset } from '../../src/request/options.ts'
import type { StreamState } from '../../src/source/source.ts'
import type { TestServerOptions } from '../setup/test-server-host.ts'
import { type SpyConnect, createSpyConnect } from './spy-connect.ts'
import { type TestServer, openTestServer } from './test-server.ts'
import { type Transport, transports } from './transports.ts'

/** A mock server and a client connected to it, for one test. */
export interface ContractFixture {
  server: TestServer
  client: Client
  /** Errors reported to `onError`. */
  errors: StreamError[]
  /** States reported to `onStateChange`. */
  states: StreamState[]
  /** Resets reported to `onReset`. */
  resets: StreamReset[]
  /** Creates another client for the same server, over the same transport. */
  createAnotherClient(options?: ClientOptions): Client
}

/** Opens a fixture, which is closed when the test finishes. */
export type OpenFixture = (serverOptions?: TestServerOptions, options?: ClientOptions) => Promise<ContractFixture>

/** Keeps backoff short for tests over real sockets; tests of backoff itself inject a clock. */
const FAST_RETRY = { delay: 5, jitter: false }
/**
 * Only a hanging test reaches this timeout. The slowest case takes seconds on a busy machine: for each chunk,
 * @microsoft/fetch-event-source copies the incomplete line, which adds up to about 3 GiB for a line of 16 MiB.
 */
const HANG_TIMEOUT_MS = 90_000

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
  const createAnotherClient = (overrides: ClientOptions = {}): Client => {
    const client = createClient({
      baseUrl: server.url,
      retry: FAST_RETRY,
      ...(transport.connect && { connect: transport.connect() }),
      onError: (error) => errors.push(error),
      onStateChange: (state) => states.push(state),
      onReset: (reset) => resets.push(reset),
      ...overrides,
    })
    onTestFinished(() => client.close())
    return client
  }
  return { server, client: createAnotherClient(options), errors, states, resets, createAnotherClient }
}

/** Registers `cases` once per transport. `createSpy` wraps the transport so that a test can inspect every read. */
export function registerContract(area: string, cases: (open: OpenFixture, createSpy: () => SpyConnect) => void): void {
  for (const transport of transports) {
    const open: OpenFixture = (serverOptions, options) => openFixture(transport, serverOptions, options)
    const createSpy = (): SpyConnect => createSpyConnect(transport.connect?.() ?? fetchConnect())
    describe(`${area} (${transport.name})`, { timeout: HANG_TIMEOUT_MS }, () => {
      beforeEach(({ task, skip }) => {
        const reason = transport.unsupported?.[task.name]
        if (reason) skip(reason)
      })
      cases(open, createSpy)
    })
  }
}
