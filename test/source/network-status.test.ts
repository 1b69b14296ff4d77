/** What a page's own events say. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { platformNetworkStatus } from '../../src/source/network-status.ts'

afterEach(() => vi.unstubAllGlobals())

/** A window with this visibility. */
function createWindow(visibilityState?: string): EventTarget {
  const target = new EventTarget()
  vi.stubGlobal('addEventListener', target.addEventListener.bind(target))
  vi.stubGlobal('removeEventListener', target.removeEventListener.bind(target))
  vi.stubGlobal('document', visibilityState && { visibilityState })
  return target
}

describe('what wakes', () => {
  test.each([
    ['[F40] online', 'online', 'visible', 1],
    ['[F40] online, hidden', 'online', 'hidden', 1],
    ['[F41] pageshow', 'pageshow', 'visible', 1],
    ['[F41] seen', 'visibilitychange', 'visible', 1],
    ['hidden does not', 'visibilitychange', 'hidden', 0],
    ['[F40] online in a worker, which has no document', 'online', undefined, 1],
  ])('%s', (_, type, visibility, times) => {
    const target = createWindow(visibility)
    const received = vi.fn()
    const ignore = platformNetworkStatus.onReconnectHint(received)
    target.dispatchEvent(new Event(type))
    expect(received).toHaveBeenCalledTimes(times)
    ignore()
    target.dispatchEvent(new Event(type))
    expect(received).toHaveBeenCalledTimes(times)
  })

  test('on a server nothing does, and nothing fails', () => {
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
])('[F40] with a navigator of %o offline is %s', (navigator, offline) => {
  vi.stubGlobal('navigator', navigator)
  expect(platformNetworkStatus.isOffline()).toBe(offline)
})
