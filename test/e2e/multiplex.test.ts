/** A hundred streams of a page over HTTP/1.1: one channel carries all; of separate connections, only six open. */
import { expect, test } from 'vitest'
import { useTestPages } from './test-page.ts'

const open = useTestPages()

const STREAMS = 100
const EVENTS = 20

declare global {
  /** Global set in the page: the `multiplex` function exported by `rivulet/multiplex`. */
  var multiplex: typeof import('../../src/multiplex.ts').multiplex
  /** Global set in the page: the data that each stream received, in order of arrival. */
  var received: number[][]
  var states: () => Record<string, number>
}

/** Opens the streams in the page; each stream receives only one event type. */
async function subscribe(page: Awaited<ReturnType<typeof open>>['page'], channel: string): Promise<void> {
  await page.addScriptTag({
    type: 'module',
    content: 'import { multiplex } from "/dist/multiplex.js"; window.multiplex = multiplex',
  })
  await page.waitForFunction(() => 'Rivulet' in globalThis && 'multiplex' in globalThis)
  await page.evaluate(
    ({ channel, streams }) => {
      const client = Rivulet.createClient({ connectTimeout: 600_000, ...(channel && { connect: multiplex(channel) }) })
      globalThis.received = Array.from({ length: streams }, () => [])
      const feeds = globalThis.received.map((data, index) => {
        const feed = client.subscribe('/api/stream', { searchParams: { types: `t${index}` } })
        feed.on(`t${index}`, (event) => data.push(event.data as number))
        return feed
      })
      globalThis.states = () => {
        const counts: Record<string, number> = {}
        for (const { state } of feeds) counts[state.status] = (counts[state.status] ?? 0) + 1
        return counts
      }
    },
    { channel, streams: STREAMS },
  )
}

test('[P5.1] a hundred streams over one channel share a socket, and each receives every event once and in order', async () => {
  await using testPage = await open({ server: { history: 10_000 } })
  const { server, page } = testPage
  await subscribe(page, '/api/channel')
  await expect.poll(() => server.clients.length, { timeout: 20_000 }).toBe(STREAMS)
  expect(new Set(server.clients.map(({ connection }) => connection)).size).toBe(1)
  await page.waitForFunction((streams) => globalThis.states()['open'] === streams, STREAMS)
  for (let count = 0; count < EVENTS; count++) {
    for (let index = 0; index < STREAMS; index++) server.broadcast({ type: `t${index}`, data: count })
  }
  await page.waitForFunction((events) => globalThis.received.every(({ length }) => length >= events), EVENTS)
  const expected = Array.from({ length: EVENTS }, (_, count) => count)
  expect(await page.evaluate(() => globalThis.received)).toEqual(Array.from({ length: STREAMS }, () => expected))

  // After the server cuts the channel, all streams reconnect over one new channel and miss no event.
  server.service.drop()
  for (let index = 0; index < STREAMS; index++) server.broadcast({ type: `t${index}`, data: EVENTS })
  await page.waitForFunction((events) => globalThis.received.every(({ length }) => length > events), EVENTS)
  expect(await page.evaluate(() => globalThis.received)).toEqual(
    Array.from({ length: STREAMS }, () => [...expected, EVENTS]),
  )
  expect(new Set(server.clients.map(({ connection }) => connection)).size).toBe(1)
})

test('of a hundred streams over separate connections, six open and ninety-four wait', async () => {
  await using testPage = await open()
  const { server, page } = testPage
  await subscribe(page, '')
  await expect.poll(() => server.clients.length, { timeout: 20_000 }).toBe(6)
  for (let index = 0; index < STREAMS; index++) server.broadcast({ type: `t${index}`, data: 0 })
  await page.waitForFunction(() => globalThis.received.filter(({ length }) => length).length === 6)
  expect(new Set(server.clients.map(({ connection }) => connection)).size).toBe(6)
  expect(await page.evaluate(() => globalThis.states())).toEqual({ open: 6, connecting: STREAMS - 6 })
})

test('the multiplex demo shows twelve of twelve streams open over one connection, and five of twelve over separate ones', async () => {
  await using testPage = await open({ site: 'demo', path: '/multiplex.html', server: { tick: 20 } })
  const { page } = testPage
  const states = page.locator('[data-part="state"]')
  await expect.poll(() => states.allTextContents()).toEqual(['12 of 12 open', '0 of 12 open'])
  await page.click('[data-side="own"] [data-part="toggle"]')
  await expect.poll(() => states.allTextContents()).toEqual(['12 of 12 open', '5 of 12 open'])
  await expect.poll(() => page.locator('.lane[data-status="open"] .label', { hasText: 'events' }).count()).toBe(17)
  await page.click('[data-side="own"] [data-part="toggle"]')
  await expect.poll(() => states.allTextContents()).toEqual(['12 of 12 open', '0 of 12 open'])
  expect(testPage.pageErrors).toEqual([])
})
