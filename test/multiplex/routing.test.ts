/** What is carried, what has a connection of its own, and where redirects lead. */
import { describe, expect, test } from 'vitest'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { controlEvent, createTestMultiplex, openEvent } from './test-multiplex.ts'

describe('has a connection of its own', () => {
  const formData = new FormData()
  test.each([
    ['another origin', { url: 'https://other.test/stream' }],
    ['another port', { url: 'https://api.test:8443/stream' }],
    ['a binary body', { method: 'POST', body: new Uint8Array([1]) }],
    ['a body that only fetch understands', { method: 'POST', init: { body: formData } }],
    ['a body that is too long for operations', { method: 'POST', body: 'x'.repeat(100_001) }],
    ['cookies that the carrier does not send', { init: { credentials: 'include' as const } }],
    ['a mode of its own', { init: { mode: 'same-origin' as const } }],
    ['redirects of its own', { init: { redirect: 'error' as const } }],
    ['a cache of its own', { init: { cache: 'reload' as const } }],
  ])('%s', async (_, request) => {
    const testMultiplex = createTestMultiplex()
    testMultiplex.requestStream()
    await testMultiplex.openChannel()
    const headers: [string, string][] = [['authorization', 'secret']]
    testMultiplex.requestStream({ headers, ...request })
    await flushMicrotasks()
    expect(testMultiplex.channelRequests).toHaveLength(2)
    expect(testMultiplex.channelRequests[1]!.request).toMatchObject({
      url: 'https://api.test/stream',
      headers,
      ...request,
    })
    expect(testMultiplex.operations).toHaveLength(1)
  })

  test('a stream of another subject, which is misdirected to this carrier', async () => {
    const testMultiplex = createTestMultiplex()
    const { connection } = testMultiplex.requestStream({ headers: [['authorization', 'of another']] })
    const channel = await testMultiplex.openChannel()
    channel.send(controlEvent(1, 'open', { status: 421 }), controlEvent(1, 'close', { status: 421, problem: '{}' }))
    await flushMicrotasks()
    expect(testMultiplex.channelRequests.at(-1)!.request).toMatchObject({
      url: 'https://api.test/stream',
      headers: [['authorization', 'of another']],
    })
    testMultiplex.channelRequests.at(-1)!.respond({ status: 200 })
    expect(await connection).toMatchObject({ status: 200 })
  })
})

describe('is carried', () => {
  test.each([
    ['what fetch is told for the carrier as well', { init: { credentials: 'include' as const } }],
    [
      'options that are not of fetch',
      { init: { retry: false, json: {}, mode: undefined, signal: null } as unknown as RequestInit },
    ],
    ['a body of text', { method: 'POST', body: 'x'.repeat(100_000) }],
    ['DELETE', { method: 'DELETE' }],
  ])('%s', async (_, request) => {
    const testMultiplex = createTestMultiplex({ init: { credentials: 'include' } })
    testMultiplex.requestStream(request)
    await testMultiplex.openChannel()
    expect(testMultiplex.operations).toHaveLength(1)
  })

  test('over a channel without a known origin, as mocks in process have it', async () => {
    const testMultiplex = createTestMultiplex({}, '/channel')
    const { connection } = testMultiplex.requestStream({ url: '/stream?x' })
    const channel = await testMultiplex.openChannel()
    expect([testMultiplex.channelRequests[0]!.request.url, testMultiplex.operations[0]!['path']]).toEqual([
      '/channel',
      '/stream?x',
    ])
    channel.send(openEvent(1, { url: '/stream?x' }))
    expect((await connection).url).toBe('/stream?x')
  })
})

describe('redirects', () => {
  const redirect = (key: number, status: number, location: string) => [
    controlEvent(key, 'open', { status, headers: { location } }),
    controlEvent(key, 'close', { status }),
  ]

  test.each([301, 302, 303, 307, 308])('[F13] %i within the origin is followed on the carrier', async (status) => {
    const testMultiplex = createTestMultiplex()
    const { connection } = testMultiplex.requestStream({
      headers: [['authorization', 't']],
      credentialHeaders: ['authorization'],
      lastEventId: 'a',
    })
    const channel = await testMultiplex.openChannel()
    channel.send(...redirect(1, status, '../moved?x'))
    await flushMicrotasks()
    expect(testMultiplex.operations[1]).toMatchObject({
      op: 'open',
      key: '2',
      method: 'GET',
      path: '/moved?x',
      headers: [['authorization', 't']],
      lastEventId: 'a',
    })
    channel.send(openEvent(2, { url: '/moved?x' }))
    expect(await connection).toMatchObject({ status: 200, url: 'https://api.test/moved?x' })
  })

  test('[F13] a POST stays one with 307, and becomes a GET without its body with 303', async () => {
    const testMultiplex = createTestMultiplex()
    testMultiplex.requestStream({ method: 'POST', body: '{}', headers: [['content-type', 'application/json']] })
    const channel = await testMultiplex.openChannel()
    channel.send(...redirect(1, 307, '/there'))
    await flushMicrotasks()
    expect(testMultiplex.operations[1]).toMatchObject({ method: 'POST', path: '/there', body: '{}' })
    channel.send(...redirect(2, 303, '/result'))
    await flushMicrotasks()
    expect(testMultiplex.operations[2]).toEqual({
      op: 'open',
      key: '3',
      method: 'GET',
      path: '/result',
      headers: [],
      window: 0x40000,
    })
  })

  test('[F14] to another origin: no credential goes there, and nothing of the channel', async () => {
    const testMultiplex = createTestMultiplex()
    testMultiplex.requestStream({
      headers: [
        ['authorization', 't'],
        ['x-api-key', 'k'],
        ['x-tenant', '1'],
      ],
      credentialHeaders: ['x-api-key'],
    })
    const channel = await testMultiplex.openChannel()
    channel.send(...redirect(1, 302, 'https://other.test/stream'))
    await flushMicrotasks()
    expect(testMultiplex.channelRequests.at(-1)!.request).toMatchObject({
      url: 'https://other.test/stream',
      headers: [['x-tenant', '1']],
    })
  })

  test('[F13] without end: one error', async () => {
    const testMultiplex = createTestMultiplex()
    const { connection } = testMultiplex.requestStream()
    const channel = await testMultiplex.openChannel()
    for (let count = 1; count <= 21; count++) {
      channel.send(...redirect(count, 302, '/again'))
      await flushMicrotasks()
    }
    await expect(connection).rejects.toThrow('Redirect not followed')
    expect(testMultiplex.operations.filter(({ op }) => op === 'open')).toHaveLength(21)
  })
})
