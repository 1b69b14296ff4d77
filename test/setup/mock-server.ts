/** Starts the mock server once for all tests and provides its address. */
import { existsSync } from 'node:fs'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Address of a mock server that is shared by all tests, without a trailing slash. */
    mockServerUrl: string
    /** How Playwright starts the browser; `executablePath` is empty where there is none. */
    chromium: { executablePath: string; args: string[] }
  }
}

export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const source = new URL('../../mock-server/server.ts', import.meta.url)
  if (!existsSync(source)) {
    console.warn('mock-server/server.ts is missing: tests run without `mockServerUrl`')
    project.provide('mockServerUrl', '')
    return undefined
  }
  const loaded = await import(source.href).catch((error: unknown) => console.warn('mock-server/server.ts does not load:', error))
  if (!loaded) {
    project.provide('mockServerUrl', '')
    return undefined
  }
  const { startMockServer } = loaded
  const server = await startMockServer({ port: 0, cors: '*' })
  project.provide('mockServerUrl', server.url.replace(/\/$/, ''))
  return () => server.close()
}
