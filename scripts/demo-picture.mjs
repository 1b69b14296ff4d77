/** Takes docs/images/demo.png, a screenshot of the demo: an answer and a feed while the server is down for three seconds. */
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright'
import { browserArgs, findBrowser } from './browser.mjs'

const root = new URL('../', import.meta.url)
const picture = fileURLToPath(new URL('docs/images/demo.png', root))

const { startMockServer } = await import(new URL('dist/mock-server.js', root).href)
const server = await startMockServer({
  delay: 150,
  unit: 'token',
  tick: 500,
  seed: 1,
  folders: { '/': fileURLToPath(new URL('demo', root)), '/dist/': fileURLToPath(new URL('dist', root)) },
})
const browser = await chromium.launch({ executablePath: findBrowser(), args: browserArgs })
try {
  const page = await browser.newPage({ viewport: { width: 1100, height: 900 }, deviceScaleFactor: 1.5 })
  await page.goto(server.url)
  const answer = page.locator('#answer')
  await answer.locator('[data-part="ask"]').click()
  // Restart the server after about a quarter of the answer.
  await answer.locator('[data-part="timeline"]', { hasText: /1[5-9] deltas/ }).waitFor()
  await page.locator('[data-fault="restart"]').click()
  await answer.locator('[data-part="notice"]', { hasText: 'Complete.' }).waitFor()
  await page.locator('#feed [data-status="open"]').first().waitFor()

  // Fit the screenshot to the two cards and the bar below them.
  const bottom = async (selector) => {
    const { y, height } = (await page.locator(selector).boundingBox()) ?? { y: 0, height: 0 }
    return { edge: y + height, height }
  }
  await page.evaluate(() => scrollTo(0, 0))
  const [cards, bar] = [await bottom('#answer'), await bottom('#faults')]
  await page.setViewportSize({ width: 1100, height: Math.ceil(cards.edge + bar.height + 16) })
  await page.screenshot({ path: picture })
  console.log(`Wrote ${picture}`)
} finally {
  await browser.close()
  await server.close()
}
