/** A page in the back/forward cache is frozen, and comes back as it was: its feed goes on, whatever became of the connection. */
import type { Page } from 'playwright'
import { expect, test } from 'vitest'
import type { Scenario } from '../../mock-server/scenario/scenario.ts'
import { type TestPage, useTestPages } from './test-page.ts'

// Playwright switches the cache off; it works in a headless browser as well.
const open = useTestPages({ ignoreDefaultArgs: ['--disable-back-forward-cache'] })

declare global {
  /** In the page: the numbers that came, the states of the feed, and what the browser said of the page's life. */
  var life: { seen: number[]; statuses: string[]; codes: string[]; signs: string[] }
}

/** Listens to the feed; there is no next attempt within an hour, unless the page's return brings it. */
const startListening = (page: Page): Promise<void> =>
  page.evaluate(() => {
    const life = { seen: [] as number[], statuses: [] as string[], codes: [] as string[], signs: [] as string[] }
    globalThis.life = life
    for (const type of ['pagehide', 'freeze', 'resume', 'pageshow']) {
      addEventListener(
        type,
        (event) => life.signs.push(`${type}${'persisted' in event ? ` ${String(event.persisted)}` : ''}`),
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
  page.waitForFunction((least) => globalThis.life.seen.length >= least, count)

/** Sends the numbers from one to another, which is not among them. */
function send({ server }: TestPage, from: number, to: number): void {
  for (let data = from; data < to; data++) server.broadcast({ type: 'number', data })
}

/** A page that listens, and was left. */
async function openAndNavigateAway(heartbeat: number, scenario: Scenario = []): Promise<TestPage> {
  const testPage = await open({ server: { heartbeat, scenario } })
  await startListening(testPage.page)
  await expect.poll(() => testPage.server.clients.length).toBeGreaterThan(0)
  send(testPage, 0, 10)
  await waitForCount(testPage.page, 10)
  await testPage.page.goto(`${testPage.server.url}/?elsewhere`)
  return testPage
}

/** Goes back; `load` is not waited for: it has long been. */
async function goBack({ page }: TestPage): Promise<void> {
  await page.goBack({ waitUntil: 'commit' })
  await page.waitForFunction(() => globalThis.life.signs.includes('pageshow true'))
}

const frozen = ['pagehide true', 'freeze', 'resume', 'pageshow true']
const numbers = (count: number): number[] => Array.from({ length: count }, (_, number) => number)

test('[F41] a connection that outlived the cache goes on', async () => {
  await using testPage = await openAndNavigateAway(30_000)
  const { server, page } = testPage
  const before = server.clients.map(({ id }) => id)
  send(testPage, 10, 20)
  await goBack(testPage)
  await waitForCount(page, 20)
  send(testPage, 20, 30)
  await waitForCount(page, 30)
  const { seen, signs, statuses } = await page.evaluate(() => globalThis.life)
  expect(signs).toEqual(frozen)
  expect(seen).toEqual(numbers(30))
  // It was never cut, nor opened anew.
  expect(statuses).toEqual(['connecting', 'open'])
  expect(server.clients.map(({ id }) => id)).toEqual(before)
})

test('[P2.3] [F41] a connection that broke in the cache is replaced at once', async () => {
  await using testPage = await openAndNavigateAway(30_000)
  const { server, page } = testPage
  server.service.drop()
  await expect.poll(() => server.clients.length).toBe(0)
  send(testPage, 10, 20)
  await goBack(testPage)
  await waitForCount(page, 20)
  const { seen, signs, statuses } = await page.evaluate(() => globalThis.life)
  expect(signs).toEqual(frozen)
  expect(seen).toEqual(numbers(20))
  expect(statuses).toEqual(['connecting', 'open', 'waiting', 'connecting', 'open'])
})

test('[P2.3] [F4] [F41] a connection that died in the cache without a word is noticed by the clock, and replaced at once', async () => {
  // Two connections fall silent, after the greeting and ten numbers, and stay open.
  await using testPage = await openAndNavigateAway(500, { 'stall-after': 11, times: 2 })
  const { page } = testPage
  const witness = await page.context().newPage()
  await witness.goto(testPage.server.url)
  await startListening(witness)
  await expect.poll(() => testPage.server.clients.length).toBe(2)
  send(testPage, 10, 20)
  // A page that was awake all the time has noticed its own: so much time has passed.
  await witness.waitForFunction(() => globalThis.life.codes.includes('idle'))
  await goBack(testPage)
  await waitForCount(page, 20)
  const { seen, codes, signs } = await page.evaluate(() => globalThis.life)
  expect(signs).toEqual(frozen)
  expect(seen).toEqual(numbers(20))
  expect(codes).toEqual(['idle'])
})
