/** No secret in what is told, logged or serialised: messages, causes of ours, states, JSON. */
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { apiKey, bearer } from '../../src/request/auth.ts'
import { StreamError } from '../../src/base/errors.ts'
import type { ClientOptions } from '../../src/request/options.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { createScriptedFetch } from '../support/scripted-fetch.ts'
import { createTestClient } from '../support/test-client.ts'
import { start } from '../support/native-events.ts'
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

/** An error as a logger would print it: message, stack, causes, own fields, JSON. */
const printed = (error: unknown): string =>
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
  test.each(failures)('%s', async (code, fail, options) => {
    const testClient = createTestClient({ retry: false, ...SECRET_OPTIONS, ...options })
    const feed = testClient.client.subscribe(url)
    await flushMicrotasks()
    await fail(testClient)
    await flushMicrotasks()
    const error = await feed.closed
    expect(error).toMatchObject({ code })
    expect(error!.message).toMatch(/GET https:\/\/api\.test\/x/)
    for (const reported of [error, testClient.errors, testClient.states])
      expect(printed(reported)).not.toContain(SECRET)
  })
})

describe("a run's errors", () => {
  test('truncated, detached', async () => {
    const testClient = createTestClient({ retry: false, ...SECRET_OPTIONS })
    const run = testClient.client.stream(url, { json: { prompt: SECRET }, idempotencyKey: SECRET })
    const final = run.final()
    const connection = await testClient.open()
    connection.send(start({ resume: undefined, prompt: undefined }))
    connection.end()
    const error: unknown = await final.catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'truncated' })
    expect(printed(error)).not.toContain(SECRET)

    const another = testClient.client.stream(url)
    another.detach()
    expect(printed(await another.final().catch((reason: unknown) => reason))).not.toContain(SECRET)
  })

  test('a cancel that fails', async () => {
    const testClient = createTestClient(SECRET_OPTIONS)
    const run = testClient.client.stream(url)
    await testClient.open()
    const cancelling = run.cancel().catch((reason: unknown) => reason)
    await flushMicrotasks()
    testClient.network.last.fail(new TypeError('fetch failed'))
    const error = await cancelling
    expect(error).toMatchObject({ code: 'network' })
    expect(printed(error)).not.toContain(SECRET)
  })
})

test.each([`${SECRET}\n`, `${SECRET}日本`, `${SECRET}\0`])(
  "a credential that can't be sent is not quoted: %j",
  async (key) => {
    for (const options of [{ auth: apiKey(key) }, { headers: { 'x-secret': key } }]) {
      const { client, errors, network, clock } = createTestClient({ ...options, retry: 1 })
      const feed = client.subscribe('/x')
      await clock.advance(60_000)
      // A newline at the end is taken off by the platform; what it sends then is as good.
      if (network.attempts.length) return feed.close()
      expect(errors).toMatchObject([{ code: 'auth' }])
      expect(printed(errors)).not.toContain(SECRET)
    }
  },
)

test('a path that nothing gives an origin is a mistake, told at once: the platform would quote it, query and all', () => {
  const { client } = createTestClient({ baseUrl: undefined as never, connect: undefined as never })
  expect(() => client.subscribe(url)).toThrow(TypeError)
  expect(() => client.subscribe(url)).not.toThrow(SECRET)
})

test('what a platform says of a failure quotes nothing', async () => {
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
  expect(printed(error)).not.toContain(SECRET)
})

test('an error that the user made may say what it likes: it is passed on as the cause', async () => {
  const cause = new Error('of the user')
  const { client } = createTestClient({ auth: () => Promise.reject(cause), retry: false })
  const error = await client.subscribe('/x').closed
  expect(error).toBeInstanceOf(StreamError)
  expect(error!.cause).toBe(cause)
})

test('cookies that an answer sets are not printed with its error; they can be looked up', async () => {
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
