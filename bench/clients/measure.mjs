/** Benchmarks whole clients in interleaved rounds, each run in a new page; reports ratios of main-thread CPU time. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright'
import { browserArgs, findBrowser } from '../../scripts/browser.mjs'
import { median } from '../statistics.mjs'

/** The client whose ratio is 1.00. */
export const baseline = 'eventsource-parser'
/** Clients slower than the baseline by this factor are measured only once, because their exact ratio does not matter. */
const SLOW_FACTOR = 5
/** Time between two memory samples. */
const SAMPLE_INTERVAL_MS = 20

const MiB = 1 << 20
const flags = [
  ...browserArgs,
  '--site-per-process',
  '--disable-renderer-backgrounding',
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
]

/**
 * Reads the whole stream once in a new page. Resolves with the peak memory if `sampleMemory` is set, otherwise with the
 * times, which sampling would distort.
 */
async function runPage(browser, { port, expected }, name, total, sampleMemory) {
  // A context of its own gives the page a process of its own.
  const context = await browser.newContext()
  try {
    const page = await context.newPage()
    const session = await context.newCDPSession(page)
    await session.send('Performance.enable', { timeDomain: 'threadTicks' })
    await page.goto(`http://127.0.0.1:${port}/`)
    const checks = await page.evaluate(async (file) => (globalThis.client = await import(file)).checks, `/${name}.mjs`)
    const cpu = async () => {
      const { metrics } = await session.send('Performance.getMetrics')
      return metrics.find((metric) => metric.name === 'ThreadTime').value * 1000
    }
    const heldBytes = async () => {
      const { usedSize, embedderHeapUsedSize = 0, backingStorageSize = 0 } = await session.send('Runtime.getHeapUsage')
      return usedSize + embedderHeapUsedSize + backingStorageSize
    }
    const atRest = await heldBytes()
    const from = await cpu()
    const running = page.evaluate((events) => globalThis.client.start(events), total)
    let peak = 0
    for (let done = !sampleMemory; !done;) {
      done = await Promise.race([running.then(() => true), sleep(SAMPLE_INTERVAL_MS, false)])
      peak = Math.max(peak, (await heldBytes()) - atRest)
    }
    const { wall, got } = await running
    const used = (await cpu()) - from
    if (got !== expected[checks])
      throw new Error(`${name} reported wrong events: checksum ${got} instead of ${expected[checks]}`)
    return sampleMemory ? { peak: peak / MiB } : { cpu: used, wall }
  } finally {
    await context.close()
  }
}

/** @returns {Promise<{ version: string, size: number, clients: Record<string, { ratio: number, cpu: number, wall: number, peak: number, runs: number }> }>} */
export async function benchClients({ names, total, rounds, log }) {
  const server = fork(fileURLToPath(new URL('server.mjs', import.meta.url)), [String(total)])
  const executablePath = findBrowser()
  let browser
  try {
    const [address] = await once(server, 'message')
    browser = await chromium.launch({ ...(executablePath && { executablePath }), args: flags })
    const runs = new Map()
    // The first round samples memory; it also warms up what all clients share: disk, server and network service.
    for (const name of names) {
      const { peak } = await runPage(browser, address, name, total, true)
      runs.set(name, { peak, rounds: [] })
      log(`  ${name.padEnd(28)} ${peak.toFixed(1)} MiB`)
    }
    // The machine's speed drifts, so a ratio is computed for each round, and the median of these ratios is reported.
    for (let round = 0; round < rounds; round++) {
      const times = new Map()
      const order = round % 2 ? [...names].reverse() : names
      const base = () => runs.get(baseline).rounds[0]
      for (const name of order) {
        const [first] = runs.get(name).rounds
        if (!first || first.cpu < SLOW_FACTOR * base().cpu)
          times.set(name, await runPage(browser, address, name, total, false))
      }
      for (const [name, time] of times)
        runs.get(name).rounds.push({ ...time, ratio: time.cpu / times.get(baseline).cpu })
      log(`  round ${round + 1}: ${[...times].map(([name, { cpu }]) => `${name} ${cpu.toFixed(0)}`).join('  ')}`)
    }
    const clients = {}
    for (const [name, { peak, rounds }] of runs) {
      const middle = (figure) => median(rounds.map((time) => time[figure]))
      clients[name] = { ratio: middle('ratio'), cpu: middle('cpu'), wall: middle('wall'), peak, runs: rounds.length }
    }
    return { version: `Chromium ${browser.version()}`, size: address.size, clients }
  } finally {
    await browser?.close()
    server.disconnect()
  }
}
