/** Takes docs/images/inspector.png, a screenshot of the inspector while the server is down: `npm run picture`. */
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright'
import { browserArgs, findBrowser } from './browser.mjs'

const root = new URL('../', import.meta.url)
const picture = fileURLToPath(new URL('docs/images/inspector.png', root))

const { startMockServer } = await import(new URL('dist/mock-server.js', root).href)
const server = await startMockServer({
  delay: 60,
  tick: 400,
  seed: 1,
  folders: {
    '/': fileURLToPath(new URL('test/e2e/pages', root)),
    '/dist/': fileURLToPath(new URL('dist', root)),
  },
})
const browser = await chromium.launch({ executablePath: findBrowser(), args: browserArgs })
try {
  const page = await browser.newPage({ viewport: { width: 1_000, height: 1_100 }, deviceScaleFactor: 1.5 })
  await page.goto(`${server.url}/inspector.html`)
  const row = (label) => page.locator('li.row', { hasText: label })
  const statusOf = (label, text) => row(label).locator('.status', { hasText: text }).waitFor()
  await statusOf('ticker', 'open')
  await page.evaluate(() => void Reflect.get(globalThis, 'inspectorPage').ask('Where does a stream begin?'))
  await page.waitForFunction(() => Reflect.get(globalThis, 'inspectorPage').inspector.streams[1]?.events > 20)
  // One gap that has passed, and one that lasts.
  await server.restart()
  await page.waitForFunction(() => Reflect.get(globalThis, 'inspectorPage').inspector.streams[1]?.longestGap > 0)
  await page.waitForTimeout(1_500)
  await server.kill()
  await statusOf('answer', 'waiting')
  await statusOf('ticker', 'waiting')
  await row('answer').getByRole('button').click()
  await page.waitForTimeout(700)
  await page.locator('rivulet-inspector section').screenshot({ path: picture })
  console.log(`Wrote ${picture}`)
} finally {
  await browser.close()
  await server.close()
}
