/** The wall clock of a page's computer is set, by its user or by the network: no stream's timers follow it. */
import type { Page } from 'playwright'
import { expect, test } from 'vitest'
import { useTestPages } from './test-page.ts'

const open = useTestPages()

declare global {
  /** In the page: what the feed went through. */
  var timed: { statuses: string[] }
}

const HOUR_MS = 3_600_000
const YEAR_MS = 8_766 * HOUR_MS

/** An hour until the next attempt, and until silence counts. */
const startListening = (page: Page): Promise<void> =>
  page.evaluate((hour) => {
    globalThis.timed = { statuses: [] }
    const client = Rivulet.createClient({ retry: { delay: hour, maxDelay: hour, jitter: false }, idleTimeout: hour })
    client
      .subscribe('/api/stream', { onStateChange: ({ status }) => globalThis.timed.statuses.push(status) })
      .on('number', () => {})
  }, HOUR_MS)

const waitForStatus = (page: Page, status: string): Promise<unknown> =>
  page.waitForFunction((wanted) => globalThis.timed.statuses.at(-1) === wanted, status)

const statuses = (page: Page): Promise<string[]> => page.evaluate(() => globalThis.timed.statuses)

/** Sets it by so much, and lets the page work on for a second of its own time. */
async function setWallClock(page: Page, by: number): Promise<void> {
  const before = await page.evaluate(() => Date.now())
  await page.clock.setSystemTime(before + by)
  expect(await page.evaluate(() => Date.now())).toBeGreaterThanOrEqual(before + by)
  await page.clock.runFor(1_000)
}

test('[F43] a clock that is set forward or back by a year brings no attempt early, and none late', async () => {
  await using testPage = await open()
  const { server, page } = testPage
  await page.clock.install()
  await startListening(page)
  await waitForStatus(page, 'open')
  server.service.drop()
  await waitForStatus(page, 'waiting')
  for (const by of [YEAR_MS, -YEAR_MS, -YEAR_MS, YEAR_MS]) await setWallClock(page, by)
  await page.clock.runFor(HOUR_MS / 2)
  expect(await statuses(page)).toEqual(['connecting', 'open', 'waiting'])
  await page.clock.runFor(HOUR_MS / 2)
  await waitForStatus(page, 'open')
  expect(await statuses(page)).toEqual(['connecting', 'open', 'waiting', 'connecting', 'open'])
})

test('[F43] a clock that is set does not make a connection look dead, not even to a page that is seen again', async () => {
  await using testPage = await open()
  const { page } = testPage
  await page.clock.install()
  await startListening(page)
  await waitForStatus(page, 'open')
  for (const by of [YEAR_MS, -YEAR_MS, -YEAR_MS, YEAR_MS]) {
    await setWallClock(page, by)
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange', { bubbles: true })))
  }
  expect(await statuses(page)).toEqual(['connecting', 'open'])
})
