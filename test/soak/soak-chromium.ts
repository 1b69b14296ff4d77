/** Runs the soak in a Chromium page, with the built package. */
import { type CDPSession, type LaunchOptions, type Page, type Request, chromium } from 'playwright'
import { type EventCounts, SAMPLE_COUNT, type HeapSample, type SoakResult, type Plan } from './plan.ts'
import { startSoakServer } from './server-process.ts'

declare global {
  /** Provided by `pages/soak.html`. */
  var soak: {
    /** Pending timers. */
    readonly timers: ReadonlySet<unknown>
    /** The feed's signal. */
    readonly signal: AbortSignal
    read(events: number, samples: number, lastEventId: string): Promise<EventCounts>
  }
}

/** Listeners for `online`, `pageshow` (two), `visibilitychange` and `beforeunload`: one set serves all streams, and stays. */
const SHARED_LISTENERS = 5

/** Counts the event listeners of one object in the page. */
async function listenersOf(session: CDPSession, expression: string): Promise<number> {
  const { result } = await session.send('Runtime.evaluate', { expression })
  const { listeners } = await session.send('DOMDebugger.getEventListeners', { objectId: result.objectId! })
  await session.send('Runtime.releaseObject', { objectId: result.objectId! })
  return listeners.length
}

/** Counts the listeners on all objects that a stream may listen to. */
async function countListeners(session: CDPSession): Promise<number> {
  let sum = 0
  for (const target of ['window', 'document', 'soak.signal']) sum += await listenersOf(session, target)
  return sum
}

/** Takes a heap sample after a garbage collection. */
async function takeSample(session: CDPSession, timers: number, initialListeners: number): Promise<HeapSample> {
  for (let round = 0; round < 2; round++) await session.send('HeapProfiler.collectGarbage')
  const { usedSize, embedderHeapUsedSize, backingStorageSize } = await session.send('Runtime.getHeapUsage')
  return {
    heapBytes: usedSize + backingStorageSize,
    platformBytes: embedderHeapUsedSize,
    listeners: (await countListeners(session)) - initialListeners,
    timers,
  }
}

/** Returns the live set of feed requests that have neither finished nor failed. */
function watchRequests(page: Page): ReadonlySet<Request> {
  const pendingRequests = new Set<Request>()
  page.on('request', (request) => request.url().includes('/api/stream') && pendingRequests.add(request))
  page.on('requestfinished', (request) => pendingRequests.delete(request))
  page.on('requestfailed', (request) => pendingRequests.delete(request))
  return pendingRequests
}

/** Runs the soak; `folder` contains the built programs, `root` is the project's root with `dist`. */
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
    await page.exposeFunction('recordSample', async (timers: number) => {
      const sample = await takeSample(session, timers, initialListeners)
      samples.push(sample)
      onSample?.(sample)
    })
    await page.goto(`${server.url}/soak.html`)
    await page.waitForFunction(() => globalThis.soak)
    initialListeners = await countListeners(session)
    const counts = await page.evaluate(([events, count, startId]) => globalThis.soak.read(events, count, startId), [
      plan.events,
      SAMPLE_COUNT,
      server.startId,
    ] as const)
    // The store's last write and the events of the last request take a moment. Timers that are left are counted below.
    await page.waitForFunction(() => globalThis.soak.timers.size === 0, undefined, { timeout: 5_000 }).catch(() => {})
    for (let round = 0; round < 100 && pendingRequests.size > 0; round++)
      await page.evaluate(() => new Promise(requestAnimationFrame))
    const { requests, clients } = await server.state()
    return {
      runtime: `Chromium ${browser.version()}`,
      samples,
      counts,
      leftovers: {
        listeners: (await countListeners(session)) - initialListeners - SHARED_LISTENERS,
        timers: await page.evaluate(() => globalThis.soak.timers.size),
        'pending requests': pendingRequests.size,
        'server clients': clients,
      },
      requests,
      seconds: (performance.now() - startedAt) / 1000,
    }
  } finally {
    await browser.close()
  }
}
