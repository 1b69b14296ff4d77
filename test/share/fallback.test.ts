/** Where nothing can be shared: each tab has its own connection, and its user is told why. */
import { expect, test, vi } from 'vitest'
import { shareAcrossTabs } from '../../src/share.ts'
import { createScriptedNetwork } from '../support/scripted-connect.ts'
import { createTestTabs, flushMessages, createRequest } from './test-tabs.ts'

test('without Web Locks, as in Node and on insecure pages', async () => {
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
  expect(reasons).toEqual([expect.objectContaining({ message: 'No Web Locks' })])
})

test('without BroadcastChannel', async () => {
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

test('where locks are denied, as to a sandboxed frame', async () => {
  const { open, network } = createTestTabs()
  const reasons: unknown[] = []
  const denied = new DOMException('No', 'SecurityError')
  const tab = open({ locks: { request: () => Promise.reject(denied) }, onFallback: (reason) => reasons.push(reason) })
  const pending = tab.connect(createRequest())
  await flushMessages()
  network.last.respond()
  expect((await pending).status).toBe(200)
  void tab.connect(createRequest())
  expect(network.attempts).toHaveLength(2)
  expect(reasons).toEqual([denied])
})

test('nobody has to listen', () => {
  vi.stubGlobal('navigator', undefined)
  const network = createScriptedNetwork()
  void shareAcrossTabs({ name: 'app', connect: network.connect })(createRequest())
  expect(network.attempts).toHaveLength(1)
})

test('making one touches nothing of the platform', () => {
  vi.stubGlobal('navigator', undefined)
  vi.stubGlobal('BroadcastChannel', undefined)
  expect(() => shareAcrossTabs({ name: 'app' })).not.toThrow()
})
