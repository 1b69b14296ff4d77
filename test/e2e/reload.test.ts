/** A page that is reloaded goes on: a run with the same answer, a feed after its last event. */
import type { Page } from 'playwright'
import { expect, test } from 'vitest'
import { type TestPage, useTestPages } from './test-page.ts'

const open = useTestPages()

declare global {
  /** What `pages/persist.html` shows of itself. */
  var kept: {
    readonly client: import('../../src/client/client.ts').Client
    readonly run?: import('../../src/client/run.ts').Run
    readonly feed?: import('../../src/client/subscription.ts').Subscription
    readonly database: import('../../src/persist.ts').PersistStorage
    /** Of each `pageshow`: whether it came from the back/forward cache. */
    readonly persisted: readonly boolean[]
    readonly deltas: readonly string[]
    readonly outcome?: { text?: string; finishReason?: string; code?: string }
  }
}

/** Every kind of character that takes more than a byte, and long enough that no run is over before it was looked at. */
const ANSWER = '你好，世界！👋🏽 Ein Bächlein fließt. 👨‍👩‍👧‍👦 “ça va?” नमस्ते. '.repeat(5)
const ANSWER_LENGTH = Array.from(new Intl.Segmenter().segment(ANSWER)).length
const runs = { server: { answers: { 你好: ANSWER }, delay: 10 }, path: '/persist.html?consumer=run' }

const waitForDeltas = (page: Page, count: number): Promise<unknown> =>
  page.waitForFunction((least) => globalThis.kept?.deltas.length >= least, count)

/** The run's outcome, when it has one. */
async function outcomeOf(page: Page): Promise<typeof globalThis.kept.outcome> {
  await page.waitForFunction(() => globalThis.kept?.outcome)
  return page.evaluate(() => globalThis.kept.outcome)
}

/** What `rivulet/persist` has stored in this tab. */
const storedIn = (page: Page): Promise<string[]> =>
  page.evaluate(() => Object.keys(sessionStorage).filter((key) => key.startsWith('rivulet:')))

/** Methods of the requests for runs, from now on. */
function watchRequests({ page }: TestPage): string[] {
  const methods: string[] = []
  page.on('request', (request) => request.url().includes('/api/generate') && methods.push(request.method()))
  return methods
}

test('[P3.3] [F42] a run whose page is reloaded in its middle, twice, goes on: one POST, no delta lost or repeated', async () => {
  await using testPage = await open(runs)
  const { server, page } = testPage
  const methods = watchRequests(testPage)
  for (const least of [20, 40]) {
    await waitForDeltas(page, least)
    expect(server.runs[0]!.state).toBe('running')
    await page.reload()
  }
  expect(await outcomeOf(page)).toEqual({ text: ANSWER, finishReason: 'stop' })
  expect(await page.evaluate(() => globalThis.kept.deltas)).toEqual(
    Array.from(new Intl.Segmenter().segment(ANSWER), ({ segment }) => segment),
  )
  expect(server.runs).toHaveLength(1)
  expect(server.runs[0]!.text).toBe(ANSWER)
  // The first page's POST may have been sent before it was watched.
  expect(methods.filter((method) => method === 'GET')).toHaveLength(2)
  expect(methods.filter((method) => method === 'POST').length).toBeLessThanOrEqual(1)
  expect(await storedIn(page)).toEqual([])
  expect(testPage.pageErrors).toEqual([])
})

test('[P3.3] [F42] [F1] the same on a network that cuts connections in the middle of events', async () => {
  await using testPage = await open({
    ...runs,
    server: { ...runs.server, scenario: { 'reset-after': 40, 'cut-at': 'character', path: '/api/generate*' } },
  })
  const { server, page } = testPage
  await waitForDeltas(page, 60)
  await page.reload()
  await waitForDeltas(page, 60)
  await page.reload()
  expect(await outcomeOf(page)).toEqual({ text: ANSWER, finishReason: 'stop' })
  expect(await page.evaluate(() => globalThis.kept.deltas.length)).toBe(ANSWER_LENGTH)
  expect(server.runs).toHaveLength(1)
})

test('[F42] a run that ended while no page was there is read to its end, and the next page begins another', async () => {
  await using testPage = await open(runs)
  const { server, page } = testPage
  await waitForDeltas(page, 10)
  await page.goto('about:blank')
  await expect.poll(() => server.runs[0]!.state, { timeout: 20_000 }).toBe('finished')
  await page.goto(`${server.url}${runs.path}`)
  expect(await outcomeOf(page)).toEqual({ text: ANSWER, finishReason: 'stop' })
  expect(server.runs).toHaveLength(1)
  await page.reload()
  await waitForDeltas(page, 1)
  expect(server.runs).toHaveLength(2)
})

