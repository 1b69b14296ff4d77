/** Headers and credentials: when the callbacks are called, and which origins receive credentials. */
import { describe, expect, test, vi } from 'vitest'
import { apiKey, bearer } from '../../src/request/auth.ts'
import type { ClientOptions } from '../../src/request/options.ts'
import type { AttemptContext } from '../../src/source/source.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { createScriptedNetwork } from '../support/scripted-connect.ts'
import { createTestClient } from '../support/test-client.ts'
import { trapUnhandled } from '../support/unhandled.ts'

const unhandled = trapUnhandled()
const context: AttemptContext = { reason: 'connect', attempt: 1, signal: new AbortController().signal }

describe('headers', () => {
  test("a stream's headers override the client's, and the default Accept header is kept", async () => {
    const { client, network } = createTestClient({ headers: { 'X-A': 'client', 'X-B': 'client' } })
    client.subscribe('/x', {
      headers: [
        ['x-b', 'stream'],
        ['x-c', 'stream'],
      ],
    })
    await flushMicrotasks()
    expect(network.last.headers).toEqual({
      accept: 'text/event-stream',
      'x-a': 'client',
      'x-b': 'stream',
      'x-c': 'stream',
    })
  })

  test('a headers function is called for each attempt', async () => {
    let count = 0
    const headers = vi.fn<(context: AttemptContext) => Promise<HeadersInit>>(async () => ({ 'x-count': `${++count}` }))
    const { client, network, clock } = createTestClient()
    client.subscribe('/x', { headers })
    await flushMicrotasks()
    network.last.fail()
    await clock.advance(1_000)
    expect(network.attempts.map(({ headers: sent }) => sent['x-count'])).toEqual(['1', '2'])
    expect(headers.mock.calls.map(([{ reason, attempt }]) => [reason, attempt])).toEqual([
      ['connect', 1],
      ['connect', 2],
    ])
    expect(headers.mock.calls[0]![0].signal).toBe(network.attempts[0]!.request.signal)
  })
})

describe('[P4.1] built-in auth providers', () => {
  test('bearer() accepts a token or a function that returns one', async () => {
    expect(await bearer('t1')(context)).toEqual({ authorization: 'Bearer t1' })
    const getToken = vi.fn<(context: AttemptContext) => Promise<string>>(async () => 't2')
    expect(await bearer(getToken)(context)).toEqual({ authorization: 'Bearer t2' })
    expect(getToken.mock.calls).toEqual([[context]])
  })

  test('apiKey() sets `X-API-Key` or a custom header', async () => {
    expect(await apiKey('k')(context)).toEqual({ 'X-API-Key': 'k' })
    expect(await apiKey(() => 'k', { header: 'Api-Token' })(context)).toEqual({ 'Api-Token': 'k' })
  })
})

