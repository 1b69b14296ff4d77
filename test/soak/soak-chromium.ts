/** The soak in a page of Chromium, with the built package. */
import { type CDPSession, type LaunchOptions, type Page, type Request, chromium } from 'playwright'
import { type Counts, LOOKS, type Look, type Outcome, type Plan } from './plan.ts'
import { startServing } from './server-process.ts'

declare global {
  /** What `pages/soak.html` has for this. */
  var soak: {
    /** Pending ones. */
    readonly timers: ReadonlySet<unknown>
    /** What the feed was given. */
    readonly signal: AbortSignal
    read(events: number, looks: number): Promise<Counts>
  }
}

/** How many listeners an object of the page has. */
async function listenersOf(session: CDPSession, expression: string): Promise<number> {
  const { result } = await session.send('Runtime.evaluate', { expression })
  const { listeners } = await session.send('DOMDebugger.getEventListeners', { objectId: result.objectId! })
  await session.send('Runtime.releaseObject', { objectId: result.objectId! })
  return listeners.length
}

/** Those of all that a stream may listen to. */
async function countListeners(session: CDPSession): Promise<number> {
  let sum = 0
  for (const target of ['window', 'document', 'soak.signal']) sum += await listenersOf(session, target)
  return sum
}

/** After a collection. */
async function measure(session: CDPSession, timers: number, listeners: number): Promise<Look> {
  for (let round = 0; round < 2; round++) await session.send('HeapProfiler.collectGarbage')
  const { usedSize, embedderHeapUsedSize, backingStorageSize } = await session.send('Runtime.getHeapUsage')
  return {
    heap: usedSize + backingStorageSize,
    platform: embedderHeapUsedSize,
    listeners: (await countListeners(session)) - listeners,
    timers,
  }
}

/** Requests for the feed that have neither ended nor failed. */
function watchRequests(page: Page): ReadonlySet<Request> {
  const underWay = new Set<Request>()
  page.on('request', (request) => request.url().includes('/api/stream') && underWay.add(request))
  page.on('requestfinished', (request) => underWay.delete(request))
  page.on('requestfailed', (request) => underWay.delete(request))
  return underWay
}

/** `folder` has the programs, `root` is the project, with `dist`; `onLook` hears of each look. */
export async function soakChromium(
  folder: string,
  root: string,
  plan: Plan,
  launch: LaunchOptions,
  onLook?: (look: Look) => void,
): Promise<Outcome> {
  const from = performance.now()
  using serving = await startServing(folder, root, plan)
  const browser = await chromium.launch(launch)
  try {
    const page = await browser.newPage()
    const underWay = watchRequests(page)
    const session = await page.context().newCDPSession(page)
    const looks: Look[] = []
    let before = 0
    await page.exposeFunction('look', async (timers: number) => {
      const look = await measure(session, timers, before)
      looks.push(look)
      onLook?.(look)
    })
    await page.goto(`${serving.url}/soak.html`)
    await page.waitForFunction(() => globalThis.soak)
    before = await countListeners(session)
    const counts = await page.evaluate(([events, count]) => globalThis.soak.read(events, count), [
      plan.events,
      LOOKS,
    ] as const)
    // The last write of the store, and the news of the last request, take a moment.
    await page.waitForFunction(() => globalThis.soak.timers.size === 0, undefined, { timeout: 5_000 }).catch(() => {}) // counted below
    for (let round = 0; round < 100 && underWay.size > 0; round++)
      await page.evaluate(() => new Promise(requestAnimationFrame))
    const { requests, clients } = await serving.state()
    return {
      runtime: `Chromium ${browser.version()}`,
      looks,
      counts,
      leftovers: {
        listeners: (await countListeners(session)) - before,
        timers: await page.evaluate(() => globalThis.soak.timers.size),
        'requests under way': underWay.size,
        'clients of the server': clients,
      },
      requests,
      seconds: (performance.now() - from) / 1000,
    }
  } finally {
    await browser.close()
  }
}
