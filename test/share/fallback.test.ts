/** Tests of the fallback when tabs cannot share: each tab opens its own connection, and onFallback gets the reason. */
import { expect, test, vi } from 'vitest'
import { shareAcrossTabs } from '../../src/share.ts'
import { createScriptedNetwork } from '../support/scripted-connect.ts'
import { createTestTabs, flushMessages, createRequest } from './test-tabs.ts'

test('tabs do not share without Web Locks, as in Node 20 and on insecure pages', async () => {
  vi.stubGlobal('navigator', {})
  const network = createScriptedNetwork()
  const reasons: unknown[] = []
  const connect = shareAcrossTabs({
    name: 'app',
    connect: network.connect,
    onFallback: (reason) => reasons.push(reason),
  })
  for (let count = 0; count < 2; count++) void connect(createRequest())
  expect(network.attempts).toHaveLength(2)
  expect(reasons).toEqual([expect.objectContaining({ message: 'Web Locks are not available' })])
})

test('tabs do not share without BroadcastChannel', async () => {
  vi.stubGlobal('BroadcastChannel', undefined)
  const network = createScriptedNetwork()
  const reasons: unknown[] = []
  const { locks } = createTestTabs().browser.openTab()
  const connect = shareAcrossTabs({
    name: 'app',
    locks,
    connect: network.connect,
    onFallback: (reason) => reasons.push(reason),
  })
  for (let count = 0; count < 2; count++) void connect(createRequest())
  expect(network.attempts).toHaveLength(2)
  expect(reasons).toEqual([expect.any(TypeError)])
})

test('a tab does not share if locks are denied, as in a sandboxed frame', async () => {
  const { open, network } = createTestTabs()
  const reasons: unknown[] = []
  const denied = new DOMException('Denied', 'SecurityError')
  const tab = open({ locks: { request: () => Promise.reject(denied) }, onFallback: (reason) => reasons.push(reason) })
  const pending = tab.connect(createRequest())
  await flushMessages()
  network.last.respond()
  expect((await pending).status).toBe(200)
  void tab.connect(createRequest())
  expect(network.attempts).toHaveLength(2)
  expect(reasons).toEqual([denied])
})

test('onFallback is optional', () => {
  vi.stubGlobal('navigator', undefined)
  const network = createScriptedNetwork()
  void shareAcrossTabs({ name: 'app', connect: network.connect })(createRequest())
  expect(network.attempts).toHaveLength(1)
})

test('shareAcrossTabs() does not access the platform before the first request', () => {
  vi.stubGlobal('navigator', undefined)
  vi.stubGlobal('BroadcastChannel', undefined)
  expect(() => shareAcrossTabs({ name: 'app' })).not.toThrow()
})
