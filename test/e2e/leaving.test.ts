/** Leaving a page with open streams reports no error, although Firefox and WebKit abort its requests before `pagehide`. */
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright'
import { expect, inject, onTestFinished, test } from 'vitest'
import { startMockServer } from '../../mock-server/node/mock-server.ts'
import { findFirefox, findWebKit } from '../../scripts/engines.mjs'
import { startFirefox } from '../setup/engines/firefox.ts'
import type { Engine } from '../setup/engines/provider.ts'
import { startWebKit } from '../setup/engines/webkit.ts'

async function startChromium(): Promise<Engine> {
  const { executablePath, args } = inject('chromium')
  const browser = await chromium.launch({ args, ...(executablePath && { executablePath }) })
  return {
    openPage: async (url) => void (await (await browser.newPage()).goto(url)),
    close: () => browser.close(),
  }
}

const firefox = findFirefox()
const webkit = findWebKit()
/** The browsers of this machine. */
const engines: [string, () => Promise<Engine>][] = [
  ['Chromium', startChromium],
  ...(firefox ? [['Firefox', () => startFirefox(firefox)] as [string, () => Promise<Engine>]] : []),
  ...(webkit ? [['WebKit', () => startWebKit(webkit)] as [string, () => Promise<Engine>]] : []),
]

const root = new URL('../../', import.meta.url)
const folders = {
  '/': fileURLToPath(new URL('test/e2e/pages/', root)),
  '/dist/': fileURLToPath(new URL('dist/', root)),
}

test.each(engines)('[F41] %s: leaving a page with open streams reports no error', async (_name, start) => {
  const server = await startMockServer({ port: 0, folders })
  onTestFinished(() => server.close())
  const engine = await start()
  onTestFinished(() => engine.close())
  await engine.openPage(`${server.url}/leaving.html`)
  await expect.poll(() => server.runs[0]?.prompt, { timeout: 30_000 }).toBeDefined()
  expect(JSON.parse(server.runs[0]!.prompt)).toEqual(['connecting', 'open', 'pagehide'])
})
