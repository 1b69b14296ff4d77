/** Runs adapters in Chromium, each in its own page and process; measures the CPU time of the main thread. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright'

const here = fileURLToPath(new URL('./', import.meta.url))
const executablePaths = [
  process.env.CHROMIUM_PATH,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
]

/** Serves the modules in this folder to the pages. */
async function serveFolder() {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost')
    if (pathname === '/')
      return void response.setHeader('content-type', 'text/html').end('<!doctype html><title>bench</title>')
    try {
      if (!/^\/[\w./-]+\.mjs$/.test(pathname) || pathname.includes('..')) throw new Error('not a module')
      const body = await readFile(here + pathname)
      response.setHeader('content-type', 'text/javascript').end(body)
    } catch {
      response.statusCode = 404
      response.end()
    }
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

export async function startChromium(flags = []) {
  const executablePath = executablePaths.find((path) => path && existsSync(path))
  const server = await serveFolder()
  const { port } = server.address()
  const browser = await chromium.launch({
    ...(executablePath && { executablePath }),
    args: [
      ...flags,
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      '--disable-gpu',
      '--no-first-run',
      '--disable-dev-shm-usage',
      '--site-per-process',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-renderer-backgrounding',
      '--disable-background-timer-throttling',
      '--disable-backgrounding-occluded-windows',
    ],
  })
  let sites = 0
  return {
    version: `Chromium ${browser.version()}`,
    async open(name) {
      // A context of its own gives the page a process of its own.
      const context = await browser.newContext()
      const page = await context.newPage()
      const session = await context.newCDPSession(page)
      await session.send('Performance.enable', { timeDomain: 'threadTicks' })
      await page.exposeFunction('cpu', async () => {
        const { metrics } = await session.send('Performance.getMetrics')
        return metrics.find((metric) => metric.name === 'ThreadTime').value * 1e6
      })
      await page.goto(`http://127.0.0.1:${port}/?${++sites}`)
      await page.evaluate(async (adapter) => {
        const { createMeter } = await import('/measure.mjs')
        globalThis.meter = createMeter(await import(`/.build/${adapter}.mjs`), globalThis.cpu)
      }, name)
      return {
        call: (method, ...args) => page.evaluate(([method, args]) => globalThis.meter[method](...args), [method, args]),
        close: () => context.close(),
      }
    },
    async close() {
      await browser.close()
      server.close()
    },
  }
}
