/** Tabs of one browser share one stream on the wire, even if a tab is closed, crashes or freezes. */
import type { CDPSession, Page } from 'playwright'
import { expect, test } from 'vitest'
import { createRandom } from '../../mock-server/base/random.ts'
import type { MockServer } from '../../mock-server/node/mock-server.ts'
import { type TestPage, useTestPages } from './test-page.ts'

const open = useTestPages()

declare global {
  /** Globals set in the page: functions of the built package. */
  var shareAcrossTabs: typeof import('../../src/share.ts').shareAcrossTabs
  var multiplex: typeof import('../../src/multiplex.ts').multiplex
  /** Global set in the page: received numbers, roles of this tab, feed states and reset reasons. */
  var shared: { numbers: number[]; roles: string[]; statuses: string[]; errors: string[] }
}

interface Tab {
  readonly page: Page
  readonly cdp: CDPSession
}

const roleOf = ({ page }: Tab): Promise<string | undefined> => page.evaluate(() => globalThis.shared.roles.at(-1))
const numbersOf = ({ page }: Tab): Promise<number[]> => page.evaluate(() => globalThis.shared.numbers)

/** Opens a tab that subscribes, over separate connections or one channel, and waits until its feeds are open. */
async function openTab(
  { server, page: first }: TestPage,
  transport: 'fetch' | 'multiplex' = 'fetch',
  urls = ['/api/stream'],
): Promise<Tab> {
  const page = await first.context().newPage()
  await page.goto(`${server.url}/share.html`)
  await page.evaluate(
    ({ transport, urls }) => {
      globalThis.shared = { numbers: [], roles: [], statuses: [], errors: [] }
      const { numbers, roles, statuses, errors } = globalThis.shared
      const client = Rivulet.createClient({
        connect: shareAcrossTabs({
          name: 'test',
          onChange: ({ role }) => roles.push(role),
          ...(transport === 'multiplex' && { connect: multiplex('/api/channel', { linger: 0 }) }),
        }),
        retry: { delay: 100 },
        onStateChange: ({ status }) => statuses.push(status),
        onReset: ({ reason }) => errors.push(reason),
      })
      for (const url of urls) client.subscribe<{ number: number }>(url).on('number', ({ data }) => numbers.push(data))
    },
    { transport, urls },
  )
  await page.waitForFunction(
    (count) => globalThis.shared.statuses.filter((status) => status === 'open').length >= count,
    urls.length,
  )
  return { page, cdp: await page.context().newCDPSession(page) }
}

/** Broadcasts a number every few milliseconds. */
function startSending(server: MockServer): { readonly sent: number; stop(): void } {
  let sent = 0
  const timer = setInterval(() => server.broadcast({ type: 'number', data: sent++ }), 4)
  return {
    get sent() {
      return sent
    },
    stop: () => clearInterval(timer),
  }
}

/** Expects each tab to have received every number, from the first that the tab received to the last that was sent. */
async function expectComplete(tabs: readonly Tab[], sent: number): Promise<void> {
  for (const tab of tabs) {
    await tab.page.waitForFunction((last) => globalThis.shared.numbers.at(-1) === last, sent - 1)
    const numbers = await numbersOf(tab)
    const first = numbers[0]!
    expect(numbers).toEqual(Array.from({ length: sent - first }, (_, index) => first + index))
    expect(await tab.page.evaluate(() => globalThis.shared.errors)).toEqual([])
  }
}

const median = (numbers: number[]): number => numbers.toSorted((one, other) => one - other)[numbers.length >> 1]!

test('ten tabs with the same feed share one stream on one socket, and each receives every event once and in order', async () => {
  await using testPage = await open()
  const { server } = testPage
  const requests: string[] = []
  const tabs: Tab[] = []
  testPage.page
    .context()
    .on('request', (request) => new URL(request.url()).pathname === '/api/stream' && requests.push(request.url()))
  for (let count = 0; count < 10; count++) tabs.push(await openTab(testPage))
  const sending = startSending(server)
  await expect.poll(() => sending.sent, { timeout: 20_000 }).toBeGreaterThan(500)
  sending.stop()
  await expectComplete(tabs, sending.sent)
  expect(await Promise.all(tabs.map(roleOf))).toEqual(['leader', ...Array<string>(9).fill('follower')])
  expect(requests).toHaveLength(1)
  expect(server.clients).toHaveLength(1)
  expect(server.connections).toHaveLength(1)
  for (const { page } of tabs) await page.close()
  await expect.poll(() => server.clients.length).toBe(0)
  expect(testPage.pageErrors).toEqual([])
})

