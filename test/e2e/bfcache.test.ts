/** A page restored from the back/forward cache continues its feed, whether or not the connection survived. */
import type { Page } from 'playwright'
import { expect, test } from 'vitest'
import type { Scenario } from '../../mock-server/scenario/scenario.ts'
import { type TestPage, useTestPages } from './test-page.ts'

// Playwright disables the back/forward cache by default.
const open = useTestPages({ ignoreDefaultArgs: ['--disable-back-forward-cache'] })

declare global {
  /** Global set in the page: received numbers, feed states, error codes, and page lifecycle events. */
  var life: { seen: number[]; statuses: string[]; codes: string[]; lifecycleEvents: string[] }
}

/** Subscribes to the feed with a retry delay of an hour, so that it reconnects earlier only if the page is restored. */
const startListening = (page: Page): Promise<void> =>
  page.evaluate(() => {
    const life = {
      seen: [] as number[],
      statuses: [] as string[],
      codes: [] as string[],
      lifecycleEvents: [] as string[],
    }
    globalThis.life = life
    for (const type of ['pagehide', 'freeze', 'resume', 'pageshow']) {
      addEventListener(
        type,
        (event) => life.lifecycleEvents.push(`${type}${'persisted' in event ? ` ${String(event.persisted)}` : ''}`),
        true,
      )
    }
    const client = Rivulet.createClient({ retry: { delay: 3_600_000, maxDelay: 3_600_000, jitter: false } })
    const feed = client.subscribe<{ number: number }>('/api/stream', {
      onStateChange({ status, error }) {
        life.statuses.push(status)
        if (error) life.codes.push(error.code)
      },
    })
    feed.on('number', ({ data }) => life.seen.push(data))
  })

const waitForCount = (page: Page, count: number): Promise<unknown> =>
  page.waitForFunction((minimum) => globalThis.life.seen.length >= minimum, count)

/** Broadcasts the numbers from `from` up to, but not including, `to`. */
function send({ server }: TestPage, from: number, to: number): void {
  for (let data = from; data < to; data++) server.broadcast({ type: 'number', data })
}

/** Opens a page, waits until the page has received ten numbers, and navigates away. */
async function openAndNavigateAway(heartbeat: number, scenario: Scenario = []): Promise<TestPage> {
  const testPage = await open({ server: { heartbeat, scenario } })
  await startListening(testPage.page)
  await expect.poll(() => testPage.server.clients.length).toBeGreaterThan(0)
  send(testPage, 0, 10)
  await waitForCount(testPage.page, 10)
  await testPage.page.goto(`${testPage.server.url}/?elsewhere`)
  return testPage
}

/** Navigates back. Does not wait for `load`, which does not fire again for a restored page. */
async function goBack({ page }: TestPage): Promise<void> {
  await page.goBack({ waitUntil: 'commit' })
  await page.waitForFunction(() => globalThis.life.lifecycleEvents.includes('pageshow true'))
}

const restoredLifecycle = ['pagehide true', 'freeze', 'resume', 'pageshow true']
const numbers = (count: number): number[] => Array.from({ length: count }, (_, number) => number)

test('[F41] a connection that survives the back/forward cache stays in use', async () => {
  await using testPage = await openAndNavigateAway(30_000)
  const { server, page } = testPage
  const initialClients = server.clients.map(({ id }) => id)
  send(testPage, 10, 20)
  await goBack(testPage)
  await waitForCount(page, 20)
  send(testPage, 20, 30)
  await waitForCount(page, 30)
  const { seen, lifecycleEvents, statuses } = await page.evaluate(() => globalThis.life)
  expect(lifecycleEvents).toEqual(restoredLifecycle)
  expect(seen).toEqual(numbers(30))
  // The connection was neither closed nor reopened.
  expect(statuses).toEqual(['connecting', 'open'])
  expect(server.clients.map(({ id }) => id)).toEqual(initialClients)
})

test('[P2.3] [F41] a connection that broke while the page was in the back/forward cache is replaced at once', async () => {
  await using testPage = await openAndNavigateAway(30_000)
  const { server, page } = testPage
  server.service.drop()
  await expect.poll(() => server.clients.length).toBe(0)
  send(testPage, 10, 20)
  await goBack(testPage)
  await waitForCount(page, 20)
  const { seen, lifecycleEvents, statuses } = await page.evaluate(() => globalThis.life)
  expect(lifecycleEvents).toEqual(restoredLifecycle)
  expect(seen).toEqual(numbers(20))
  expect(statuses).toEqual(['connecting', 'open', 'waiting', 'connecting', 'open'])
})

test('[P2.3] [F4] [F41] a connection that fell silent in the back/forward cache is detected from the elapsed time and replaced at once', async () => {
  // The first two connections fall silent after `connected` and ten numbers, and stay open.
  await using testPage = await openAndNavigateAway(500, { 'stall-after': 11, times: 2 })
  const { page } = testPage
  const witness = await page.context().newPage()
  await witness.goto(testPage.server.url)
  await startListening(witness)
  await expect.poll(() => testPage.server.clients.length).toBe(2)
  send(testPage, 10, 20)
  // Once the page that stayed awake has detected its idle connection, the cached page's idle timeout has passed as well.
  await witness.waitForFunction(() => globalThis.life.codes.includes('idle'))
  await goBack(testPage)
  await waitForCount(page, 20)
  const { seen, codes, lifecycleEvents } = await page.evaluate(() => globalThis.life)
  expect(lifecycleEvents).toEqual(restoredLifecycle)
  expect(seen).toEqual(numbers(20))
  expect(codes).toEqual(['idle'])
})
