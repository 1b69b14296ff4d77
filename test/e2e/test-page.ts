/** Test fixture: a mock server, and a Chromium page served by it that uses the built package. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContextOptions, LaunchOptions, Page } from 'playwright'
import { chromium } from 'playwright'
import { afterAll, beforeAll, inject } from 'vitest'
import type { MockServer, MockServerOptions } from '../../mock-server/node/mock-server.ts'
import { startMockServer } from '../../mock-server/node/mock-server.ts'

declare global {
  /** Global set in the test pages: the exports of the built package. */
  var Rivulet: typeof import('../../src/index.ts')
}

/** A server, its page, and the page's errors. */
export interface TestPage {
  readonly server: MockServer
  readonly page: Page
  /** Console errors, uncaught errors, failed requests and error statuses. */
  readonly pageErrors: readonly string[]
  [Symbol.asyncDispose](): Promise<void>
}

/** Options for a test page. */
export interface TestPageOptions {
  readonly server?: MockServerOptions
  /** The folder to serve; `bare` is a page with nothing but the global `Rivulet`. @defaultValue 'bare' */
  readonly site?: 'bare' | 'demo'
  /** @defaultValue '/' */
  readonly path?: string
  readonly context?: BrowserContextOptions
}

const root = new URL('../../', import.meta.url)
const folders = { bare: 'test/e2e/pages/', demo: 'demo/' }

/** Launches a browser for the tests of a file, and returns a function that opens test pages in it. */
export function useTestPages(launch: LaunchOptions = {}): (options?: TestPageOptions) => Promise<TestPage> {
  let browser: Browser
  beforeAll(async () => {
    if (!existsSync(new URL('dist/index.js', root))) throw new Error('dist/ is missing; run `npm run build` first')
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
      // A stream that the page itself aborted is not a failure.
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
