/** A mock server for one test, closed when the test finishes. */
import { onTestFinished } from 'vitest'
import type { Clock } from '../../../server/base/clock.ts'
import type { MockServer, MockServerOptions } from '../../../mock-server/node/mock-server.ts'
import { startMockServer } from '../../../mock-server/node/mock-server.ts'
import type { ManualClock } from '../../support/manual-clock.ts'
import { createManualServerClock } from './manual-server-clock.ts'

export interface LocalTestServer {
  server: MockServer
  url: string
  /** The server's clock. */
  clock: ManualClock & Clock
}

/** Starts a server with a clock that the test advances. */
export async function openLocalTestServer(options: MockServerOptions = {}): Promise<LocalTestServer> {
  const clock = createManualServerClock()
  const server = await startMockServer({ clock, ...options })
  onTestFinished(() => server.close())
  return { server, url: server.url, clock }
}

/** Resolves once `condition` holds; checks it after every task, until the test times out. */
export async function waitUntil(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}
