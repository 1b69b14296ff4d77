/** Setting the computer's wall clock does not affect the timers of a stream. */
import type { Page } from 'playwright'
import { expect, test } from 'vitest'
import { useTestPages } from './test-page.ts'

const open = useTestPages()

declare global {
  /** Global set in the page: the feed's states. */
  var clockPage: { statuses: string[] }
}

const HOUR_MS = 3_600_000
const YEAR_MS = 8_766 * HOUR_MS

/** Subscribes with a retry delay and an idle timeout of an hour. */
const startListening = (page: Page): Promise<void> =>
  page.evaluate((hour) => {
    globalThis.clockPage = { statuses: [] }
    const client = Rivulet.createClient({ retry: { delay: hour, maxDelay: hour, jitter: false }, idleTimeout: hour })
    client
      .subscribe('/api/stream', { onStateChange: ({ status }) => globalThis.clockPage.statuses.push(status) })
      .on('number', () => {})
  }, HOUR_MS)

const waitForStatus = (page: Page, status: string): Promise<unknown> =>
  page.waitForFunction((expected) => globalThis.clockPage.statuses.at(-1) === expected, status)

const statuses = (page: Page): Promise<string[]> => page.evaluate(() => globalThis.clockPage.statuses)

/** Moves the wall clock by `by` milliseconds, and lets a second pass in the page. */
async function setWallClock(page: Page, by: number): Promise<void> {
  const initialTime = await page.evaluate(() => Date.now())
  await page.clock.setSystemTime(initialTime + by)
  expect(await page.evaluate(() => Date.now())).toBeGreaterThanOrEqual(initialTime + by)
  await page.clock.runFor(1_000)
}

test('[F43] setting the clock forward or back by a year neither advances nor delays an attempt', async () => {
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

test('[F43] setting the clock does not make a connection look dead, even when the page is shown again', async () => {
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
