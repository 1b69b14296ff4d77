/** A fresh page that runs one client, with the CPU time of its main thread and the memory that it holds. */

const COLLECTIONS = 3

/** Opens the page and loads the client's module. A context of its own gives the page a process of its own. */
export async function openPage(browser, url, file) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true })
  const page = await context.newPage()
  const session = await context.newCDPSession(page)
  await session.send('Performance.enable', { timeDomain: 'threadTicks' })
  await page.goto(url)
  const obstacle = await page.evaluate(
    async (file) => (globalThis.client = await import(file)).findObstacle(),
    `/${file}.mjs`,
  )

  /** Resolves with the bytes of the JavaScript heap, of the objects behind it, and of array buffers. */
  const heldBytes = async () => {
    const { usedSize, embedderHeapUsedSize = 0, backingStorageSize = 0 } = await session.send('Runtime.getHeapUsage')
    return usedSize + embedderHeapUsedSize + backingStorageSize
  }

  return {
    /** Why this build cannot be measured, or `undefined` if it can. */
    obstacle,
    /** Calls a method of the page's program. */
    call: (method, ...args) =>
      page.evaluate(([method, args]) => globalThis.client.program[method](...args), [method, args]),
    /** Resolves with the CPU time that the main thread has used, in milliseconds. */
    async cpu() {
      const { metrics } = await session.send('Performance.getMetrics')
      return metrics.find((metric) => metric.name === 'ThreadTime').value * 1000
    },
    heldBytes,
    /** Like `heldBytes`, after garbage collection. */
    async retainedBytes() {
      for (let time = 0; time < COLLECTIONS; time++) await session.send('HeapProfiler.collectGarbage')
      return heldBytes()
    },
    close: () => context.close(),
  }
}
