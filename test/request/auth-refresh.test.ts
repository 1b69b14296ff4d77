/** Credential refresh: one refresh is shared by all streams that received a 401. */
import { describe, expect, test, vi } from 'vitest'
import { StreamError } from '../../src/base/errors.ts'
import { bearer } from '../../src/request/auth.ts'
import type { AuthProvider, ClientOptions } from '../../src/request/options.ts'
import type { AttemptContext } from '../../src/source/source.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import type { ScriptedAttempt } from '../support/scripted-connect.ts'
import { createTestClient } from '../support/test-client.ts'

const unauthorized = { status: 401 }
const tokens = (attempts: readonly ScriptedAttempt[]): (string | undefined)[] =>
  attempts.map(({ headers }) => headers['authorization'])

/** Creates a token provider whose refreshes are granted or denied by the test. */
function createProvider() {
  let token = 1
  const pending: { context: AttemptContext; grant: () => void; deny: () => void }[] = []
  const provider = vi.fn<(context: AttemptContext) => Promise<string>>(async (context) => {
    if (context.reason === 'connect') return `t${token}`
    return new Promise<string>((resolve, reject) => {
      pending.push({ context, grant: () => resolve(`t${++token}`), deny: () => reject(new Error('denied')) })
    })
  })
  return { auth: bearer(provider), pending }
}

async function createFeeds(count: number, options: ClientOptions) {
  const testClient = createTestClient(options)
  const feeds = Array.from({ length: count }, (_, index) => testClient.client.subscribe(`/${index}`))
  await flushMicrotasks()
  return { ...testClient, feeds }
}

describe('[F16] [P4.2] a 401', () => {
  test('several streams refused with 401 share one refresh and are each retried once', async () => {
    const { auth, pending } = createProvider()
    const { network } = await createFeeds(3, { auth })
    for (const attempt of network.attempts) attempt.respond(unauthorized)
    await flushMicrotasks()
    expect(pending.length).toBe(1)
    pending[0]!.grant()
    await flushMicrotasks()
    expect(tokens(network.attempts)).toEqual([
      'Bearer t1',
      'Bearer t1',
      'Bearer t1',
      'Bearer t2',
      'Bearer t2',
      'Bearer t2',
    ])
  })

  test('a stream refused after another stream has refreshed uses the new token', async () => {
    const { auth, pending } = createProvider()
    const { network } = await createFeeds(2, { auth })
    const [one, other] = network.attempts
    one!.respond(unauthorized)
    await flushMicrotasks()
    pending[0]!.grant()
    await flushMicrotasks()
    other!.respond(unauthorized)
    await flushMicrotasks()
    expect(pending.length).toBe(1)
    expect(tokens(network.attempts).slice(2)).toEqual(['Bearer t2', 'Bearer t2'])
  })

  test('a stream refused with 401 keeps its cursor, and a later 401 refreshes the token again', async () => {
    const { auth, pending } = createProvider()
    const { network, clock } = await createFeeds(1, { auth })
    const connection = network.last.respond()
    connection.send({ data: '1', id: '7' })
    connection.end()
    await clock.advance(1_000)
    for (const expected of ['Bearer t2', 'Bearer t3']) {
      network.last.respond(unauthorized)
      await flushMicrotasks()
      pending.at(-1)!.grant()
      await flushMicrotasks()
      expect(network.last.headers['authorization']).toBe(expected)
      expect(network.last.request.lastEventId).toBe('7')
      network.last.respond().end()
      await flushMicrotasks()
      await clock.advance(clock.pendingDelays[0]!)
    }
    expect(pending.length).toBe(2)
  })

  test('clients with the same provider share a refresh, and other providers are called separately', async () => {
    const shared = createProvider()
    const own = createProvider()
    const { client, network } = createTestClient({ auth: shared.auth })
    client.subscribe('/1')
    client.subscribe('/2', { auth: own.auth })
    createTestClient({ auth: shared.auth, connect: network.connect }).client.subscribe('/3')
    await flushMicrotasks()
    for (const attempt of network.attempts) attempt.respond(unauthorized)
    await flushMicrotasks()
    expect([shared.pending.length, own.pending.length]).toEqual([1, 1])
  })
})

