/** A browser and a mock server, both as a consumer has them, for the checks that look at a page. */
import { pathToFileURL } from 'node:url'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright'
import { chromium } from 'playwright'
import { inject } from 'vitest'

/** What these checks use of `rivulet/mock-server`. Its types are checked in types.test.ts. */
interface MockServer {
  url: string
  close(): Promise<void>
}

/** Serves `folder` with the mock server of the installed package and opens its index page. */
export async function openPage(
  folder: string,
  prepare?: (page: Page) => void,
): Promise<{ page: Page; server: MockServer; [Symbol.asyncDispose](): Promise<void> }> {
  const entry = join(inject('consumer').folder, 'node_modules/rivulet/dist/mock-server.js')
  const { startMockServer } = await import(/* @vite-ignore */ pathToFileURL(entry).href)
  const server: MockServer = await startMockServer({ port: 0, demo: folder })
  const { executablePath, args } = inject('chromium')
  const browser: Browser = await chromium.launch({ args, ...(executablePath && { executablePath }) })
  const page = await browser.newPage()
  prepare?.(page)
  await page.goto(`${server.url.replace(/\/$/, '')}/`)
  return {
    page,
    server,
    async [Symbol.asyncDispose]() {
      await browser.close()
      await server.close()
    },
  }
}
