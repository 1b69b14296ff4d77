/** A page that is hidden, or asleep: its streams are not cut for it, and a dead connection is noticed when it is back. */
import type { Page } from 'playwright'
import { expect, test } from 'vitest'
import { type TestPage, useTestPages } from './test-page.ts'

const open = useTestPages()

declare global {
  /** In the page: the numbers that came, and what the feed went through. */
  var awake: { seen: number[]; statuses: string[]; codes: string[] }
}

const startListening = (page: Page): Promise<void> =>
  page.evaluate(() => {
    const awake = { seen: [] as number[], statuses: [] as string[], codes: [] as string[] }
    globalThis.awake = awake
    // No attempt within an hour, unless something wakes it.
    const client = Rivulet.createClient({ retry: { delay: 3_600_000, maxDelay: 3_600_000, jitter: false } })
    const feed = client.subscribe<{ number: number }>('/api/stream', {
      onStateChange({ status, error }) {
        awake.statuses.push(status)
        if (error) awake.codes.push(error.code)
      },
    })
    feed.on('number', ({ data }) => awake.seen.push(data))
  })

const waitForCount = (page: Page, count: number): Promise<unknown> =>
  page.waitForFunction((least) => globalThis.awake.seen.length >= least, count)

/** A headless page is never hidden: what it would see of it is made up. */
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

test('[F41] hidden and seen again, ten times: one connection, and each event while it happens', async () => {
  await using testPage = await open()
  const { server, page } = testPage
  await startListening(page)
  await expect.poll(() => server.clients.length).toBe(1)
  const { id } = server.clients[0]!
  for (let time = 0; time < 10; time++) {
    await setHidden(page, true)
    send(testPage, 20 * time, 20 * time + 10)
    // Not only when it is seen again.
    await waitForCount(page, 20 * time + 10)
    await setHidden(page, false)
    send(testPage, 20 * time + 10, 20 * time + 20)
    await waitForCount(page, 20 * time + 20)
  }
  expect(server.clients.map((client) => client.id)).toEqual([id])
  const { seen, statuses } = await page.evaluate(() => globalThis.awake)
  expect(seen).toEqual(numbers(200))
  expect(statuses).toEqual(['connecting', 'open'])
})

test('[P2.3] [F41] a connection that broke while the page was hidden is replaced as soon as it is seen', async () => {
  await using testPage = await open()
  const { server, page } = testPage
  await startListening(page)
  await expect.poll(() => server.clients.length).toBe(1)
  await setHidden(page, true)
  send(testPage, 0, 10)
  await waitForCount(page, 10)
  server.service.drop()
  await page.waitForFunction(() => globalThis.awake.statuses.includes('waiting'))
  send(testPage, 10, 20)
  await setHidden(page, false)
  await waitForCount(page, 20)
  expect(await page.evaluate(() => globalThis.awake.seen)).toEqual(numbers(20))
})

test('[P2.3] [F4] [F41] a laptop that slept: the dead connection is noticed by the clock, and replaced at once', async () => {
  // The first connection falls silent after the greeting and ten numbers, and stays open.
  await using testPage = await open({ server: { scenario: { 'stall-after': 11, once: true } } })
  const { server, page } = testPage
  await page.clock.install()
  await startListening(page)
  await expect.poll(() => server.clients.length).toBe(1)
  send(testPage, 0, 20)
  await waitForCount(page, 10)
  await setHidden(page, true)
  expect(await page.evaluate(() => globalThis.awake.statuses)).toEqual(['connecting', 'open'])
  // Eight hours in which nothing runs; timers that were due in them fire once, now.
  await page.clock.fastForward('08:00:00')
  await setHidden(page, false)
  await waitForCount(page, 20)
  const { seen, codes } = await page.evaluate(() => globalThis.awake)
  expect(seen).toEqual(numbers(20))
  expect(codes).toEqual(['idle'])
})
