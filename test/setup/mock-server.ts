/** Starts, once for all tests, the stand that gives each of them a mock server of its own. */
import type { TestProject } from 'vitest/node'
import { startTestServerHost } from './test-server-host.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Where tests ask for a mock server; see test/contract/test-server.ts. */
    testServerHostUrl: string
    /** How Playwright starts the browser; `executablePath` is empty where there is none. */
    chromium: { executablePath: string; args: string[] }
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const host = await startTestServerHost()
  project.provide('testServerHostUrl', host.url)
  return () => host.close()
}
