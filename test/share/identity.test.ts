/** Tests of which requests share a connection: no data or credentials may reach other users. */
import { expect, test } from 'vitest'
import type { ConnectRequest } from '../../src/connect/connect.ts'
import { createTestTabs, flushMessages, createRequest } from './test-tabs.ts'

/** Returns the number of connections that two tabs open for these requests. */
async function countConnections(
  one: Partial<ConnectRequest>,
  other: Partial<ConnectRequest> = one,
  names = ['app', 'app'],
): Promise<number> {
  const { open, network } = createTestTabs()
  for (const [index, more] of [one, other].entries()) {
    void open({ name: names[index]! }).connect(createRequest(more))
    await flushMessages()
  }
  return network.attempts.length
}

const secret: Partial<ConnectRequest> = {
  headers: [['authorization', 'Bearer t']],
  credentialHeaders: ['authorization'],
}

test.each<[string, number, Partial<ConnectRequest>, Partial<ConnectRequest>?]>([
  ['the same URL', 1, {}],
  ['different URLs', 2, {}, { url: 'https://example.com/feed?q=2' }],
  ['different cursors for the same URL', 1, {}, { lastEventId: '' }],
  ['the same scope', 1, { scope: 'alice' }],
  ['different scopes', 2, { scope: 'alice' }, { scope: 'bob' }],
  ['a scope and no scope', 2, { scope: 'alice' }, {}],
  ['an empty scope and no scope', 2, { scope: '' }, {}],
  ['credentials without a scope', 2, secret],
  [
    'different credentials with the same scope',
    1,
    { ...secret, scope: 'alice' },
    { ...secret, scope: 'alice', headers: [['authorization', 'Bearer u']] },
  ],
  ['any other header without a scope', 2, { headers: [['x-tenant', '1']] }],
  ['an accept-language header without a scope', 1, { headers: [['accept-language', 'de']] }],
  ['cookies for another origin without a scope', 2, { init: { credentials: 'include' } }],
  ['cookies for another origin with a scope', 1, { scope: 'alice', init: { credentials: 'include' } }],
  ['POST requests', 2, { method: 'POST', scope: 'alice' }],
  ['DELETE requests', 2, { method: 'DELETE', scope: 'alice' }],
  ['the first requests of runs', 2, { scope: 'alice', headers: [['idempotency-key', 'k']] }],
])('two tabs with %s need %i connection(s)', async (_, expected, one, other) => {
  expect(await countConnections(one, other)).toBe(expected)
})

test('tabs with different names do not share a connection', async () => {
  expect(await countConnections({}, {}, ['app', 'other'])).toBe(2)
  // The separator between name and scope is unambiguous.
  expect(await countConnections({ scope: 'x"],["y' }, { scope: 'y' }, ['app', 'app",["x'])).toBe(2)
})

test('messages contain no request headers and no URL query', async () => {
  const { open, browser, network } = createTestTabs()
  const url = 'https://example.com/feed?token=s3cret'
  const own = createRequest({ ...secret, url, scope: 's3cret' })
  const leading = open().connect(own)
  await flushMessages()
  network.last.respond({
    url: 'https://example.com/moved?token=s3cret',
    headers: { 'content-type': 'text/event-stream', 'set-cookie': 's3cret' },
  })
  expect((await leading).url).toBe('https://example.com/moved?token=s3cret')
  expect((await open().connect(own)).url).toBe('https://example.com/moved')
  const messages = JSON.stringify(browser.messages)
  expect(messages).toContain('snapshot')
  expect(messages).not.toMatch(/s3cret|Bearer|authorization/)
})

test('each leader connects with the credentials of its own request', async () => {
  const { open, network } = createTestTabs()
  const requestAs = (token: string) =>
    createRequest({ scope: 'alice', credentialHeaders: ['authorization'], headers: [['authorization', token]] })
  const leading = open().connect(requestAs('Bearer one'))
  await flushMessages()
  const wire = network.last.respond()
  const leader = await leading
  const follower = await open().connect(requestAs('Bearer two'))
  wire.send({ data: 'a', id: '1' })
  await leader.read()
  await follower.read()
  leader.cancel()
  await flushMessages()
  expect(network.attempts.map(({ headers }) => headers.authorization)).toEqual(['Bearer one', 'Bearer two'])
})
