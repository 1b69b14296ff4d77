/** Runs the EventSource conformance cases in windows and workers of Chromium, for `rivulet/event-source` and the native implementation. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { type Browser, type Page, chromium } from 'playwright'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import {
  type CannedResponseServer,
  startCannedResponseServer,
} from '../event-source/standard/canned-response-server.ts'
import type { Realm } from '../event-source/standard/case.ts'
import { cases } from '../event-source/standard/cases.ts'

const realms = ['window', 'dedicated worker', 'shared worker', 'service worker'] as const
const implementations = ['ours', 'native'] as const

/**
 * Cases that an implementation over `fetch` cannot pass: it cannot create trusted events, cannot send
 * `Last-Event-ID` across origins without a preflight, and cannot distinguish a CORS refusal or a stopped page load,
 * which must not be retried, from an unreachable server, which must be.
 */
const failingWithFetch = [
  'eventsource-request-cancellation',
  'eventsource-onmessage-trusted',
  'eventsource-cross-origin: no Allow-Credentials should fail',
  'eventsource-cross-origin: another origin should fail',
  'eventsource-cross-origin: no origin should fail',
  'eventsource-cross-origin-preflight: safe `last-event-id` (no preflight)',
]

/** Cases in which Chromium deviates from the standard: a host name with spaces, IDs that need a preflight, a charset that must be ignored. */
const failingInChromium = [
  'eventsource-constructor-url-bogus',
  'eventsource-cross-origin-preflight: unsafe `last-event-id` (too long)',
  'eventsource-cross-origin-preflight: unsafe `last-event-id` (unsafe characters)',
  'format-utf-8',
]

/** The script of every kind of worker: receives the arguments of `runStandard` on a port and posts the results back. */
const worker = `importScripts('/polyfill.js', '/cases.js')
const answer = (port) => (port.onmessage = ({ data }) => runStandard(...data).then((results) => port.postMessage(results)))
onconnect = ({ ports }) => answer(ports[0])
onmessage = ({ ports }) => ports.length && answer(ports[0])`
const frame = `<script src="/cases.js"></script>`
const frameWithPolyfill = `<script src="/polyfill.js"></script><script>RivuletEventSource.install()</script>`

let server: CannedResponseServer
let browser: Browser
let page: Page

beforeAll(async () => {
  const bundle = await build({
    entryPoints: [fileURLToPath(new URL('../event-source/standard/realm.ts', import.meta.url))],
    bundle: true,
    format: 'iife',
    target: 'es2022',
    write: false,
  })
  const polyfill = readFileSync(new URL('../../dist/event-source.global.min.js', import.meta.url), 'utf8')
  const script = 'text/javascript'
  server = await startCannedResponseServer({
    '/': ['text/html', '<script src="/polyfill.js"></script><script src="/cases.js"></script>'],
    '/cases.js': [script, bundle.outputFiles[0]!.text],
    '/polyfill.js': [script, polyfill],
    '/worker.js': [script, worker],
    '/folder/frame.html': ['text/html', frame],
    '/folder/frame-with-polyfill.html': ['text/html', frameWithPolyfill],
  })
  const { executablePath, args } = inject('chromium')
  browser = await chromium.launch({ args, ...(executablePath && { executablePath }) })
  page = await browser.newPage()
  await page.goto(server.url)
})
afterAll(async () => {
  await browser.close()
  await server.close()
})

/** Runs all cases in a realm; resolves with an error message for each case, which is empty if the case passed. */
const run = (realm: Realm, implementation: 'native' | 'ours'): Promise<Record<string, string>> =>
  page.evaluate(
    async ([realm, implementation, servers]) => {
      if (realm === 'window') return globalThis.runStandard(realm, implementation, servers)
      const { port1, port2 } = new MessageChannel()
      let port: MessagePort = port1
      if (realm === 'shared worker') port = new SharedWorker('/worker.js').port
      else if (realm === 'dedicated worker') new Worker('/worker.js').postMessage('', [port2])
      else {
        await navigator.serviceWorker.register('/worker.js')
        const { active } = await navigator.serviceWorker.ready
        active!.postMessage('', [port2])
      }
      return new Promise((resolve) => {
        port.addEventListener('message', ({ data }) => resolve(data as Record<string, string>))
        port.start()
        port.postMessage([realm, implementation, servers])
      })
    },
    [realm, implementation, { url: server.url, otherUrl: server.otherUrl }] as const,
  )

for (const realm of realms) {
  const selected = cases
    .filter(({ realms: limitedTo }) => !limitedTo || limitedTo.includes(realm))
    .map(({ name }) => name)
  for (const implementation of implementations) {
    describe(`${implementation === 'ours' ? 'rivulet/event-source' : 'native EventSource'} in a ${realm}`, () => {
      let results: Record<string, string>
      beforeAll(async () => {
        results = await run(realm, implementation)
      })
      const expectedFailures = implementation === 'ours' ? failingWithFetch : failingInChromium
      test.each(selected.filter((name) => !expectedFailures.includes(name)))('case %s passes', (name) => {
        expect(results[name]).toBe('')
      })
      // If a case in these lists passes, remove it from its list and update docs/from-eventsource.md.
      test.each(selected.filter((name) => expectedFailures.includes(name)))('case %s fails, as documented', (name) => {
        expect(results[name]).not.toBe('')
      })
    })
  }
}
