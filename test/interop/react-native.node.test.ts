/** The client with React Native's `fetch`: whatwg-fetch on top of `XMLHttpRequest`, whose responses have no body. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { trapUnhandled } from '../support/unhandled.ts'
import { installProject } from './install-project.ts'
import { buildProgram } from './platforms/build-program.ts'
import type { Call } from './platforms/cases.ts'
import { startPlatformServer } from './platforms/server.ts'

trapUnhandled()

interface Window {
  eval(code: string): Promise<unknown>
  close(): void
}

let scripts: string[]
let JSDOM: new (html: string, options: object) => { window: Window }
beforeAll(async () => {
  const load = createRequire(join(installProject('react-native'), 'package.json'))
  JSDOM = (load('jsdom') as { JSDOM: typeof JSDOM }).JSDOM
  // It sets the globals `fetch`, `Headers`, `Request` and `Response`, as React Native does with the same package.
  const polyfill = readFileSync(load.resolve('whatwg-fetch/dist/fetch.umd.js'), 'utf8')
  scripts = [polyfill, await buildProgram('iife')]
}, 300_000)

/** Runs code in a window that has React Native's `fetch`; the origin is that of `url`. */
function evaluate(url: string, code: string): Promise<unknown> {
  const { window } = new JSDOM('', { url, runScripts: 'outside-only' })
  onTestFinished(() => window.close())
  for (const script of scripts) void window.eval(script)
  return window.eval(code)
}
const call: Call = (name, url) => evaluate(url, `program.${name}(${JSON.stringify(url)})`)

const unsupported = { code: 'unsupported' }

test('its responses have a text, but no body', async () => {
  const { url } = await startPlatformServer()
  const code = "fetch('/refused').then(async (response) => [typeof response.body, await response.text()])"
  expect(await evaluate(url, code)).toEqual(['undefined', 'Only for members: 日本'])
})

test('a feed fails with code unsupported once its response has ended, and is not requested again', async () => {
  const server = await startPlatformServer()
  expect(await call('readFeed', server.url)).toEqual([unsupported])
  expect(server.requestedIds).toEqual([undefined])
})

test('a feed whose response does not end has no response headers, and its connection is closed', async () => {
  const server = await startPlatformServer()
  expect(await call('exceedConnectTimeout', server.url)).toEqual([
    expect.stringContaining('No response headers within 10000 ms (connectTimeout)'),
    'closed',
  ])
})

test('a run fails with code unsupported', async () => {
  const server = await startPlatformServer()
  expect(await call('readRun', server.url)).toEqual(unsupported)
})

test('the error of a refused response has its status and its text', async () => {
  const server = await startPlatformServer()
  expect(await call('readRefusal', server.url)).toEqual({ code: 'http', status: 403, body: 'Only for members: 日本' })
})

test('an EventSource is closed with code unsupported', async () => {
  const server = await startPlatformServer()
  expect(await call('readEventSource', server.url)).toEqual(['open', 'unsupported', 'error, state 2'])
  expect(server.requestedIds).toEqual([undefined])
})
