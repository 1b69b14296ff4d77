/** The server is killed and restarted while a page is subscribed to a feed. */
import type { Page } from 'playwright'
import { expect, test } from 'vitest'
import { useTestPages } from './test-page.ts'

const open = useTestPages()

declare global {
  /** Globals set in the page: received numbers, reset reasons, and feed states. */
  var seen: number[]
  var resets: string[]
  var statuses: string[]
}

const startListening = (page: Page): Promise<void> =>
  page.evaluate(() => {
    globalThis.seen = []
    globalThis.resets = []
    globalThis.statuses = []
    const client = Rivulet.createClient({ retry: { delay: 50, maxDelay: 200 } })
    const feed = client.subscribe<{ number: number }>('/api/stream', {
      onReset: ({ reason }) => globalThis.resets.push(reason),
      onStateChange: ({ status }) => globalThis.statuses.push(status),
    })
    feed.on('number', ({ data }) => globalThis.seen.push(data))
  })

const waitForNumber = (page: Page, number: number): Promise<unknown> =>
  page.waitForFunction((number) => globalThis.seen.includes(number), number)

test('[P2.3] [P2.5] [F18] a feed receives each event once and in order even though the server is killed three times', async () => {
  await using testPage = await open()
  const { server, page } = testPage
  await startListening(page)
  await expect.poll(() => server.clients.length).toBe(1)
  let sent = 0
  const send = (count: number): void => {
    for (let each = 0; each < count; each++) server.broadcast({ type: 'number', data: sent++ })
  }
  for (let kill = 1; kill <= 3; kill++) {
    send(100)
    await waitForNumber(page, sent - 1)
    send(100) // some of these are in transit when the server is killed
    await server.kill()
    await page.waitForFunction(
      (kill) => globalThis.statuses.filter((status) => status === 'waiting').length >= kill,
      kill,
    )
    send(100) // sent while no client is connected
    await server.restart()
    send(50)
    await waitForNumber(page, sent - 1)
  }
  expect(await page.evaluate(() => globalThis.seen)).toEqual(Array.from({ length: sent }, (_, number) => number))
  expect(await page.evaluate(() => globalThis.resets)).toEqual([])
  expect(
    await page.evaluate(() => globalThis.statuses.filter((status) => status === 'open').length),
  ).toBeGreaterThanOrEqual(4)
})

test('[P2.3] [F26] after the server restarts without its log, a feed receives a reset and then the new events', async () => {
  await using testPage = await open()
  const { server, page } = testPage
  await startListening(page)
  await expect.poll(() => server.clients.length).toBe(1)
  for (const data of [1, 2, 3]) server.broadcast({ type: 'number', data })
  await waitForNumber(page, 3)
  await server.restart({ log: 'lose' })
  await page.waitForFunction(() => globalThis.resets.length > 0)
  for (const data of [4, 5, 6]) server.broadcast({ type: 'number', data })
  await waitForNumber(page, 6)
  expect(await page.evaluate(() => globalThis.seen)).toEqual([1, 2, 3, 4, 5, 6])
  expect(await page.evaluate(() => globalThis.resets)).toEqual(['unknown'])
})
