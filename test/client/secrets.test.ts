/** No secrets in anything reported, logged or serialized: messages, causes, states, JSON. */
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { StreamError } from '../../src/base/errors.ts'
import { apiKey, bearer } from '../../src/request/auth.ts'
import type { ClientOptions } from '../../src/request/options.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { start } from '../support/native-events.ts'
import { createScriptedFetch } from '../support/scripted-fetch.ts'
import { createTestClient } from '../support/test-client.ts'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()

const SECRET = 'hunter2'
const SECRET_OPTIONS: ClientOptions = {
  async auth(context) {
    const headers = new Headers(await bearer(SECRET)(context))
    for (const [name, value] of new Headers(await apiKey(SECRET)(context))) headers.set(name, value)
    return headers
  },
  headers: { cookie: SECRET },
}
const url = `/x?key=${SECRET}`

/** Returns an error as a logger would print it: message, stack, causes, own fields, JSON. */
const print = (error: unknown): string =>
  inspect(error, { depth: 10, showHidden: true }) + JSON.stringify(error) + String(error)

type Fail = (testClient: ReturnType<typeof createTestClient>) => Promise<void> | void

const failures: [code: string, fail: Fail, options?: ClientOptions][] = [
  ['network', ({ network }) => network.last.fail(new TypeError('fetch failed'))],
  ['http', ({ network }) => void network.last.respond({ status: 404 })],
  ['content-type', ({ network }) => void network.last.respond({ headers: { 'content-type': 'text/html' } })],
  [
    'auth',
    async ({ network }) => {
      network.last.respond({ status: 401 })
      await flushMicrotasks()
      network.last.respond({ status: 401 })
    },
  ],
  [
    'idle',
    ({ network, clock }) => {
      network.last.respond()
      return clock.advance(5_000)
    },
    { idleTimeout: 5_000 },
  ],
  [
    'stalled',
    ({ network, clock }) => {
      network.last.respond()
      return clock.advance(5_000)
    },
    { stallTimeout: 5_000 },
  ],
  ['network', ({ clock }) => clock.advance(10_000)],
  [
    'retries-exhausted',
    async ({ network, clock }) => {
      network.last.fail()
      await clock.advance(1_000)
      network.last.fail()
    },
    { retry: 1 },
  ],
]

describe("a feed's errors", () => {
  test.each(failures)('the %s error contains no secret', async (code, fail, options) => {
    const testClient = createTestClient({ retry: false, ...SECRET_OPTIONS, ...options })
    const feed = testClient.client.subscribe(url)
    await flushMicrotasks()
    await fail(testClient)
    await flushMicrotasks()
    const error = await feed.closed
    expect(error).toMatchObject({ code })
    expect(error!.message).toMatch(/GET https:\/\/api\.test\/x/)
    for (const reported of [error, testClient.errors, testClient.states]) expect(print(reported)).not.toContain(SECRET)
  })
})

describe("a run's errors", () => {
  test('the truncated error and the AbortError of a detached run contain no secret', async () => {
    const testClient = createTestClient({ retry: false, ...SECRET_OPTIONS })
    const run = testClient.client.stream(url, { json: { prompt: SECRET }, idempotencyKey: SECRET })
    const final = run.final()
    const connection = await testClient.open()
    connection.send(start({ resume: undefined, prompt: undefined }))
    connection.end()
    const error: unknown = await final.catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'truncated' })
    expect(print(error)).not.toContain(SECRET)

    const another = testClient.client.stream(url)
    another.detach()
    expect(print(await another.final().catch((reason: unknown) => reason))).not.toContain(SECRET)
  })

  test('the error of a failed cancel() contains no secret', async () => {
    const testClient = createTestClient(SECRET_OPTIONS)
    const run = testClient.client.stream(url)
    await testClient.open()
    const cancelling = run.cancel().catch((reason: unknown) => reason)
    await flushMicrotasks()
    // The DELETE is sent four times within five seconds.
    for (let attempt = 1; attempt <= 4; attempt++) {
      testClient.network.last.fail(new TypeError('fetch failed'))
      await testClient.clock.advance(5_000)
    }
    const error = await cancelling
    expect(error).toMatchObject({ code: 'network' })
    expect(print(error)).not.toContain(SECRET)
  })
})

test.each([`${SECRET}\n`, `${SECRET}日本`, `${SECRET}\0`])(
  'the error for an invalid credential does not quote the credential: %j',
  async (key) => {
    for (const options of [{ auth: apiKey(key) }, { headers: { 'x-secret': key } }]) {
      const { client, errors, network, clock } = createTestClient({ ...options, retry: 1 })
      const feed = client.subscribe('/x')
      await clock.advance(60_000)
      // The platform strips a trailing newline, which makes the credential valid.
      if (network.attempts.length) return feed.close()
      expect(errors).toMatchObject([{ code: 'auth' }])
      expect(print(errors)).not.toContain(SECRET)
    }
  },
)

test('a relative URL without a baseUrl throws immediately without quoting its query', () => {
  const { client } = createTestClient({ baseUrl: undefined as never, connect: undefined as never })
  expect(() => client.subscribe(url)).toThrow(TypeError)
  expect(() => client.subscribe(url)).not.toThrow(SECRET)
})

test('a platform error contains no secret', async () => {
  const { fetch, calls } = createScriptedFetch()
  const testClient = createTestClient({ ...SECRET_OPTIONS, connect: undefined as never, fetch, retry: false })
  const feed = testClient.client.subscribe(url)
  await flushMicrotasks()
  calls[0]!.fail(
    new TypeError('fetch failed', {
      cause: Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }),
    }),
  )
  const error = await feed.closed
  expect(error).toMatchObject({ code: 'network' })
  expect(print(error)).not.toContain(SECRET)
})

test('an error thrown by a user callback is kept as the cause, unchanged', async () => {
  const cause = new Error('from the user')
  const { client } = createTestClient({ auth: () => Promise.reject(cause), retry: false })
  const error = await client.subscribe('/x').closed
  expect(error).toBeInstanceOf(StreamError)
  expect(error!.cause).toBe(cause)
})

test('an error does not print the response cookies but keeps the other headers', async () => {
  const { client, network } = createTestClient({ retry: false })
  const feed = client.subscribe('/x')
  await flushMicrotasks()
  network.last.respond({ status: 404, headers: { 'set-cookie': `session=${SECRET}`, 'x-request-id': 'q7' } })
  const error = await feed.closed
  expect(inspect(error, { depth: 10 })).not.toContain(SECRET)
  expect(inspect(new StreamError('retries-exhausted', 'Often', { cause: error }), { depth: 10 })).not.toContain(SECRET)
  expect(JSON.stringify(error)).not.toContain(SECRET)
  expect(error?.headers?.get('x-request-id')).toBe('q7')
})
