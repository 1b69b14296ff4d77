/** Options that are checked when a stream is made, and what 0 and Infinity mean. */
import { describe, expect, test } from 'vitest'
import type { ClientOptions } from '../../src/request/options.ts'
import type { RunOptions, SubscribeOptions } from '../../src/request/stream-options.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { createTestClient } from '../support/test-client.ts'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()

const ofMilliseconds = ' of milliseconds'
const numbers: [name: string, toOptions: (value: number) => SubscribeOptions, unit: string][] = [
  ['retry.limit', (limit) => ({ retry: { limit } }), ''],
  ['retry.limit', (limit) => ({ retry: limit }), ''],
  ['retry.delay', (delay) => ({ retry: { delay } }), ofMilliseconds],
  ['retry.maxDelay', (maxDelay) => ({ retry: { maxDelay } }), ofMilliseconds],
  ['connectTimeout', (connectTimeout) => ({ connectTimeout }), ofMilliseconds],
  ['idleTimeout', (idleTimeout) => ({ idleTimeout }), ofMilliseconds],
  ['stallTimeout', (stallTimeout) => ({ stallTimeout }), ofMilliseconds],
  ['maxEventSize', (maxEventSize) => ({ maxEventSize }), ''],
  ['queue.events', (events) => ({ queue: { events } }), ''],
  ['queue.bytes', (bytes) => ({ queue: { bytes } }), ''],
  ['dedupeWindow', (dedupeWindow) => ({ dedupeWindow }), ''],
]

describe.each(numbers)('the option %s', (name, toOptions, unit) => {
  test.each([NaN, -1, -Infinity, '5' as never, 'often' as never, 5n as never])(
    'rejects %s with a TypeError that names it, for feeds and runs',
    (value) => {
      const { client } = createTestClient()
      const thrown = new TypeError(`${name}: expected a number${unit}, at least 0`)
      expect(() => client.subscribe('/x', toOptions(value))).toThrow(thrown)
      expect(() => client.stream('/x', toOptions(value) as RunOptions<never>)).toThrow(thrown)
    },
  )

  test.each([0, 0.5, 1, Infinity, undefined as never])('accepts %s', (value) => {
    createTestClient().client.subscribe('/x', toOptions(value)).close()
  })
})

test.each(numbers.filter(([name]) => name !== 'dedupeWindow'))(
  'the option %s of a client is checked when a stream is made',
  (name, toOptions) => {
    const { client } = createTestClient(toOptions(NaN) as ClientOptions)
    expect(() => client.subscribe('/x')).toThrow(name)
    expect(() => client.stream('/x')).toThrow(name)
    expect(() => client.resume({ url: '/x' })).toThrow(name)
  },
)

test.each<[name: string, options: SubscribeOptions]>([
  ['retry.limit', { retry: true as never }],
  ['connectTimeout', { connectTimeout: null as never }],
  ['queue.events', { queue: { events: null as never } }],
])('the option %s rejects what could be converted to a number', (name, options) => {
  const { client } = createTestClient()
  expect(() => client.subscribe('/x', options)).toThrow(name)
})

describe('0', () => {
  test('as `connectTimeout`, it sets no time limit', async () => {
    const { client, network, clock } = createTestClient()
    const feed = client.subscribe('/x', { connectTimeout: 0 })
    await clock.advance(3_600_000)
    expect(network.attempts).toHaveLength(1)
    network.last.respond()
    await flushMicrotasks()
    expect(feed.state.status).toBe('open')
    feed.close()
  })

  test.each(['idleTimeout', 'stallTimeout'])('as `%s`, it sets no time limit', async (name) => {
    const { client, network, clock, open } = createTestClient()
    const feed = client.subscribe('/x', { [name]: 0 })
    await open()
    await clock.advance(3_600_000)
    expect([feed.state.status, network.attempts.length]).toEqual(['open', 1])
    feed.close()
  })

  test('as `idleTimeout`, it also turns off the limit that follows from the heartbeat of the server', async () => {
    const { client, clock, open } = createTestClient({ idleTimeout: 0 })
    const feed = client.subscribe('/x')
    const connection = await open()
    connection.send({ type: 'connected', data: '{"protocol":1,"heartbeat":1000}' })
    await clock.advance(3_600_000)
    expect(feed.state.status).toBe('open')
    feed.close()
  })

  test('as `dedupeWindow`, it turns off the search for duplicates', async () => {
    const { client, clock, open } = createTestClient()
    const feed = client.subscribe('/x', { dedupeWindow: 0 })
    const received: unknown[] = []
    feed.onAny(({ id }) => received.push(id))
    for (let count = 0; count < 2; count++) {
      const connection = await open()
      connection.send({ data: '1', id: 'a' })
      connection.end()
      await clock.advance(1_000)
    }
    expect(received).toEqual(['a', 'a'])
    feed.close()
  })

  test('as `retry.delay`, it allows the first retry at once', async () => {
    const { client, network, clock } = createTestClient()
    const feed = client.subscribe('/x', { retry: { delay: 0 } })
    await flushMicrotasks()
    network.last.fail()
    await clock.advance(0)
    expect(network.attempts).toHaveLength(2)
    feed.close()
  })
})

describe('the option trustedOrigins', () => {
  test.each([
    ['an origin without a scheme', ['api.example.com']],
    ['a URL with a path', ['https://api.example.com/v1']],
    ['a URL with a query', ['https://api.example.com?x']],
    ['a URL with credentials', ['https://user:hunter2@api.example.com']],
    ['a wildcard', ['https://*.example.com']],
    ['every origin', ['*']],
    ['an opaque origin', ['null']],
    ['a scheme other than http and https', ['ws://api.example.com']],
    ['an empty string', ['']],
    ['a number', [5]],
    ['a string instead of an array', 'https://api.example.com'],
    ['a valid origin and an invalid one', ['https://api.example.com', 'file:///']],
  ])('rejects %s with a TypeError that names it and quotes nothing', (_name, trustedOrigins) => {
    const { client } = createTestClient({ trustedOrigins: trustedOrigins as never })
    const thrown = new TypeError('trustedOrigins: expected an array of http or https origins')
    expect(() => client.subscribe('/x')).toThrow(thrown)
    expect(() => client.stream('/x')).toThrow(thrown)
  })

  test.each([
    [[]],
    [['https://api.example.com', 'http://localhost:3000']],
    [['https://API.example.com:443/']],
    [['http://[::1]:3000']],
  ])('accepts %j', (trustedOrigins) => {
    createTestClient().client.subscribe('/x', { trustedOrigins }).close()
  })
})
