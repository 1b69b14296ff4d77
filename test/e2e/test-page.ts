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
export interface Stage {
  readonly server: MockServer
  readonly page: Page
  /** Errors of the console, uncaught ones, and requests that failed. */
  readonly complaints: readonly string[]
  [Symbol.asyncDispose](): Promise<void>
}

/** What a stage is made with. */
export interface StageOptions {
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
export function useStages(launch: LaunchOptions = {}): (options?: StageOptions) => Promise<Stage> {
  let browser: Browser
  beforeAll(async () => {
    if (!existsSync(new URL('dist/index.js', root))) throw new Error('dist/ is missing: npm run build')
    const { executablePath, args } = inject('chromium')
    browser = await chromium.launch({ args, ...(executablePath && { executablePath }), ...launch })
  })
  afterAll(() => browser.close())

  return async ({ server: options, site = 'bare', path = '/', context: contextOptions } = {}) => {
    const served = { '/': fileURLToPath(new URL(folders[site], root)), '/dist/': fileURLToPath(new URL('dist/', root)) }
    const server = await startMockServer({ port: 0, folders: served, ...options })
    const context = await browser.newContext(contextOptions)
    const page = await context.newPage()
    const complaints: string[] = []
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
    page.on('pageerror', (error) => complaints.push(String(error)))
    page.on('requestfailed', (request) => {
      const { errorText } = request.failure() ?? {}
      // A stream that the page itself has let go of is no failure.
      if (errorText !== 'net::ERR_ABORTED') complaints.push(`${request.method()} ${request.url()}: ${errorText}`)
    })
    page.on(
      'response',
      (response) => response.status() >= 400 && complaints.push(`${response.status()} ${response.url()}`),
    )
    await page.goto(server.url + path)
    return {
      server,
      page,
      complaints,
      async [Symbol.asyncDispose]() {
        await context.close()
        await server.close()
      },
    }
  }
}
