/** Opens a page of a consumer project in Chromium, served by the installed package's mock server. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser, Page } from 'playwright'
import { chromium } from 'playwright'
import { inject } from 'vitest'

/** The mock server's answer to `你好`. */
export const answer = '你好，世界 👋🏽 — a run, delta by delta'

/** The part of `rivulet/mock-server` that is used here; types.test.ts checks the real types. */
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
  const server: MockServer = await startMockServer({ folders: { '/': folder }, answers: { 你好: answer }, delay: 1 })
  const { executablePath, args } = inject('chromium')
  const browser: Browser = await chromium.launch({ args, ...(executablePath && { executablePath }) })
  const page = await browser.newPage()
  prepare?.(page)
  await page.goto(`${server.url}/`)
  return {
    page,
    server,
    async [Symbol.asyncDispose]() {
      await browser.close()
      await server.close()
    },
  }
}
