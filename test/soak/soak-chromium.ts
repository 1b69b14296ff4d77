/** The soak in a page of Chromium, with the built package. */
import { type CDPSession, type LaunchOptions, type Page, type Request, chromium } from 'playwright'
import { type EventCounts, SAMPLE_COUNT, type HeapSample, type SoakResult, type Plan } from './plan.ts'
import { startSoakServer } from './server-process.ts'

declare global {
  /** What `pages/soak.html` has for this. */
  var soak: {
    /** Pending ones. */
    readonly timers: ReadonlySet<unknown>
    /** What the feed was given. */
    readonly signal: AbortSignal
    read(events: number, samples: number): Promise<EventCounts>
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
async function measure(session: CDPSession, timers: number, listeners: number): Promise<HeapSample> {
  for (let round = 0; round < 2; round++) await session.send('HeapProfiler.collectGarbage')
  const { usedSize, embedderHeapUsedSize, backingStorageSize } = await session.send('Runtime.getHeapUsage')
  return {
    heapBytes: usedSize + backingStorageSize,
    platformBytes: embedderHeapUsedSize,
    listeners: (await countListeners(session)) - listeners,
    timers,
  }
}

/** Requests for the feed that have neither ended nor failed. */
function watchRequests(page: Page): ReadonlySet<Request> {
  const pendingRequests = new Set<Request>()
  page.on('request', (request) => request.url().includes('/api/stream') && pendingRequests.add(request))
  page.on('requestfinished', (request) => pendingRequests.delete(request))
  page.on('requestfailed', (request) => pendingRequests.delete(request))
  return pendingRequests
}

/** `folder` has the programs, `root` is the project, with `dist`; `onLook` hears of each look. */
export async function soakChromium(
  folder: string,
  root: string,
  plan: Plan,
  launch: LaunchOptions,
  onSample?: (sample: HeapSample) => void,
): Promise<SoakResult> {
  const startedAt = performance.now()
  using server = await startSoakServer(folder, root, plan)
  const browser = await chromium.launch(launch)
  try {
    const page = await browser.newPage()
    const pendingRequests = watchRequests(page)
    const session = await page.context().newCDPSession(page)
    const samples: HeapSample[] = []
    let initialListeners = 0
    await page.exposeFunction('look', async (timers: number) => {
      const sample = await measure(session, timers, initialListeners)
      samples.push(sample)
      onSample?.(sample)
    })
    await page.goto(`${server.url}/soak.html`)
    await page.waitForFunction(() => globalThis.soak)
    initialListeners = await countListeners(session)
    const counts = await page.evaluate(([events, count]) => globalThis.soak.read(events, count), [
      plan.events,
      SAMPLE_COUNT,
    ] as const)
    // The last write of the store, and the news of the last request, take a moment.
    await page.waitForFunction(() => globalThis.soak.timers.size === 0, undefined, { timeout: 5_000 }).catch(() => {}) // counted below
    for (let round = 0; round < 100 && pendingRequests.size > 0; round++)
      await page.evaluate(() => new Promise(requestAnimationFrame))
    const { requests, clients } = await server.state()
    return {
      runtime: `Chromium ${browser.version()}`,
      samples,
      counts,
      leftovers: {
        listeners: (await countListeners(session)) - initialListeners,
        timers: await page.evaluate(() => globalThis.soak.timers.size),
        'requests under way': pendingRequests.size,
        'clients of the server': clients,
      },
      requests,
      seconds: (performance.now() - startedAt) / 1000,
    }
  } finally {
    await browser.close()
  }
}
