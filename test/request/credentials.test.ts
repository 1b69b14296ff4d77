/** Which headers are credentials, and what says that they were withheld. */
import { describe, expect, test } from 'vitest'
import type { ConnectRequest } from '../../src/connect/connect.ts'
import { apiKey } from '../../src/request/auth.ts'
import type { ClientOptions } from '../../src/request/options.ts'
import { type RequestOverrides, createRequestBuilder } from '../../src/request/request.ts'
import { resolveOptions } from '../../src/request/resolve-options.ts'
import { resolveResumeUrl } from '../../src/request/resume-url.ts'
import { assertEventStream } from '../../src/source/check-response.ts'
import { createScriptedNetwork } from '../support/scripted-connect.ts'

const build = (options: ClientOptions, overrides?: RequestOverrides): Promise<ConnectRequest> => {
  const resolved = resolveOptions({ connectTimeout: 1, retry: 1 }, { baseUrl: 'https://api.test', ...options }, {})
  const context = { reason: 'connect', attempt: 1, signal: new AbortController().signal } as const
  return createRequestBuilder('/x', resolved).build(context, overrides)
}

describe('credential headers', () => {
  test.each([
    ['Authorization', true],
    ['X-Auth', true],
    ['proxy-authorization', true],
    ['x-csrf-TOKEN', true],
    ['X-API-Key', true],
    ['apikey', true],
    ['x-client-secret', true],
    ['Cookie', true],
    ['x-session-id', true],
    ['Idempotency-Key', false],
    ['idempotency-key', false],
    ['x-tenant', false],
    ['accept-language', false],
  ])('the header %s of the application is a credential: %s', async (name, isCredential) => {
    for (const headers of [{ [name]: '1' }, [[name, '1']], async () => new Headers({ [name]: '1' })] as const)
      expect((await build({ headers: headers as HeadersInit })).credentialHeaders).toEqual(
        isCredential ? [name.toLowerCase()] : [],
      )
  })

  test('whatever `auth` sets is a credential, except Idempotency-Key', async () => {
    const auth = (): HeadersInit => ({ 'x-tenant': 'acme', 'idempotency-key': '1', authorization: 'Bearer t' })
    expect((await build({ auth })).credentialHeaders).toEqual(['authorization', 'x-tenant'])
  })

  test('a header that both `headers` and `auth` set is listed once', async () => {
    const { credentialHeaders, headers } = await build({
      headers: { 'x-key': '1' },
      auth: apiKey('2', { header: 'X-Key' }),
    })
    expect(credentialHeaders).toEqual(['x-key'])
    expect(headers).toContainEqual(['x-key', '2'])
  })

  test('headers of the SDK itself are no credentials', async () => {
    expect((await build({}, { headers: { 'idempotency-key': '1' } })).credentialHeaders).toEqual([])
  })
})

test('a request says whether `auth` can provide new credentials after a 401', async () => {
  const auth = apiKey('k')
  expect((await build({ auth })).canRefresh).toBe(true)
  expect((await build({ headers: { 'x-api-key': 'k' } })).canRefresh).toBe(false)
  expect((await build({ auth }, { url: 'https://other.test/r' })).canRefresh).toBe(false)
})

describe('a request to an origin from which credentials are withheld', () => {
  test.each([401, 403])('makes the error of a %s say so', async (status) => {
    const request = await build({ auth: apiKey('hunter2') }, { url: 'https://other.test/r?x' })
    const network = createScriptedNetwork()
    const connecting = network.connect(request)
    network.last.respond({ status })
    const label = 'GET https://other.test/r'
    const clock = { now: () => 0, after: () => () => {} }
    const checked = assertEventStream(await connecting, { ...request, canRefresh: true }, { clock })
    await expect(checked).rejects.toMatchObject({
      code: 'http',
      status,
      retryable: false,
      message: `Status ${status} (credentials were withheld from https://other.test, which trustedOrigins does not name): ${label}`,
    })
  })

  test('does not get the headers of the SDK for the own URL either', async () => {
    const { headers } = await build({}, { url: 'https://other.test/r', headers: { 'idempotency-key': '1' } })
    expect(headers).toEqual([['accept', 'text/event-stream']])
  })
})

describe('resolveResumeUrl', () => {
  const base = 'https://api.test/v1/run?key=hunter2'
  test.each([
    ['/r/1', 'https://api.test/r/1'],
    ['r/1?a=b', 'https://api.test/v1/r/1?a=b'],
    ['?after', 'https://api.test/v1/run?after'],
    ['//other.test/r', 'https://other.test/r'],
    ['http://other.test/r#x', 'http://other.test/r'],
    ['HTTPS://other.test', 'https://other.test/'],
  ])('resolves %s to %s', (target, url) => expect(resolveResumeUrl(target, base)).toBe(url))

  test('resolves a path against a path, if the origin is unknown', () => {
    expect(resolveResumeUrl('2?x', '/runs/1')).toBe('/runs/2?x')
  })

  test.each([
    'data:text/event-stream,hunter2',
    'blob:https://api.test/hunter2',
    'file:///hunter2',
    'javascript:hunter2',
    'ftp://api.test/hunter2',
    'ws://api.test/hunter2',
    ' \tdata:hunter2',
    'https://hunter2:pw@other.test/',
    'https://hunter2 /',
  ])('rejects %s with invalid-data, which is not retried, and does not quote it', (target) => {
    let error: unknown
    try {
      resolveResumeUrl(target, base)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toMatchObject({
      code: 'invalid-data',
      retryable: false,
      message: 'The resume address is no http or https URL: https://api.test/v1/run',
    })
    expect(error).not.toHaveProperty('cause')
  })
})
