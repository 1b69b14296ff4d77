/** Starts a mock server for the tests of a project and provides its address. */
import type { TestProject } from 'vitest/node'
import { startMockServer } from '../../mock-server/server.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Address of a mock server that all tests of the project share, without a trailing slash. Any page may read it. */
    mockServerUrl: string
    /** How Playwright starts the browser; `executablePath` is empty where it finds its own. */
    chromium: { executablePath: string; args: string[] }
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startMockServer({ cors: ['*'] })
  project.provide('mockServerUrl', server.url)
  return () => server.close()
}
