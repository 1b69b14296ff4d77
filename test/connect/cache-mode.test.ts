/** Platforms that reject the `cache` option of `fetch`. */
import { expect, test, vi } from 'vitest'
import type { ConnectRequest } from '../../src/connect/connect.ts'
import { fetchConnect } from '../../src/connect/fetch.ts'

const request = (overrides: Partial<ConnectRequest> = {}): ConnectRequest => ({
  url: 'https://api.test/',
  method: 'POST',
  headers: [],
  credentialHeaders: [],
  body: '{}',
  maxEventSize: 1_000,
  signal: new AbortController().signal,
  ...overrides,
})
/** A `fetch` that rejects the `cache` option with this message. */
const withoutCache = (message: string) =>
  vi.fn(async (_url: unknown, init?: RequestInit) => {
    if ('cache' in init!) throw new TypeError(message)
    return new Response('data: a\n\n')
  })

test.each(["The 'cache' field on 'RequestInitializerDict' is not implemented.", 'Unsupported cache mode: no-store'])(
  '[workerd] a request that fails with %j is sent again without cache, and so are all later requests',
  async (message) => {
    const fetch = withoutCache(message)
    const connect = fetchConnect(fetch)
    expect(await connect(request())).toMatchObject({ status: 200 })
    expect(await connect(request())).toMatchObject({ status: 200 })
    expect(await fetchConnect(fetch as typeof globalThis.fetch)(request())).toMatchObject({ status: 200 })
    expect(fetch.mock.calls.map(([, init]) => [init!.cache, init!.body, init!.method])).toEqual([
      ['no-store', '{}', 'POST'],
      [undefined, '{}', 'POST'],
      [undefined, '{}', 'POST'],
      [undefined, '{}', 'POST'],
    ])
  },
)

test('a fetch that throws synchronously because of cache is called again without it', async () => {
  const fetch = vi.fn((_url: unknown, init?: RequestInit) => {
    if ('cache' in init!) throw new Error("The 'cache' field on 'RequestInitializerDict' is not implemented.")
    return Promise.resolve(new Response(''))
  })
  expect(await fetchConnect(fetch as typeof globalThis.fetch)(request())).toMatchObject({ status: 200 })
})

test('redirects that are followed by hand are requested without cache, too', async () => {
  const fetch = vi.fn(async (url: unknown, init?: RequestInit) => {
    if ('cache' in init!) throw new Error("The 'cache' field on 'RequestInitializerDict' is not implemented.")
    return url === 'https://api.test/'
      ? new Response(null, { status: 307, headers: { location: '/there' } })
      : new Response('')
  })
  const connecting = fetchConnect(fetch)(request({ credentialHeaders: ['x-api-key'] }))
  expect(await connecting).toMatchObject({ status: 200 })
  expect(fetch.mock.calls.map(([url, init]) => [url, init!.cache])).toEqual([
    ['https://api.test/', 'no-store'],
    ['https://api.test/', undefined],
    ['https://api.test/there', undefined],
  ])
})

test('any other failure is not repeated, so that a POST is never sent twice', async () => {
  const fetch = vi.fn(async () => {
    throw new TypeError('fetch failed: the cache server refused the connection')
  })
  await expect(fetchConnect(fetch)(request())).rejects.toMatchObject({ code: 'network', retryable: true })
  expect(fetch).toHaveBeenCalledOnce()
})

test('the same failure without cache is a network error after two calls', async () => {
  const fetch = vi.fn(async () => {
    throw new TypeError('Unsupported cache mode: no-store')
  })
  await expect(fetchConnect(fetch)(request())).rejects.toMatchObject({ code: 'network' })
  expect(fetch).toHaveBeenCalledTimes(2)
})