test('[F42] a run that the server has forgotten meanwhile is expired, once: the next page begins anew', async () => {
  await using testPage = await open(runs)
  const { server, page } = testPage
  await waitForDeltas(page, 10)
  expect(await storedIn(page)).toEqual(['rivulet:answer'])
  await page.goto('about:blank')
  server.service.clearHistory()
  await page.goto(`${server.url}${runs.path}`)
  expect(await outcomeOf(page)).toEqual({ code: 'expired' })
  expect(await storedIn(page)).toEqual([])
  expect(server.runs).toHaveLength(0)
  await page.reload()
  expect(await outcomeOf(page)).toEqual({ text: ANSWER, finishReason: 'stop' })
  expect(server.runs).toHaveLength(1)
})

test('[P3.5] [F42] a run that was cancelled is not taken up again', async () => {
  await using testPage = await open(runs)
  const { server, page } = testPage
  await waitForDeltas(page, 10)
  await page.evaluate(() => globalThis.kept.run!.cancel())
  expect(await outcomeOf(page)).toMatchObject({ finishReason: 'cancelled' })
  expect(await storedIn(page)).toEqual([])
  await page.reload()
  await waitForDeltas(page, 1)
  expect(server.runs).toHaveLength(2)
})

test('[F42] a store without room costs a run its place, and nothing else', async () => {
  await using testPage = await open({ ...runs, path: '/' })
  const { server, page } = testPage
  await page.evaluate(() => {
    for (let text = 'x'.repeat(0x100000); text;) {
      try {
        sessionStorage.setItem('mine', (sessionStorage.getItem('mine') ?? '') + text)
      } catch {
        text = text.slice(0, text.length / 2) // until nothing fits any more
      }
    }
  })
  await page.goto(`${server.url}${runs.path}`)
  await waitForDeltas(page, 10)
  expect(await storedIn(page)).toEqual([])
  expect(await outcomeOf(page)).toEqual({ text: ANSWER, finishReason: 'stop' })
  expect(testPage.pageErrors).toEqual([])
})

/** What the page has shown, over all its loads. */
const readShownNumbers = (page: Page): Promise<number[]> =>
  page.evaluate(() => (sessionStorage.getItem('seen') ?? '').split(' ').filter(Boolean).map(Number))

const waitForCount = (page: Page, count: number): Promise<unknown> =>
  page.waitForFunction((least) => (sessionStorage.getItem('seen') ?? '').split(' ').length > least, count)

/** Sends numbers, from 0, in small batches and without a pause, until it is disposed of. */
function startNumbers({ server }: TestPage): Disposable & { readonly sent: number } {
  let sent = 0
  const timer = setInterval(() => {
    for (let each = 0; each < 3; each++) server.broadcast({ type: 'number', data: sent++ })
  }, 5)
  return {
    get sent() {
      return sent
    },
    [Symbol.dispose]: () => clearInterval(timer),
  }
}

test.each(['listener', 'loop'])(
  '[P2.3] [F42] a feed with a %s: five reloads under way, each event once and in order',
  async (consumer) => {
    await using testPage = await open({ path: `/persist.html?consumer=${consumer}`, server: { history: 100_000 } })
    const { server, page } = testPage
    // Whoever has never been there begins at the head.
    await expect.poll(() => server.clients.length).toBe(1)
    const numbers = startNumbers(testPage)
    for (let reload = 1; reload <= 5; reload++) {
      await waitForCount(page, 40 * reload)
      await page.reload()
    }
    numbers[Symbol.dispose]()
    await waitForCount(page, numbers.sent)
    expect(await readShownNumbers(page)).toEqual(Array.from({ length: numbers.sent }, (_, number) => number))
    expect(testPage.pageErrors).toEqual([])
  },
)

test('[F42] a feed whose place is in a database: what was written there is where it goes on', async () => {
  await using testPage = await open({ path: '/persist.html?consumer=listener&store=database' })
  const { server, page } = testPage
  await expect.poll(() => server.clients.length).toBe(1)
  for (let data = 0; data < 50; data++) server.broadcast({ type: 'number', data })
  const last = server.service.feed().lastEventId
  const stored = (): Promise<string | null | undefined> =>
    page.evaluate(async () => globalThis.kept.database.getItem('rivulet:numbers'))
  await expect.poll(stored).toContain(`"${last}"`)
  await page.goto('about:blank')
  for (let data = 50; data < 100; data++) server.broadcast({ type: 'number', data })
  await page.goto(`${server.url}/persist.html?consumer=listener&store=database`)
  await waitForCount(page, 100)
  expect(await readShownNumbers(page)).toEqual(Array.from({ length: 100 }, (_, number) => number))
})
