/** A mock server and a page of it in Chromium, with the built package: what an end-to-end test plays on. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContextOptions, LaunchOptions, Page } from 'playwright'
import { chromium } from 'playwright'
import { afterAll, beforeAll, inject } from 'vitest'
import type { MockServer, MockServerOptions } from '../../mock-server/node/mock-server.ts'
import { startMockServer } from '../../mock-server/node/mock-server.ts'

declare global {
  /** In the pages of these tests: the built package. */
  var Rivulet: typeof import('../../src/index.ts')
}

/** A server, a page of it, and what went wrong on the page. */
export interface TestPage {
  readonly server: MockServer
  readonly page: Page
  /** Errors of the console, uncaught ones, and requests that failed. */
  readonly pageErrors: readonly string[]
  [Symbol.asyncDispose](): Promise<void>
}

/** What a stage is made with. */
export interface TestPageOptions {
  readonly server?: MockServerOptions
  /** `bare`: a page that has nothing but `Rivulet`. @defaultValue 'bare' */
  readonly site?: 'bare' | 'demo'
  /** @defaultValue '/' */
  readonly path?: string
  readonly context?: BrowserContextOptions
}

const root = new URL('../../', import.meta.url)
const folders = { bare: 'test/e2e/pages/', demo: 'demo/' }

/** Starts the browser before the tests of a file, as `launch` says, and gives it out as what opens stages. */
export function useTestPages(launch: LaunchOptions = {}): (options?: TestPageOptions) => Promise<TestPage> {
  let browser: Browser
  beforeAll(async () => {
    if (!existsSync(new URL('dist/index.js', root))) throw new Error('dist/ is missing: npm run build')
    const { executablePath, args } = inject('chromium')
    browser = await chromium.launch({ args, ...(executablePath && { executablePath }), ...launch })
  })
  afterAll(() => browser.close())

  return async ({ server: options, site = 'bare', path = '/', context: contextOptions } = {}) => {
    const servedFolders = {
      '/': fileURLToPath(new URL(folders[site], root)),
      '/dist/': fileURLToPath(new URL('dist/', root)),
    }
    const server = await startMockServer({ port: 0, folders: servedFolders, ...options })
    const context = await browser.newContext(contextOptions)
    const page = await context.newPage()
    const pageErrors: string[] = []
    page.on('console', (message) => message.type() === 'error' && pageErrors.push(message.text()))
    page.on('pageerror', (error) => pageErrors.push(String(error)))
    page.on('requestfailed', (request) => {
      const { errorText } = request.failure() ?? {}
      // A stream that the page itself has let go of is no failure.
      if (errorText !== 'net::ERR_ABORTED') pageErrors.push(`${request.method()} ${request.url()}: ${errorText}`)
    })
    page.on(
      'response',
      (response) => response.status() >= 400 && pageErrors.push(`${response.status()} ${response.url()}`),
    )
    await page.goto(server.url + path)
    return {
      server,
      page,
      pageErrors,
      async [Symbol.asyncDispose]() {
        await context.close()
        await server.close()
      },
    }
  }
}
