/** Global setup: starts the test server host, which opens a mock server for each test that needs one. */
import type { TestProject } from 'vitest/node'
import { startTestServerHost } from './test-server-host.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** URL of the host that opens mock servers; see test/contract/test-server.ts. */
    testServerHostUrl: string
    /** Launch options for Playwright; `executablePath` is empty if no browser was found. */
    chromium: { executablePath: string; args: string[] }
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const host = await startTestServerHost()
  project.provide('testServerHostUrl', host.url)
  return () => host.close()
}
