/** Hidden and suspended pages: their streams stay open, and a dead connection is detected when the page is visible again. */
import type { Page } from 'playwright'
import { expect, test } from 'vitest'
import { type TestPage, useTestPages } from './test-page.ts'

const open = useTestPages()

declare global {
  /** Global set in the page: received numbers, feed states and error codes. */
  var hiddenPage: { seen: number[]; statuses: string[]; codes: string[] }
}

const startListening = (page: Page): Promise<void> =>
  page.evaluate(() => {
    const hiddenPage = { seen: [] as number[], statuses: [] as string[], codes: [] as string[] }
    globalThis.hiddenPage = hiddenPage
    // With a retry delay of an hour, only a reconnect hint can cause a new attempt during the test.
    const client = Rivulet.createClient({ retry: { delay: 3_600_000, maxDelay: 3_600_000, jitter: false } })
    const feed = client.subscribe<{ number: number }>('/api/stream', {
      onStateChange({ status, error }) {
        hiddenPage.statuses.push(status)
        if (error) hiddenPage.codes.push(error.code)
      },
    })
    feed.on('number', ({ data }) => hiddenPage.seen.push(data))
  })

const waitForCount = (page: Page, count: number): Promise<unknown> =>
  page.waitForFunction((minimum) => globalThis.hiddenPage.seen.length >= minimum, count)

/** Simulates page visibility, because a headless page is never hidden. */
const setHidden = (page: Page, hidden: boolean): Promise<void> =>
  page.evaluate((isHidden) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => isHidden })
    Object.defineProperty(document, 'visibilityState', {
      configurable: true,
      get: () => (isHidden ? 'hidden' : 'visible'),
    })
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))
  }, hidden)

function send({ server }: TestPage, from: number, to: number): void {
  for (let data = from; data < to; data++) server.broadcast({ type: 'number', data })
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, number) => number)

test('[F41] a page hidden and shown ten times keeps one connection and receives each event immediately', async () => {
  await using testPage = await open()
  const { server, page } = testPage
  await startListening(page)
  await expect.poll(() => server.clients.length).toBe(1)
  const { id } = server.clients[0]!
  for (let round = 0; round < 10; round++) {
    await setHidden(page, true)
    send(testPage, 20 * round, 20 * round + 10)
    // The hidden page receives these events without waiting to be shown.
    await waitForCount(page, 20 * round + 10)
    await setHidden(page, false)
    send(testPage, 20 * round + 10, 20 * round + 20)
    await waitForCount(page, 20 * round + 20)
  }
  expect(server.clients.map((client) => client.id)).toEqual([id])
  const { seen, statuses } = await page.evaluate(() => globalThis.hiddenPage)
  expect(seen).toEqual(numbers(200))
  expect(statuses).toEqual(['connecting', 'open'])
})

test('[P2.3] [F41] a connection that broke while the page was hidden is replaced as soon as the page is shown', async () => {
  await using testPage = await open()
  const { server, page } = testPage
  await startListening(page)
  await expect.poll(() => server.clients.length).toBe(1)
  await setHidden(page, true)
  send(testPage, 0, 10)
  await waitForCount(page, 10)
  server.service.drop()
  await page.waitForFunction(() => globalThis.hiddenPage.statuses.includes('waiting'))
  send(testPage, 10, 20)
  await setHidden(page, false)
  await waitForCount(page, 20)
  expect(await page.evaluate(() => globalThis.hiddenPage.seen)).toEqual(numbers(20))
})

test('[P2.3] [F4] [F41] a connection that died while the computer slept is detected from the elapsed time and replaced at once', async () => {
  // The first connection falls silent after `connected` and ten numbers, and stays open.
  await using testPage = await open({ server: { scenario: { 'stall-after': 11, once: true } } })
  const { server, page } = testPage
  await page.clock.install()
  await startListening(page)
  await expect.poll(() => server.clients.length).toBe(1)
  send(testPage, 0, 20)
  await waitForCount(page, 10)
  await setHidden(page, true)
  expect(await page.evaluate(() => globalThis.hiddenPage.statuses)).toEqual(['connecting', 'open'])
  // Simulates eight hours of sleep: no timer fires meanwhile, and each timer that is then due fires once.
  await page.clock.fastForward('08:00:00')
  await setHidden(page, false)
  await waitForCount(page, 20)
  const { seen, codes } = await page.evaluate(() => globalThis.hiddenPage)
  expect(seen).toEqual(numbers(20))
  expect(codes).toEqual(['idle'])
})