describe('auth', () => {
  test('`auth` is called for each attempt, and the headers that it returns are marked as credentials', async () => {
    let token = 0
    const { client, network, clock } = createTestClient({ auth: bearer(() => `t${++token}`) })
    client.subscribe('/x')
    await flushMicrotasks()
    network.last.fail()
    await clock.advance(1_000)
    expect(network.attempts.map(({ headers }) => headers['authorization'])).toEqual(['Bearer t1', 'Bearer t2'])
    expect(network.last.request.credentialHeaders).toEqual(['authorization'])
  })

  test('`auth` overrides `headers`', async () => {
    const { client, network } = createTestClient({ headers: { authorization: 'Basic x' }, auth: bearer('t') })
    client.subscribe('/x')
    await flushMicrotasks()
    expect(network.last.headers['authorization']).toBe('Bearer t')
  })

  test.each(['/x', 'https://api.test/y', 'https://other.test/y', 'http://api.test:8080/y', '//other.test/y'])(
    'credentials are sent to the origin of the URL that the application passes: %s',
    async (url) => {
      const auth = vi.fn(bearer('t'))
      const { client, network } = createTestClient({ auth })
      client.subscribe(url)
      await flushMicrotasks()
      expect(network.last.headers['authorization']).toBe('Bearer t')
      expect(auth).toHaveBeenCalledTimes(1)
    },
  )

  test("without `baseUrl`, credentials are sent to the stream's own origin", async () => {
    const { client, network } = createTestClient({ baseUrl: undefined as never, auth: bearer('t') })
    client.subscribe('https://any.test/x')
    await flushMicrotasks()
    expect(network.last.headers['authorization']).toBe('Bearer t')
  })

  test.each([
    ['https://api.test/r1', true],
    ['/r1', true],
    ['https://api.test:443/y', true],
    ['http://api.test/y', false],
    ['https://api.test:8443/y', false],
    ['https://sub.api.test/y', false],
    ['https://other.test/y', false],
    ['//other.test/y', false],
  ])('with `baseUrl`, only a cursor URL of the same origin receives credentials: %s (sent: %s)', async (url, sent) => {
    const auth = vi.fn(bearer('t'))
    const { client, network } = createTestClient({ auth })
    client.resume({ url, lastEventId: 'r1:3' }).on('end', () => {})
    await flushMicrotasks()
    expect('authorization' in network.last.headers).toBe(sent)
    expect(auth).toHaveBeenCalledTimes(sent ? 1 : 0)
  })

  test('without `baseUrl`, a cursor URL, which may be untrusted, receives no credentials', async () => {
    const auth = vi.fn(apiKey('k'))
    const { client, network } = createTestClient({ baseUrl: undefined as never, auth })
    const run = client.resume({ url: 'https://any.test/r1', lastEventId: 'r1:3' })
    await flushMicrotasks()
    expect(network.last.request).toMatchObject({ url: 'https://any.test/r1', credentialHeaders: [] })
    expect(network.last.headers).not.toHaveProperty('x-api-key')
    expect(auth).not.toHaveBeenCalled()
    void run.cancel()
    await flushMicrotasks()
    expect(network.last.request.method).toBe('DELETE')
    expect(network.last.headers).not.toHaveProperty('x-api-key')
    network.last.respond({ status: 204 })
    run.detach()
  })

  test('[P3.3] a resume URL of another origin receives no credentials', async () => {
    const { client, network, clock } = createTestClient({ auth: apiKey('k') })
    client.stream('/run').on('start', () => {})
    await flushMicrotasks()
    const connection = network.last.respond()
    connection.send({ type: 'start', data: '{"resume":"https://other.test/r"}', id: '1' })
    connection.end()
    await clock.advance(1_000)
    expect(network.last.request.url).toBe('https://other.test/r')
    expect(network.last.headers).not.toHaveProperty('x-api-key')
  })

  test('a URL of another origin returned by `lastEventId` receives no credentials', async () => {
    const { client, network, clock, open } = createTestClient({
      auth: apiKey('k'),
      lastEventId: (_, id) => `https://other.test/?after=${id}`,
    })
    client.subscribe('/x')
    const connection = await open()
    connection.send({ data: '1', id: '1' })
    connection.end()
    await clock.advance(1_000)
    expect(network.last.request.url).toBe('https://other.test/?after=1')
    expect(network.last.headers).not.toHaveProperty('x-api-key')
  })
})

describe('[F16] a 401', () => {
  test('after a 401, `auth` is called once more for the same attempt', async () => {
    const getToken = vi.fn(({ reason }: AttemptContext) => (reason === 'rejected' ? 'new' : 'old'))
    const { client, network, errors } = createTestClient({ auth: bearer(getToken) })
    client.subscribe('/x')
    await flushMicrotasks()
    network.last.respond({ status: 401 })
    await flushMicrotasks()
    expect(network.attempts.map(({ headers }) => headers['authorization'])).toEqual(['Bearer old', 'Bearer new'])
    expect(getToken.mock.calls.map(([{ reason, attempt }]) => [reason, attempt])).toEqual([
      ['connect', 1],
      ['rejected', 1],
    ])
    expect(errors).toEqual([])
  })

  test('two consecutive 401s end the stream with code auth', async () => {
    const { client, network, errors, clock } = createTestClient({ auth: bearer('t') })
    const { closed } = client.subscribe('/x')
    await flushMicrotasks()
    network.last.respond({ status: 401 })
    await flushMicrotasks()
    network.last.respond({ status: 401 })
    await clock.advance(60_000)
    expect(network.attempts).toHaveLength(2)
    expect(await closed).toMatchObject({ code: 'auth', status: 401 })
    expect(errors).toMatchObject([{ code: 'auth' }])
  })

  test('a 401 without `auth` ends the stream immediately', async () => {
    const { client, network, errors, clock } = createTestClient()
    client.subscribe('/x')
    await flushMicrotasks()
    network.last.respond({ status: 401 })
    await clock.advance(60_000)
    expect(network.attempts).toHaveLength(1)
    expect(errors).toMatchObject([{ code: 'http', status: 401 }])
  })
})