describe('[F38] a refresh', () => {
  test('a failed refresh fails the attempts of all waiting streams and is repeated after backoff', async () => {
    const { auth, pending } = createProvider()
    const { network, clock, feeds } = await createFeeds(2, { auth })
    for (const attempt of network.attempts) attempt.respond(unauthorized)
    await flushMicrotasks()
    pending[0]!.deny()
    await flushMicrotasks()
    expect(feeds.map(({ state }) => [state.status, state.error?.code])).toEqual([
      ['waiting', 'auth'],
      ['waiting', 'auth'],
    ])
    await clock.advance(1_000)
    for (const attempt of network.attempts.slice(2)) attempt.respond(unauthorized)
    await flushMicrotasks()
    expect(pending.length).toBe(2)
  })

  test('a refresh is aborted only when the last stream waiting for it is closed', async () => {
    const { auth, pending } = createProvider()
    const { network, feeds } = await createFeeds(2, { auth })
    for (const attempt of network.attempts) attempt.respond(unauthorized)
    await flushMicrotasks()
    feeds[0]!.close()
    expect(pending[0]!.context.signal.aborted).toBe(false)
    feeds[1]!.close()
    expect(pending[0]!.context.signal.aborted).toBe(true)
    expect(pending.length).toBe(1)
  })

  test('a hanging refresh is aborted after connectTimeout, and the next attempt starts a new refresh', async () => {
    const { auth, pending } = createProvider()
    const { client, network, clock } = createTestClient({ auth, connectTimeout: 1_000, retry: { delay: 100 } })
    client.subscribe('/1')
    await flushMicrotasks()
    network.last.respond(unauthorized)
    await flushMicrotasks()
    await clock.advance(1_000) // connectTimeout
    await clock.advance(100) // backoff
    network.last.respond(unauthorized)
    await flushMicrotasks()
    expect(pending.length).toBe(2)
    expect(pending[0]!.context.signal.aborted).toBe(true)
    pending[1]!.grant()
    await flushMicrotasks()
    expect(network.last.headers['authorization']).toBe('Bearer t2')
  })

  test('a refresh that throws synchronously causes an auth error', async () => {
    const auth: AuthProvider = ({ reason }) => {
      if (reason === 'rejected') throw new Error('not implemented')
      return { authorization: 'x' }
    }
    const { network, feeds } = await createFeeds(1, { auth })
    network.last.respond(unauthorized)
    await flushMicrotasks()
    expect(feeds[0]!.state).toMatchObject({ status: 'waiting', error: { code: 'auth' } })
  })
})

test('a `StreamError` that a shared provider rejects with becomes a separate error for each stream', async () => {
  const shared = new StreamError('auth', 'No session')
  const auth: AuthProvider = () => Promise.reject(shared)
  const { client } = createTestClient({ auth })
  const [one, other] = await Promise.all(
    ['/1', '/2'].map((url) =>
      client
        .stream(url)
        .final()
        .catch((error: unknown) => error),
    ),
  )
  expect(one).toMatchObject({ code: 'auth', retryable: false, cause: shared, partial: '' })
  expect(one).not.toBe(other)
  expect(shared).not.toHaveProperty('partial')
})

test('[F49] after a 401 during a connection, a feed refreshes its token once and resumes from the cursor', async () => {
  const { auth, pending } = createProvider()
  const { network } = await createFeeds(1, { auth })
  const connection = network.last.respond()
  connection.send({ data: '1', id: '7' })
  await flushMicrotasks()
  connection.disconnect(new StreamError('auth', 'Expired', { status: 401 }))
  await flushMicrotasks()
  pending[0]!.grant()
  await flushMicrotasks()
  expect([network.last.headers['authorization'], network.last.request.lastEventId]).toEqual(['Bearer t2', '7'])
})