test('ten tabs with three feeds each share one channel, even after the leader is closed', async () => {
  await using testPage = await open()
  const { server } = testPage
  const urls = ['/api/stream?types=number&feed=1', '/api/stream?types=number&feed=2', '/api/stream?types=number&feed=3']
  const tabs = await Promise.all(Array.from({ length: 10 }, () => openTab(testPage, 'multiplex', urls)))
  const expectOneConnection = async (): Promise<void> => {
    await expect.poll(() => server.connections.map(({ streams }) => streams), { timeout: 20_000 }).toEqual([3])
  }
  await expectOneConnection()
  const leaders = await Promise.all(
    tabs.map(({ page }) => page.evaluate(() => globalThis.shared.roles.filter((role) => role === 'leader').length)),
  )
  console.log(`how often each of the ten tabs became leader: ${leaders.join()}`)
  let sent = 0
  const send = (): void => {
    for (let count = 0; count < 100; count++) server.broadcast({ type: 'number', data: sent++ })
  }
  send()
  const expectAllReceived = async (tabs: readonly Tab[]): Promise<void> => {
    for (const { page } of tabs) {
      await page.waitForFunction((count) => globalThis.shared.numbers.length >= count, 3 * sent)
      const numbers = await page.evaluate(() => globalThis.shared.numbers)
      expect(numbers.toSorted((one, other) => one - other)).toEqual(
        Array.from({ length: 3 * sent }, (_, index) => Math.floor(index / 3)),
      )
    }
  }
  await expectAllReceived(tabs)
  const leader = await Promise.all(tabs.map(roleOf)).then((roles) => roles.indexOf('leader'))
  await tabs[leader]!.page.close()
  const remainingTabs = tabs.filter((_, index) => index !== leader)
  send()
  await expectAllReceived(remainingTabs)
  await expectOneConnection()
  expect(testPage.pageErrors).toEqual([])
})

test(
  'no event is lost or repeated if the leader is closed or crashes 20 times at random moments',
  { timeout: 180_000 },
  async () => {
    const arrivals: number[] = []
    await using testPage = await open({
      server: {
        onRequest: (request) => new URL(request.url).pathname === '/api/stream' && arrivals.push(performance.now()),
      },
    })
    const { server } = testPage
    const random = createRandom(20)
    let tabs: Tab[] = []
    const isAlive = ({ page }: Tab): boolean => !page.isClosed() && !crashed.has(page)
    const crashed = new Set<Page>()
    const add = async (): Promise<void> => {
      const tab = await openTab(testPage)
      tab.page.on('crash', () => crashed.add(tab.page))
      tabs.push(tab)
    }
    for (let count = 0; count < 10; count++) await add()
    const sending = startSending(server)
    const delays: Record<'closed' | 'crashed', number[]> = { closed: [], crashed: [] }
    for (let kill = 0; kill < 20; kill++) {
      const target = sending.sent + 20 + Math.floor(random() * 150)
      await expect.poll(() => sending.sent, { interval: 1, timeout: 20_000 }).toBeGreaterThan(target)
      const roles = await Promise.all(tabs.map(roleOf))
      const leader = tabs[roles.indexOf('leader')]
      expect(leader, roles.join()).toBeDefined()
      // So far, the leader has received every number.
      const numbers = await numbersOf(leader!)
      expect(numbers).toEqual(numbers.map((_, index) => numbers[0]! + index))
      const cause = random() < 0.5 ? 'closed' : 'crashed'
      const requestsBefore = arrivals.length
      const startedAt = performance.now()
      if (cause === 'closed') await leader!.page.close()
      else {
        leader!.cdp.send('Page.crash').catch(() => {}) // a crashed page does not respond
        await expect.poll(() => crashed.has(leader!.page), { interval: 1, timeout: 20_000 }).toBe(true)
      }
      await expect.poll(() => arrivals.length, { interval: 1, timeout: 20_000 }).toBeGreaterThan(requestsBefore)
      delays[cause].push(arrivals[requestsBefore]! - startedAt)
      // Tabs of one site may share a process, so one crash may take down several tabs.
      tabs = tabs.filter(isAlive)
      while (tabs.length < 10) await add()
    }
    sending.stop()
    await expectComplete(tabs, sending.sent)
    await expect.poll(() => server.clients.length).toBe(1)
    console.log(
      Object.entries(delays)
        .map(
          ([cause, times]) =>
            `leader ${cause} ${times.length} times: the next leader sent a request after ${median(times).toFixed(0)} ms (median), ${Math.max(...times).toFixed(0)} ms at most`,
        )
        .join('\n'),
    )
    console.log(`the feed was requested ${arrivals.length} times in total`)
  },
)