describe('[F38] a failing provider', () => {
  const hang = (): Promise<never> => new Promise(() => {})
  test.each<[string, ClientOptions]>([
    ['an auth provider that rejects', { auth: () => Promise.reject(new Error('offline')) }],
    [
      'an auth provider that throws',
      {
        auth() {
          throw new Error('offline')
        },
      },
    ],
    ['an auth provider that hangs', { auth: hang }],
    ['a headers function that hangs', { headers: hang }],
  ])('%s fails each attempt, and the stream ends with code auth at the retry limit', async (_name, options) => {
    const { client, clock, errors, states } = createTestClient({ ...options, retry: 2, connectTimeout: 5_000 })
    const { closed } = client.subscribe('/x')
    await clock.advance(100_000)
    expect(await closed).toMatchObject({ code: 'auth' })
    expect(errors).toHaveLength(1)
    expect(states.filter(({ status }) => status === 'waiting').map(({ attempt }) => attempt)).toEqual([2, 3])
    expect(clock.pendingDelays).toEqual([])
  })

  test('a provider that recovers lets the stream connect', async () => {
    let calls = 0
    const auth = async (): Promise<HeadersInit> => {
      if (++calls < 3) throw new Error('offline')
      return { authorization: 'Bearer t' }
    }
    const { client, clock, network } = createTestClient({ auth })
    client.subscribe('/x')
    await clock.advance(3_000)
    expect(network.attempts).toHaveLength(1)
    expect(network.last.headers['authorization']).toBe('Bearer t')
  })
})

describe('[F36] after close()', () => {
  test('`auth` is not called if the stream is closed while `headers` is pending', async () => {
    let resolveHeaders!: (headers: HeadersInit) => void
    const headers = (): Promise<HeadersInit> => new Promise((resolve) => (resolveHeaders = resolve))
    const auth = vi.fn(bearer('t'))
    const { client, network } = createTestClient({ headers, auth })
    const feed = client.subscribe('/x')
    await flushMicrotasks()
    feed.close()
    resolveHeaders({ 'x-a': '1' })
    await flushMicrotasks()
    expect(auth).not.toHaveBeenCalled()
    expect(network.attempts).toHaveLength(0)
  })

  test('`onResponse` is not called for a response that arrives after close()', async () => {
    const network = createScriptedNetwork({ ignoreAbort: true })
    const onResponse = vi.fn()
    const { client } = createTestClient({ connect: network.connect, onResponse })
    const feed = client.subscribe('/x')
    await flushMicrotasks()
    feed.close()
    const late = network.last.respond()
    await flushMicrotasks()
    expect(late.cancelled).toBe(true)
    expect(onResponse).not.toHaveBeenCalled()
  })
})

test('an error thrown by `onResponse` is reported, and the stream opens', async () => {
  const thrown = new Error('from the user')
  const statuses: number[] = []
  const { client, open } = createTestClient({
    onResponse({ status, url, headers }) {
      statuses.push(status)
      expect(url).toBe('https://api.test/x')
      expect(headers.get('content-type')).toBe('text/event-stream')
      throw thrown
    },
  })
  const feed = client.subscribe('/x')
  await open()
  expect(feed.state.status).toBe('open')
  expect(statuses).toEqual([200])
  expect(unhandled.reported.splice(0)).toEqual([thrown])
})
