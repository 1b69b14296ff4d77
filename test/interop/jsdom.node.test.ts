/** The client in a window of jsdom, which has neither `fetch` nor streams of its own. */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { trapUnhandled } from '../support/unhandled.ts'
import { installProject } from './install-project.ts'
import { buildProgram } from './platforms/build-program.ts'
import { registerPlatformCases } from './platforms/cases.ts'

trapUnhandled()

interface Window {
  eval(code: string): unknown
  close(): void
}

let code: string
let JSDOM: new (html: string, options: object) => { window: Window }
let nodeFetch: typeof fetch
beforeAll(async () => {
  const load = createRequire(join(installProject('jsdom'), 'package.json'))
  JSDOM = (load('jsdom') as { JSDOM: typeof JSDOM }).JSDOM
  nodeFetch = (load('node-fetch') as { default: typeof fetch }).default
  code = await buildProgram('iife')
}, 300_000)

/** Opens a window at `url`, gives it further globals, and runs the program in it. */
function openWindow(url: string, globals: object): Window {
  const { window } = new JSDOM('', { url, runScripts: 'outside-only' })
  onTestFinished(() => window.close())
  Object.assign(window, globals)
  window.eval(code)
  return window
}

describe.each<[string, () => object]>([
  ['node-fetch, and the AbortController of jsdom', () => ({ fetch: nodeFetch })],
  // Since version 24, the fetch of Node rejects the signals of jsdom.
  ['the fetch and the AbortController of Node', () => ({ fetch, AbortController, AbortSignal })],
])('a window with %s', (_title, globals) => {
  test('it has no streams', () => {
    const window = openWindow('http://localhost/', globals())
    expect(window.eval('[typeof location, typeof ReadableStream, typeof TransformStream].join()')).toBe(
      'object,undefined,undefined',
    )
  })

  registerPlatformCases(async (name, url) => openWindow(url, globals()).eval(`program.${name}(${JSON.stringify(url)})`))
})
