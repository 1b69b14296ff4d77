/** Callbacks of the application that fail, or return what cannot be used, while a request is prepared. */
import { describe, expect, test, vi } from 'vitest'
import type { ConnectRequest } from '../../src/connect/connect.ts'
import type { ClientOptions } from '../../src/request/options.ts'
import { type RequestOverrides, createRequestBuilder } from '../../src/request/request.ts'
import { resolveOptions } from '../../src/request/resolve-options.ts'

const build = (
  options: ClientOptions,
  overrides?: RequestOverrides,
  signal = new AbortController().signal,
): Promise<ConnectRequest> => {
  const resolved = resolveOptions({ connectTimeout: 1, retry: 1 }, { baseUrl: 'https://api.test', ...options }, {})
  return createRequestBuilder('/x?a=1', resolved).build({ reason: 'connect', attempt: 1, signal }, overrides)
}

describe('a callback that throws', () => {
  test.each([new Error('bug'), new TypeError('x is not a function'), 'a string', undefined])(
    'as `headers` or `lastEventId` rejects the request with what it throws, unchanged: %s',
    async (thrown) => {
      const throwing = (): never => {
        throw thrown
      }
      const callbacks: ClientOptions[] = [
        { headers: throwing },
        { headers: () => Promise.reject(thrown) },
        { lastEventId: throwing },
      ]
      for (const options of callbacks) {
        const auth = vi.fn(() => ({}))
        const result = await build({ ...options, auth }, { lastEventId: '1' }).catch((reason: unknown) => ({ reason }))
        expect(result).toEqual({ reason: thrown })
        expect((result as { reason: unknown }).reason).toBe(thrown)
        expect(auth).not.toHaveBeenCalled()
      }
    },
  )

  test.each([
    [new Error('offline'), true],
    [undefined, true],
  ])('as `auth` rejects the request with code auth, which is retried: %s', async (thrown, retryable) => {
    await expect(build({ auth: () => Promise.reject(thrown as Error) })).rejects.toMatchObject({
      code: 'auth',
      retryable,
      cause: thrown,
      message: 'The auth function failed: GET https://api.test/x',
    })
  })
})

test('after an abort, neither `headers` nor `auth` is called, and the request is rejected with the reason', async () => {
  const callback = vi.fn(() => ({}))
  const reason = new Error('closed')
  await expect(build({ headers: callback, auth: callback }, {}, AbortSignal.abort(reason))).rejects.toBe(reason)
  expect(callback).not.toHaveBeenCalled()
})

describe('the URL that a `lastEventId` function returns', () => {
  test.each<[returned: string | URL, requested: string]>([
    ['/y?after=1', 'https://api.test/y?after=1'],
    ['?after=1', 'https://api.test/x?after=1'],
    ['//api.test/y', 'https://api.test/y'],
    [new URL('https://api.test/y#z'), 'https://api.test/y'],
  ])('is resolved against the URL of the stream: %s', async (returned, requested) => {
    const request = await build({ lastEventId: () => returned as string }, { lastEventId: '1' })
    expect([request.url, request.lastEventId, request.withheldFrom]).toEqual([requested, undefined, undefined])
  })

  test.each([undefined, null, 5, {}, Promise.resolve('/y')])(
    'is replaced by the default, the header, if it is no URL: %s',
    async (returned) => {
      const request = await build({ lastEventId: () => returned as never }, { lastEventId: '1' })
      expect([request.url, request.lastEventId]).toEqual(['https://api.test/x?a=1', '1'])
    },
  )

  test('rejects the request with a TypeError if it cannot be parsed', async () => {
    await expect(build({ lastEventId: () => 'https://' }, { lastEventId: '1' })).rejects.toThrow(TypeError)
  })
})
