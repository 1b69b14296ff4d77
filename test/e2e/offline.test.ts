/** An offline page waits without using up attempts, and reconnects as soon as it is online. */
import type { Page } from 'playwright'
import { expect, test } from 'vitest'
import { type TestPage, useTestPages } from './test-page.ts'

const open = useTestPages()

declare global {
  /** Global set in the page: the feed or the run, and the numbers or delta indexes received. */
  var online: {
    feed?: import('../../src/client/subscription.ts').Subscription<{ number: number }>
    run?: import('../../src/client/run.ts').Run
    seen: number[]
  }
}

/**
 * Subscribes with a retry delay of an hour and a retry limit of 1, so that a test fails if the stream uses up an
 * attempt or waits for a retry delay.
 */
const startListening = (page: Page): Promise<void> =>
  page.evaluate(() => {
    const client = Rivulet.createClient({ retry: { delay: 3_600_000, maxDelay: 3_600_000, jitter: false, limit: 1 } })
    const feed = client.subscribe<{ number: number }>('/api/stream')
    globalThis.online = { feed, seen: [] }
    feed.on('number', ({ data }) => globalThis.online.seen.push(data))
  })

const stateOf = (page: Page): Promise<{ status: string; attempt: number }> =>
  page.evaluate(() => {
    const { status, attempt } = globalThis.online.feed!.state
    return { status, attempt }
  })

const waitForStatus = (page: Page, status: string): Promise<unknown> =>
  page.waitForFunction((expected) => globalThis.online.feed!.state.status === expected, status)

/** Takes the page offline and drops its open connections. */
async function goOffline({ page, server }: TestPage): Promise<void> {
  await page.context().setOffline(true)
  await page.waitForFunction(() => !navigator.onLine)
  server.service.drop()
}

test('[P2.3] [F40] a feed that goes offline five times reconnects without using up attempts or waiting for retry delays', async () => {
  await using testPage = await open()
  const { page, server } = testPage
  await startListening(page)
  await waitForStatus(page, 'open')
  for (let round = 1; round <= 5; round++) {
    await goOffline(testPage)
    await waitForStatus(page, 'waiting')
    expect(await stateOf(page)).toEqual({ status: 'waiting', attempt: 1 })
    if (round === 5) for (let data = 0; data < 10; data++) server.broadcast({ type: 'number', data })
    await page.context().setOffline(false)
    await waitForStatus(page, 'open')
  }
  await page.waitForFunction(() => globalThis.online.seen.length === 10)
  expect(await page.evaluate(() => globalThis.online.seen)).toEqual(Array.from({ length: 10 }, (_, number) => number))
})

test('[F40] a stream created while the page is offline waits until the page is online', async () => {
  await using testPage = await open()
  const { page, server } = testPage
  await page.context().setOffline(true)
  await startListening(page)
  await waitForStatus(page, 'waiting')
  expect(await stateOf(page)).toEqual({ status: 'waiting', attempt: 1 })
  await page.context().setOffline(false)
  await waitForStatus(page, 'open')
  expect(server.clients).toHaveLength(1)
})

test('[F40] a feed that is offline for an hour reconnects when the page comes online', async () => {
  await using testPage = await open()
  const { page } = testPage
  await page.clock.install()
  await startListening(page)
  await waitForStatus(page, 'open')
  await goOffline(testPage)
  await waitForStatus(page, 'waiting')
  for (let minute = 1; minute <= 60; minute++) await page.clock.runFor(60_000)
  await waitForStatus(page, 'waiting')
  expect(await stateOf(page)).toEqual({ status: 'waiting', attempt: 1 })
  await page.context().setOffline(false)
  await waitForStatus(page, 'open')
})

test('[P3.3] [F40] a run interrupted by offline periods completes without starting a second run', async () => {
  const answer = '你好，世界！ '.repeat(40)
  await using testPage = await open({ server: { answers: { 你好: answer }, delay: 5 } })
  const { page, server } = testPage
  await page.evaluate(() => {
    const client = Rivulet.createClient({ retry: { delay: 3_600_000, maxDelay: 3_600_000, jitter: false, limit: 1 } })
    const run = client.stream('/api/generate', { json: { prompt: '你好' } })
    globalThis.online = { run, seen: [] }
    void (async () => {
      for await (const { index } of run) globalThis.online.seen.push(index)
    })()
  })
  for (const minimum of [10, 50]) {
    await page.waitForFunction((count) => globalThis.online.seen.length >= count, minimum)
    await goOffline(testPage)
    await page.waitForFunction(() => globalThis.online.run!.state.status === 'waiting')
    await page.context().setOffline(false)
  }
  const { text } = await page.evaluate(() => globalThis.online.run!.final())
  expect(text).toBe(answer)
  expect(await page.evaluate(() => globalThis.online.seen)).toEqual(Array.from(answer, (_, index) => index))
  expect(server.runs).toHaveLength(1)
})
