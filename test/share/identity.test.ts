/** What is shared, and with whom: never what belongs to somebody else. */
import { expect, test } from 'vitest'
import type { ConnectRequest } from '../../src/connect/connect.ts'
import { createTestTabs, flushMessages, createRequest } from './test-tabs.ts'

/** How many requests two tabs need. */
async function count(
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
  ['different positions of the same', 1, {}, { lastEventId: '' }],
  ['the same scope', 1, { scope: 'alice' }],
  ['different scopes', 2, { scope: 'alice' }, { scope: 'bob' }],
  ['a scope and none', 2, { scope: 'alice' }, {}],
  ['an empty scope and none', 2, { scope: '' }, {}],
  ['credentials without a scope', 2, secret],
  [
    'credentials of one scope',
    1,
    { ...secret, scope: 'alice' },
    { ...secret, scope: 'alice', headers: [['authorization', 'Bearer u']] },
  ],
  ['any other header without a scope', 2, { headers: [['x-tenant', '1']] }],
  ['a language', 1, { headers: [['accept-language', 'de']] }],
  ['cookies for another origin without a scope', 2, { init: { credentials: 'include' } }],
  ['cookies for another origin with a scope', 1, { scope: 'alice', init: { credentials: 'include' } }],
  ['a POST', 2, { method: 'POST', scope: 'alice' }],
  ['a DELETE', 2, { method: 'DELETE', scope: 'alice' }],
  ['a run’s first request', 2, { scope: 'alice', headers: [['idempotency-key', 'k']] }],
])('%s: %i', async (_, expected, one, other) => {
  expect(await count(one, other)).toBe(expected)
})

test('tabs of another name are another group', async () => {
  expect(await count({}, {}, ['app', 'other'])).toBe(2)
  // Names and scopes can't be mistaken for each other.
  expect(await count({ scope: 'x"],["y' }, { scope: 'y' }, ['app', 'app",["x'])).toBe(2)
})

test('no header of a request, and no part of its address, is ever said', async () => {
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
  const said = JSON.stringify(browser.messages)
  expect(said).toContain('snapshot')
  expect(said).not.toMatch(/s3cret|Bearer|authorization/)
})

test('each leader shows its own credentials, those of its own request', async () => {
  const { open, network } = createTestTabs()
  const as = (token: string) =>
    createRequest({ scope: 'alice', credentialHeaders: ['authorization'], headers: [['authorization', token]] })
  const leading = open().connect(as('Bearer one'))
  await flushMessages()
  const wire = network.last.respond()
  const leader = await leading
  const follower = await open().connect(as('Bearer two'))
  wire.send({ data: 'a', id: '1' })
  await leader.read()
  await follower.read()
  leader.cancel()
  await flushMessages()
  expect(network.attempts.map(({ headers }) => headers.authorization)).toEqual(['Bearer one', 'Bearer two'])
})
