/** Starts, once for all tests, a mock server that they share, beside the stand that gives each test one of its own. */
import type { TestProject } from 'vitest/node'
import { startMockServer } from '../../mock-server/server.ts'
import { startStand } from './stand.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Address of a mock server that is shared by all tests, without a trailing slash. */
    mockServerUrl: string
    /** Where tests ask for a mock server; see test/contract/remote-server.ts. */
    standUrl: string
    /** How Playwright starts the browser; `executablePath` is empty where there is none. */
    chromium: { executablePath: string; args: string[] }
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startMockServer({ cors: '*' })
  const stand = await startStand()
  project.provide('mockServerUrl', server.url)
  project.provide('standUrl', stand.url)
  return async () => {
    await server.close()
    await stand.close()
  }
}
