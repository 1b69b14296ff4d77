/** Requests that fail while the page is being left are reported only if the page stays. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { fetchConnect } from '../../src/connect/fetch.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { createScriptedFetch } from '../support/scripted-fetch.ts'

let page: EventTarget
const leave = (): boolean => page.dispatchEvent(new Event('beforeunload'))

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  page = new EventTarget()
  vi.stubGlobal('addEventListener', page.addEventListener.bind(page))
  vi.stubGlobal('removeEventListener', page.removeEventListener.bind(page))
})
afterEach(() => {
  // The page stays, for the next test.
  page.dispatchEvent(new Event('pageshow'))
  vi.useRealTimers()
})

/** Starts a request and returns what it has led to so far: nothing, or the code of its error. */
function connect() {
  const { fetch, calls } = createScriptedFetch()
  const controller = new AbortController()
  const connecting = fetchConnect(fetch)({
    url: 'https://api.test/',
    method: 'GET',
    headers: [],
    credentialHeaders: [],
    maxEventSize: 1_000,
    signal: controller.signal,
  })
  const codes: unknown[] = []
  const record = (promise: Promise<unknown>) =>
    promise.catch(({ code, name }) => codes.push(name === 'AbortError' ? name : code))
  return { call: calls[0]!, connecting, controller, codes, record }
}

test('a read that fails without a page exit is reported at once', async () => {
  const { call, connecting, codes, record } = connect()
  const body = call.respond()
  void record((await connecting).read())
  body.error(new TypeError('Load failed'))
  await flushMicrotasks()
  expect(codes).toEqual(['network'])
})

test('[F41] a read that fails after beforeunload is reported once the page has stayed for two seconds', async () => {
  const { call, connecting, codes, record } = connect()
  const body = call.respond()
  void record((await connecting).read())
  leave()
  body.error(new TypeError('Load failed'))
  await vi.advanceTimersByTimeAsync(1_999)
  expect(codes).toEqual([])
  await vi.advanceTimersByTimeAsync(1)
  expect(codes).toEqual(['network'])
})

test('[F41] a request that fails after beforeunload is reported at once when the page returns from the back/forward cache', async () => {
  const { call, connecting, codes, record } = connect()
  void record(connecting)
  leave()
  call.fail(new TypeError('Load failed'))
  await flushMicrotasks()
  expect(codes).toEqual([])
  page.dispatchEvent(new Event('pageshow'))
  await flushMicrotasks()
  expect(codes).toEqual(['network'])
  expect(vi.getTimerCount()).toBe(0)
})

test('a page that stayed, as for a download, reports later failures at once', async () => {
  const first = connect()
  void first.record(first.connecting)
  leave()
  first.call.fail(new TypeError('Load failed'))
  await vi.advanceTimersByTimeAsync(2_000)
  const second = connect()
  void second.record(second.connecting)
  second.call.fail(new TypeError('Load failed'))
  await flushMicrotasks()
  expect(second.codes).toEqual(['network'])
})

test('a request that is aborted while its failure is held back rejects with the reason', async () => {
  const { call, connecting, controller, codes, record } = connect()
  void record(connecting)
  leave()
  call.fail(new TypeError('Load failed'))
  controller.abort()
  await vi.advanceTimersByTimeAsync(2_000)
  expect(codes).toEqual(['AbortError'])
})
