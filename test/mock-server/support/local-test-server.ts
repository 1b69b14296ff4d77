/** A mock server for one test, gone when the test is over. */
import { onTestFinished } from 'vitest'
import type { Clock } from '../../../mock-server/base/clock.ts'
import type { MockServer, MockServerOptions } from '../../../mock-server/node/mock-server.ts'
import { startMockServer } from '../../../mock-server/node/mock-server.ts'
import type { ManualClock } from '../../support/manual-clock.ts'
import { createManualServerClock } from './manual-server-clock.ts'

export interface LocalTestServer {
  server: MockServer
  url: string
  /** The server's time. */
  clock: ManualClock & Clock
}

/** Starts a server whose time stands still. */
export async function openLocalTestServer(options: MockServerOptions = {}): Promise<LocalTestServer> {
  const clock = createManualServerClock()
  const server = await startMockServer({ clock, ...options })
  onTestFinished(() => server.close())
  return { server, url: server.url, clock }
}

/** Settles once `met` holds; looked at after every task, without a limit but the test's own. */
export async function waitUntil(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}
