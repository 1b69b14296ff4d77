/** Network status of the platform: reconnect hints and `isOffline`. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { platformNetworkStatus } from '../../src/source/network-status.ts'

afterEach(() => vi.unstubAllGlobals())

/** Stubs the globals of a window with the given visibility and returns its event target. */
function createWindow(visibilityState?: string): EventTarget {
  const target = new EventTarget()
  vi.stubGlobal('addEventListener', target.addEventListener.bind(target))
  vi.stubGlobal('removeEventListener', target.removeEventListener.bind(target))
  vi.stubGlobal('document', visibilityState && { visibilityState })
  return target
}

describe('reconnect hints', () => {
  test.each([
    ['[F40] an online event in a visible page is a hint', 'online', 'visible', 1],
    ['[F40] an online event in a hidden page is a hint', 'online', 'hidden', 1],
    ['[F41] a pageshow event is a hint', 'pageshow', 'visible', 1],
    ['[F41] a page that becomes visible is a hint', 'visibilitychange', 'visible', 1],
    ['a page that becomes hidden is not a hint', 'visibilitychange', 'hidden', 0],
    ['[F40] an online event in a worker, which has no document, is a hint', 'online', undefined, 1],
  ])('%s', (_, type, visibility, times) => {
    const target = createWindow(visibility)
    const received = vi.fn()
    const stop = platformNetworkStatus.onReconnectHint(received)
    target.dispatchEvent(new Event(type))
    expect(received).toHaveBeenCalledTimes(times)
    stop()
    target.dispatchEvent(new Event(type))
    expect(received).toHaveBeenCalledTimes(times)
  })

  test('listening for hints does not fail without browser globals', () => {
    vi.stubGlobal('addEventListener', undefined)
    vi.stubGlobal('removeEventListener', undefined)
    platformNetworkStatus.onReconnectHint(() => {})()
  })
})

test.each([
  [{ onLine: false }, true],
  [{ onLine: true }, false],
  [{}, false],
  [undefined, false],
])('[F40] with navigator %o, isOffline() returns %s', (navigator, offline) => {
  vi.stubGlobal('navigator', navigator)
  expect(platformNetworkStatus.isOffline()).toBe(offline)
})
