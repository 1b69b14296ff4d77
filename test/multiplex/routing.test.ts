/** Tests of which requests use the channel, which get connections of their own, and how redirects are followed. */
import { describe, expect, test } from 'vitest'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { controlEvent, createTestMultiplex, openEvent } from './test-multiplex.ts'

describe('a connection of its own', () => {
  const formData = new FormData()
  test.each([
    ['a request to another origin', { url: 'https://other.test/stream' }],
    ['a request to another port', { url: 'https://api.test:8443/stream' }],
    ['a request with a binary body', { method: 'POST', body: new Uint8Array([1]) }],
    ['a request with a body that only fetch accepts', { method: 'POST', init: { body: formData } }],
    ['a request with a body above 100,000 characters', { method: 'POST', body: 'x'.repeat(100_001) }],
    ['a request with a different credentials mode than the channel', { init: { credentials: 'include' as const } }],
    ['a request with its own mode', { init: { mode: 'same-origin' as const } }],
    ['a request with its own redirect mode', { init: { redirect: 'error' as const } }],
    ['a request with its own cache mode', { init: { cache: 'reload' as const } }],
  ])('%s gets a connection of its own', async (_, request) => {
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

  test('a request from whose origin credentials are withheld gets a connection of its own, because the channel has some', async () => {
    const testMultiplex = createTestMultiplex()
    testMultiplex.requestStream({ headers: [['authorization', 'secret']] })
    await testMultiplex.openChannel()
    testMultiplex.requestStream({ withheldFrom: 'https://api.test' })
    await flushMicrotasks()
    expect(testMultiplex.channelRequests[1]!.request.url).toBe('https://api.test/stream')
    expect(testMultiplex.operations).toHaveLength(1)
  })

  test('a request from whose origin credentials are withheld does not decide where a relative channel URL leads', async () => {
    const testMultiplex = createTestMultiplex({}, '/channel')
    testMultiplex.requestStream({ url: 'https://other.test/stream', withheldFrom: 'https://other.test' })
    await flushMicrotasks()
    expect(testMultiplex.channelRequests[0]!.request.url).toBe('https://other.test/stream')
    testMultiplex.requestStream()
    await flushMicrotasks()
    expect(testMultiplex.channelRequests[1]!.request.url).toBe('https://api.test/channel')
  })

  test('a stream that is rejected with 421 gets a connection of its own', async () => {
    const testMultiplex = createTestMultiplex()
    const { connection } = testMultiplex.requestStream({ headers: [['authorization', 'another subject']] })
    const channel = await testMultiplex.openChannel()
    channel.send(controlEvent(1, 'open', { status: 421 }), controlEvent(1, 'close', { status: 421, problem: '{}' }))
    await flushMicrotasks()
    expect(testMultiplex.channelRequests.at(-1)!.request).toMatchObject({
      url: 'https://api.test/stream',
      headers: [['authorization', 'another subject']],
    })
    testMultiplex.channelRequests.at(-1)!.respond({ status: 200 })
    expect(await connection).toMatchObject({ status: 200 })
  })
})

describe('the channel', () => {
  test.each([
    ['the same fetch options as the channel', { init: { credentials: 'include' as const } }],
    [
      'options unknown to fetch',
      { init: { retry: false, json: {}, mode: undefined, signal: null } as unknown as RequestInit },
    ],
    ['a text body', { method: 'POST', body: 'x'.repeat(100_000) }],
    ['the method DELETE', { method: 'DELETE' }],
  ])('a stream with %s uses the channel', async (_, request) => {
    const testMultiplex = createTestMultiplex({ init: { credentials: 'include' } })
    testMultiplex.requestStream(request)
    await testMultiplex.openChannel()
    expect(testMultiplex.operations).toHaveLength(1)
  })

  test('a channel with a relative URL carries streams with relative URLs if no origin is known', async () => {
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

  test.each([301, 302, 303, 307, 308])(
    '[F13] a redirect with status %i within the origin is followed on the channel',
    async (status) => {
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
    },
  )

  test('[F13] a POST stays a POST when redirected with 307, and becomes a GET without a body when redirected with 303', async () => {
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

  test('[F14] a stream that is redirected to another origin gets a connection of its own, without credentials', async () => {
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

  test('[F13] a redirect closes the stream that it answers, and the request of its target is otherwise the same', async () => {
    const testMultiplex = createTestMultiplex()
    const init = { priority: 'high' } as const
    testMultiplex.requestStream({ scope: 'user', init, maxEventSize: 7, body: '{}', method: 'POST' })
    const channel = await testMultiplex.openChannel()
    channel.send(controlEvent(1, 'open', { status: 307, headers: { location: 'https://other.test/x' } }))
    await flushMicrotasks()
    expect(testMultiplex.operations.at(-1)).toEqual({ op: 'close', key: '1' })
    const { request } = testMultiplex.channelRequests.at(-1)!
    expect(request).toMatchObject({
      url: 'https://other.test/x',
      scope: 'user',
      init,
      maxEventSize: 7,
      body: '{}',
      method: 'POST',
    })
    expect(request).not.toHaveProperty('redirect')
  })

  test('[F13] a body that only fetch accepts is sent again after a redirect with 307, but not with 303', async () => {
    const testMultiplex = createTestMultiplex()
    const init = { body: new FormData() }
    testMultiplex.requestStream({ method: 'POST', init })
    await flushMicrotasks()
    testMultiplex.channelRequests[0]!.respond({ status: 307, headers: { location: '/there' } })
    await flushMicrotasks()
    expect(testMultiplex.channelRequests[1]!.request).toMatchObject({ method: 'POST', init })
    testMultiplex.channelRequests[1]!.respond({ status: 303, headers: { location: '/result' } })
    await testMultiplex.openChannel()
    expect(testMultiplex.operations.at(-1)).toMatchObject({ op: 'open', method: 'GET', path: '/result' })
  })

  test.each([100, 199, 304, 999])(
    'the status %i, which no response of fetch can have with a body, is passed on',
    async (status) => {
      const testMultiplex = createTestMultiplex()
      const { connection } = testMultiplex.requestStream()
      const channel = await testMultiplex.openChannel()
      channel.send(openEvent(1, { status, headers: { location: '/x' } }))
      expect(await connection).toMatchObject({ status })
    },
  )

  test('[F13] an endless redirect loop rejects with one error', async () => {
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
