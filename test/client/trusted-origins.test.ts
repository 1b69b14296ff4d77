/** Which origins receive credentials, headers and cookies, if a server or a cursor names the URL. */
import { describe, expect, test, vi } from 'vitest'
import { bearer } from '../../src/request/auth.ts'
import type { ClientOptions } from '../../src/request/options.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { start } from '../support/native-events.ts'
import { createTestClient } from '../support/test-client.ts'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()

/** Everything that an application can set and that must not reach another origin. */
const options: ClientOptions & RequestInit = {
  auth: async () => ({ authorization: 'Bearer t', 'x-tenant': 'acme' }),
  headers: { 'x-api-key': 'k', 'x-plain': '1', accept: 'text/event-stream, */*', 'content-type': 'text/x' },
}
const allHeaders = {
  accept: 'text/event-stream, */*',
  authorization: 'Bearer t',
  'content-type': 'text/x',
  'x-api-key': 'k',
  'x-plain': '1',
  'x-tenant': 'acme',
}
const publicHeaders = { accept: 'text/event-stream, */*', 'content-type': 'text/x' }

/** Resumes a run at `url`, and returns its request. */
const resumeAt = async (url: string, clientOptions: ClientOptions = {}) => {
  const testClient = createTestClient({ ...options, ...clientOptions })
  const run = testClient.client.resume({ url, lastEventId: '3' }, { credentials: 'include' })
  run.final().catch(() => {})
  await flushMicrotasks()
  run.detach()
  return testClient.network.last
}

describe('a cursor', () => {
  test('with a URL of another origin is requested with `Accept`, `Content-Type` and the last event ID only', async () => {
    const { request, headers } = await resumeAt('https://other.test/r')
    expect(headers).toEqual(publicHeaders)
    expect(request).toMatchObject({
      credentialHeaders: [],
      lastEventId: '3',
      withheldFrom: 'https://other.test',
      init: { credentials: 'same-origin' },
    })
  })

  test('with a URL of the origin of `baseUrl` is requested with everything', async () => {
    const { request, headers } = await resumeAt('https://api.test/r')
    expect(headers).toEqual(allHeaders)
    expect(request).toMatchObject({
      credentialHeaders: ['authorization', 'x-api-key', 'x-tenant'],
      lastEventId: '3',
      init: { credentials: 'include' },
    })
    expect(request.withheldFrom).toBeUndefined()
  })

  test.each([[['https://other.test']], [['https://OTHER.test:443/', 'https://third.test']]])(
    'with a URL of another origin that `trustedOrigins` names is requested with everything: %j',
    async (trustedOrigins) => {
      const { request, headers } = await resumeAt('https://other.test/r', { trustedOrigins })
      expect(headers).toEqual(allHeaders)
      expect(request.init).toMatchObject({ credentials: 'include' })
      expect(request.withheldFrom).toBeUndefined()
    },
  )

  test.each([
    'http://other.test/r',
    'https://other.test:8443/r',
    'https://sub.other.test/r',
    'https://other.test.evil/r',
  ])('with the URL %s is not covered by a trusted origin that resembles it', async (url) => {
    const { request, headers } = await resumeAt(url, { trustedOrigins: ['https://other.test'] })
    expect(headers).toEqual(publicHeaders)
    expect(request.withheldFrom).toBe(new URL(url).origin)
  })

  test("without `baseUrl`, has the page's origin as the only origin of its own", async () => {
    vi.stubGlobal('location', { href: 'https://app.test/page' })
    const baseUrl = undefined as never
    expect((await resumeAt('/r', { baseUrl })).headers).toEqual(allHeaders)
    expect((await resumeAt('https://app.test/r', { baseUrl })).headers).toEqual(allHeaders)
    expect((await resumeAt('https://api.test/r', { baseUrl })).headers).toEqual(publicHeaders)
  })

  test("with `baseUrl`, the page's origin is another origin", async () => {
    vi.stubGlobal('location', { href: 'https://app.test/page' })
    expect((await resumeAt('https://app.test/r')).headers).toEqual(publicHeaders)
  })

  test("keeps a `credentials` option that sends less than 'include'", async () => {
    const { client, network } = createTestClient()
    client.resume({ url: 'https://other.test/r' }, { credentials: 'omit' }).on('end', () => {})
    await flushMicrotasks()
    expect(network.last.request.init?.credentials).toBe('omit')
  })

  test.each([
    'data:text/event-stream,x',
    'blob:https://api.test/0a1b',
    'file:///etc/passwd',
    'javascript:x',
    'ws://a.test/',
  ])('with the URL %s throws a TypeError', (url) => {
    const { client } = createTestClient()
    expect(() => client.resume({ url })).toThrow(new TypeError('A cursor needs an http or https URL'))
  })
})

describe('a resume URL of another origin', () => {
  const openAndResume = async (clientOptions: ClientOptions, url = '/run') => {
    const testClient = createTestClient({ ...options, ...clientOptions })
    const run = testClient.client.stream(url, { json: { prompt: 'p' }, credentials: 'include' })
    run.final().catch(() => {})
    const connection = await testClient.open()
    connection.send({ ...start({ resume: 'https://other.test/r' }), id: '1' })
    connection.end()
    await testClient.clock.advance(1_000)
    return { ...testClient, run }
  }

  test('receives no credentials, no headers and no cookies', async () => {
    const { network, run } = await openAndResume({})
    expect(network.attempts[0]!.headers).toMatchObject({
      ...allHeaders,
      'idempotency-key': expect.any(String) as string,
    })
    expect(network.attempts[0]!.request.init).toMatchObject({ credentials: 'include' })
    expect(network.last.headers).toEqual(publicHeaders)
    expect(network.last.request).toMatchObject({
      url: 'https://other.test/r',
      method: 'GET',
      lastEventId: '1',
      init: { credentials: 'same-origin' },
    })
    void run.cancel()
    await flushMicrotasks()
    expect(network.last.request).toMatchObject({ url: 'https://other.test/r', method: 'DELETE' })
    expect(network.last.headers).toEqual(publicHeaders)
    network.last.respond({ status: 204 })
    run.detach()
  })

  test('receives everything if the application opened the run there', async () => {
    const { network, run } = await openAndResume({}, 'https://other.test/run')
    expect(network.last.request.url).toBe('https://other.test/r')
    expect(network.last.headers).toEqual(allHeaders)
    run.detach()
  })

  test('receives everything if `trustedOrigins` names it', async () => {
    const { network, run } = await openAndResume({ trustedOrigins: ['https://other.test'] })
    expect(network.last.headers).toEqual(allHeaders)
    run.detach()
  })
})

test("a stream's `trustedOrigins` replaces the client's", async () => {
  const { client, network } = createTestClient({ auth: bearer('t'), trustedOrigins: ['https://other.test'] })
  client.resume({ url: 'https://other.test/r' }, { trustedOrigins: [] }).on('end', () => {})
  await flushMicrotasks()
  expect(network.last.headers).toEqual({ accept: 'text/event-stream' })
})
