/** A page without a network waits, spends nothing of its attempts, and is back at once when the network is. */
import type { Page } from 'playwright'
import { expect, test } from 'vitest'
import { type TestPage, useTestPages } from './test-page.ts'

const open = useTestPages()

declare global {
  /** In the page: the feed, or the run, and the numbers that came. */
  var online: {
    feed?: import('../../src/client/subscription.ts').Subscription<{ number: number }>
    run?: import('../../src/client/run.ts').Run
    seen: number[]
  }
}

/** An hour between attempts, and two of them: if they were spent, or waited for, this would be over. */
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
  page.waitForFunction((wanted) => globalThis.online.feed!.state.status === wanted, status)

/** The network goes; connections that were open do not survive it. */
async function goOffline({ page, server }: TestPage): Promise<void> {
  await page.context().setOffline(true)
  await page.waitForFunction(() => !navigator.onLine)
  server.service.drop()
}

test('[P2.3] [F40] the network goes and comes, five times in a row without an event: no attempt is spent, none is waited for', async () => {
  await using testPage = await open()
  const { page, server } = testPage
  await startListening(page)
  await waitForStatus(page, 'open')
  for (let time = 1; time <= 5; time++) {
    await goOffline(testPage)
    await waitForStatus(page, 'waiting')
    expect(await stateOf(page)).toEqual({ status: 'waiting', attempt: 1 })
    if (time === 5) for (let data = 0; data < 10; data++) server.broadcast({ type: 'number', data })
    await page.context().setOffline(false)
    await waitForStatus(page, 'open')
  }
  await page.waitForFunction(() => globalThis.online.seen.length === 10)
  expect(await page.evaluate(() => globalThis.online.seen)).toEqual(Array.from({ length: 10 }, (_, number) => number))
})

test('[F40] a stream that is made without a network waits for it', async () => {
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

test('[F40] an hour without a network is no different', async () => {
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

test('[P3.3] [F40] a run whose network goes in its middle is whole in the end, and one run', async () => {
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
  for (const least of [10, 50]) {
    await page.waitForFunction((count) => globalThis.online.seen.length >= count, least)
    await goOffline(testPage)
    await page.waitForFunction(() => globalThis.online.run!.state.status === 'waiting')
    await page.context().setOffline(false)
  }
  const { text } = await page.evaluate(() => globalThis.online.run!.final())
  expect(text).toBe(answer)
  expect(await page.evaluate(() => globalThis.online.seen)).toEqual(Array.from(answer, (_, index) => index))
  expect(server.runs).toHaveLength(1)
})