// Chromium freezes only hidden pages, and headless pages are never hidden. A page paused in the debugger behaves like a frozen
// page: it processes no messages, keeps its lock and its connection, and later continues where it stopped.
test('[F41] a frozen leader is replaced and becomes a follower when it resumes, and no event is lost or repeated', async () => {
  const arrivals: number[] = []
  await using testPage = await open({
    server: {
      onRequest: (request) => new URL(request.url).pathname === '/api/stream' && arrivals.push(performance.now()),
    },
  })
  const { server } = testPage
  const tabs: Tab[] = []
  for (let count = 0; count < 3; count++) tabs.push(await openTab(testPage))
  const [leader, ...others] = tabs as [Tab, Tab, Tab]
  const sending = startSending(server)
  await expect.poll(() => sending.sent, { timeout: 20_000 }).toBeGreaterThan(100)
  const pausedAt = performance.now()
  await leader.cdp.send('Debugger.enable')
  await leader.cdp.send('Debugger.pause')
  // On a machine so busy that the next leader is silent for seconds, another tab replaces it, too.
  await expect.poll(() => arrivals.length, { timeout: 20_000 }).toBeGreaterThan(1)
  console.log(`leader frozen: the next leader sent a request after ${(arrivals[1]! - pausedAt).toFixed(0)} ms`)
  const countLeaders = async () => {
    const roles = await Promise.all(others.map(roleOf))
    return roles.filter((role) => role === 'leader').length
  }
  await expect.poll(countLeaders, { timeout: 20_000 }).toBe(1)
  const sentBefore = sending.sent
  await expect.poll(() => sending.sent, { timeout: 20_000 }).toBeGreaterThan(sentBefore + 100)
  await leader.cdp.send('Debugger.resume')
  await expect.poll(() => server.clients.length, { timeout: 20_000 }).toBe(1)
  await leader.page.waitForFunction(() => globalThis.shared.roles.at(-1) === 'follower')
  sending.stop()
  await expectComplete(tabs, sending.sent)
  const finalRoles = await Promise.all(tabs.map(roleOf))
  expect(finalRoles.filter((role) => role === 'leader')).toHaveLength(1)
})

test('the share demo shows in each tab which tab is the leader', async () => {
  await using testPage = await open({ site: 'demo', path: '/share.html', server: { tick: 50 } })
  const other = await testPage.page.context().newPage()
  await testPage.page.locator('[data-role="leader"][role="status"]').waitFor()
  await other.goto(`${testPage.server.url}/share.html`)
  await other.locator('[data-role="follower"][role="status"]').waitFor()
  await expect.poll(() => testPage.page.locator('[data-part="tabs"] li').allInnerTexts()).toHaveLength(2)
  expect(testPage.server.clients).toHaveLength(1)
  await testPage.page.close()
  await other.locator('[data-role="leader"][role="status"]').waitFor()
  await expect
    .poll(() => other.locator('[data-part="count"]').innerText().then(Number), { timeout: 20_000 })
    .toBeGreaterThan(20)
  expect(await other.locator('[data-part="lost"]').innerText()).toBe('0')
  expect(await other.locator('[data-part="duplicates"]').innerText()).toBe('0')
  expect(testPage.pageErrors).toEqual([])
})
