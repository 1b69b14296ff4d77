/** A reloaded page resumes its streams: a run continues with the same answer, a feed after the last event received. */
import type { Page } from 'playwright'
import { expect, test } from 'vitest'
import { type TestPage, useTestPages } from './test-page.ts'

const open = useTestPages()

declare global {
  /** Global set by `pages/persist.html`. */
  var persistPage: {
    readonly client: import('../../src/client/client.ts').Client
    readonly run?: import('../../src/client/run.ts').Run
    readonly feed?: import('../../src/client/subscription.ts').Subscription
    readonly database: import('../../src/persist.ts').PersistStorage
    /** For each `pageshow` event: whether the page was restored from the back/forward cache. */
    readonly persisted: readonly boolean[]
    readonly deltas: readonly string[]
    readonly outcome?: { text?: string; finishReason?: string; code?: string }
  }
}

/** Contains multi-byte characters of every kind, and is long enough that no run ends before the test has checked it. */
const ANSWER = '你好，世界！👋🏽 Ein Bächlein fließt. 👨‍👩‍👧‍👦 “ça va?” नमस्ते. '.repeat(5)
const ANSWER_LENGTH = Array.from(new Intl.Segmenter().segment(ANSWER)).length
const runs = { server: { answers: { 你好: ANSWER }, delay: 10 }, path: '/persist.html?consumer=run' }

const waitForDeltas = (page: Page, count: number): Promise<unknown> =>
  page.waitForFunction((minimum) => globalThis.persistPage?.deltas.length >= minimum, count)

/** Resolves with the run's outcome once the run has ended. */
async function outcomeOf(page: Page): Promise<typeof globalThis.persistPage.outcome> {
  await page.waitForFunction(() => globalThis.persistPage?.outcome)
  return page.evaluate(() => globalThis.persistPage.outcome)
}

/** Returns the session storage keys written by `rivulet/persist`. */
const storedIn = (page: Page): Promise<string[]> =>
  page.evaluate(() => Object.keys(sessionStorage).filter((key) => key.startsWith('rivulet:')))

/** Returns an array that collects the methods of all further requests for runs. */
function watchRequests({ page }: TestPage): string[] {
  const methods: string[] = []
  page.on('request', (request) => request.url().includes('/api/generate') && methods.push(request.method()))
  return methods
}

test('[P3.3] [F42] a run resumes after two reloads: one POST, no delta lost or repeated', async () => {
  await using testPage = await open(runs)
  const { server, page } = testPage
  const methods = watchRequests(testPage)
  for (const minimum of [20, 40]) {
    await waitForDeltas(page, minimum)
    expect(server.runs[0]!.state).toBe('running')
    await page.reload()
  }
  expect(await outcomeOf(page)).toEqual({ text: ANSWER, finishReason: 'stop' })
  expect(await page.evaluate(() => globalThis.persistPage.deltas)).toEqual(
    Array.from(new Intl.Segmenter().segment(ANSWER), ({ segment }) => segment),
  )
  expect(server.runs).toHaveLength(1)
  expect(server.runs[0]!.text).toBe(ANSWER)
  // The first load's POST may have been sent before the recording started.
  expect(methods.filter((method) => method === 'GET')).toHaveLength(2)
  expect(methods.filter((method) => method === 'POST').length).toBeLessThanOrEqual(1)
  expect(await storedIn(page)).toEqual([])
  expect(testPage.pageErrors).toEqual([])
})

test('[P3.3] [F42] [F1] a run resumes after two reloads even if connections are cut in the middle of events', async () => {
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
  expect(await page.evaluate(() => globalThis.persistPage.deltas.length)).toBe(ANSWER_LENGTH)
  expect(server.runs).toHaveLength(1)
})

test('[F42] a page resumes a run that finished while no page was open, and the next load starts a new run', async () => {
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

test('[F42] a run that the server has deleted fails with code expired, and the next load starts a new run', async () => {
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

test('[P3.5] [F42] a cancelled run is not resumed after a reload', async () => {
  await using testPage = await open(runs)
  const { server, page } = testPage
  await waitForDeltas(page, 10)
  await page.evaluate(() => globalThis.persistPage.run!.cancel())
  expect(await outcomeOf(page)).toMatchObject({ finishReason: 'cancelled' })
  expect(await storedIn(page)).toEqual([])
  await page.reload()
  await waitForDeltas(page, 1)
  expect(server.runs).toHaveLength(2)
})

test('[F42] a run completes even if the storage is too full for the cursor', async () => {
  await using testPage = await open({ ...runs, path: '/' })
  const { server, page } = testPage
  await page.evaluate(() => {
    for (let text = 'x'.repeat(0x100000); text;) {
      try {
        sessionStorage.setItem('filler', (sessionStorage.getItem('filler') ?? '') + text)
      } catch {
        text = text.slice(0, text.length / 2) // halved until not even one character fits
      }
    }
  })
  await page.goto(`${server.url}${runs.path}`)
  await waitForDeltas(page, 10)
  expect(await storedIn(page)).toEqual([])
  expect(await outcomeOf(page)).toEqual({ text: ANSWER, finishReason: 'stop' })
  expect(testPage.pageErrors).toEqual([])
})

/** Returns the numbers that the page has shown, across all its loads. */
const readShownNumbers = (page: Page): Promise<number[]> =>
  page.evaluate(() => (sessionStorage.getItem('seen') ?? '').split(' ').filter(Boolean).map(Number))

const waitForCount = (page: Page, count: number): Promise<unknown> =>
  page.waitForFunction((minimum) => (sessionStorage.getItem('seen') ?? '').split(' ').length > minimum, count)

/** Broadcasts ascending numbers in small batches until disposed. */
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
  '[P2.3] [F42] a page that consumes a feed with a %s shows each event once and in order across five reloads',
  async (consumer) => {
    await using testPage = await open({ path: `/persist.html?consumer=${consumer}`, server: { history: 100_000 } })
    const { server, page } = testPage
    // A first visit receives no earlier events, so wait for the subscription before sending.
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

test('[F42] a feed persisted in IndexedDB resumes from the stored cursor', async () => {
  await using testPage = await open({ path: '/persist.html?consumer=listener&store=database' })
  const { server, page } = testPage
  await expect.poll(() => server.clients.length).toBe(1)
  for (let data = 0; data < 50; data++) server.broadcast({ type: 'number', data })
  const last = server.service.feed().lastEventId
  const stored = (): Promise<string | null | undefined> =>
    page.evaluate(async () => globalThis.persistPage.database.getItem('rivulet:numbers'))
  await expect.poll(stored).toContain(`"${last}"`)
  await page.goto('about:blank')
  for (let data = 50; data < 100; data++) server.broadcast({ type: 'number', data })
  await page.goto(`${server.url}/persist.html?consumer=listener&store=database`)
  await waitForCount(page, 100)
  expect(await readShownNumbers(page)).toEqual(Array.from({ length: 100 }, (_, number) => number))
})
