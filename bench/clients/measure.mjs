/** The bench of whole clients: a page for each client and run, in interleaved rounds, as ratios of its main thread's CPU time. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright'
import { browserArgs, findBrowser } from '../../scripts/browser.mjs'
import { median } from '../statistics.mjs'

/** All figures are this client's = 1.00. */
export const baseline = 'eventsource-parser'
/** Clients that take this many times as long are measured once: nothing hangs on their second digit. */
const SLOW = 5
/** Milliseconds between two looks at the memory. */
const LOOK = 20

const MiB = 1 << 20
const flags = [
  ...browserArgs,
  '--site-per-process',
  '--disable-renderer-backgrounding',
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
]

/** Reads the whole stream once in a page of its own. `memory`: looks at it all the while, so the time is not to be used. */
async function runPage(browser, { port, expected }, name, total, memory) {
  // A context of its own: pages of different contexts share no process.
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
    const held = async () => {
      const { usedSize, embedderHeapUsedSize = 0, backingStorageSize = 0 } = await session.send('Runtime.getHeapUsage')
      return usedSize + embedderHeapUsedSize + backingStorageSize
    }
    const atRest = await held()
    const from = await cpu()
    const running = page.evaluate((events) => globalThis.client.start(events), total)
    let peak = 0
    for (let over = !memory; !over;) {
      over = await Promise.race([running.then(() => true), sleep(LOOK, false)])
      peak = Math.max(peak, (await held()) - atRest)
    }
    const { wall, got } = await running
    const used = (await cpu()) - from
    if (got !== expected[checks]) throw new Error(`${name}: wrong events: ${got}, not ${expected[checks]}`)
    return memory ? { peak: peak / MiB } : { cpu: used, wall }
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
    // The first round looks at memory; it also warms up what all of them share: disk, server, network service.
    for (const name of names) {
      const { peak } = await runPage(browser, address, name, total, true)
      runs.set(name, { peak, rounds: [] })
      log(`  ${name.padEnd(28)} ${peak.toFixed(1)} MiB`)
    }
    // Neighbours in time share the machine's mood: a ratio is taken within one round, the median over the rounds.
    for (let round = 0; round < rounds; round++) {
      const times = new Map()
      const order = round % 2 ? [...names].reverse() : names
      const base = () => runs.get(baseline).rounds[0]
      for (const name of order) {
        const [first] = runs.get(name).rounds
        if (!first || first.cpu < SLOW * base().cpu)
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
