/** One refresh of credentials for all streams that were refused. */
import { describe, expect, test, vi } from 'vitest'
import { bearer } from '../../src/request/auth.ts'
import { StreamError } from '../../src/base/errors.ts'
import type { AuthProvider, ClientOptions } from '../../src/request/options.ts'
import type { AttemptContext } from '../../src/source/source.ts'
import type { ScriptedAttempt } from '../support/scripted-connect.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { createTestClient } from '../support/test-client.ts'

const unauthorized = { status: 401 }
const tokens = (attempts: readonly ScriptedAttempt[]): (string | undefined)[] =>
  attempts.map(({ headers }) => headers['authorization'])

/** A provider whose refreshes wait until they are let go. */
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

async function createRefusedStreams(count: number, options: ClientOptions) {
  const testClient = createTestClient(options)
  const feeds = Array.from({ length: count }, (_, index) => testClient.client.subscribe(`/${index}`))
  await flushMicrotasks()
  return { ...testClient, feeds }
}

describe('[F16] [P4.2] a 401', () => {
  test('of many streams is one refresh, and one new attempt of each', async () => {
    const { auth, pending } = createProvider()
    const { network } = await createRefusedStreams(3, { auth })
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

  test("that comes after another's refresh takes what that one got", async () => {
    const { auth, pending } = createProvider()
    const { network } = await createRefusedStreams(2, { auth })
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

  test('keeps the cursor, and of a token that was refreshed before asks for the next', async () => {
    const { auth, pending } = createProvider()
    const { network, clock } = await createRefusedStreams(1, { auth })
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

  test('streams of several clients with the same provider share it; another provider is asked itself', async () => {
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
  test('that fails fails for all of them, and is asked for again later', async () => {
    const { auth, pending } = createProvider()
    const { network, clock, feeds } = await createRefusedStreams(2, { auth })
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

  test('goes on for the others where one stream is closed, and is given up with the last', async () => {
    const { auth, pending } = createProvider()
    const { network, feeds } = await createRefusedStreams(2, { auth })
    for (const attempt of network.attempts) attempt.respond(unauthorized)
    await flushMicrotasks()
    feeds[0]!.close()
    expect(pending[0]!.context.signal.aborted).toBe(false)
    feeds[1]!.close()
    expect(pending[0]!.context.signal.aborted).toBe(true)
    expect(pending.length).toBe(1)
  })

  test('that hangs does not keep the next attempts waiting: it has a deadline', async () => {
    const { auth, pending } = createProvider()
    const { client, network, clock } = createTestClient({ auth, connectTimeout: 1_000, retry: { delay: 100 } })
    client.subscribe('/1')
    await flushMicrotasks()
    network.last.respond(unauthorized)
    await flushMicrotasks()
    await clock.advance(1_000) // the deadline
    await clock.advance(100) // the backoff
    network.last.respond(unauthorized)
    await flushMicrotasks()
    expect(pending.length).toBe(2)
    expect(pending[0]!.context.signal.aborted).toBe(true)
    pending[1]!.grant()
    await flushMicrotasks()
    expect(network.last.headers['authorization']).toBe('Bearer t2')
  })

  test('that throws where it should reject is a failure of credentials like any other', async () => {
    const auth: AuthProvider = ({ reason }) => {
      if (reason === 'rejected') throw new Error('not implemented')
      return { authorization: 'x' }
    }
    const { network, feeds } = await createRefusedStreams(1, { auth })
    network.last.respond(unauthorized)
    await flushMicrotasks()
    expect(feeds[0]!.state).toMatchObject({ status: 'waiting', error: { code: 'auth' } })
  })
})

test("a `StreamError` of a shared provider becomes each stream's own", async () => {
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

test('[F49] a 401 in the middle of a connection is one refresh, and goes on from the cursor', async () => {
  const { auth, pending } = createProvider()
  const { network } = await createRefusedStreams(1, { auth })
  const connection = network.last.respond()
  connection.send({ data: '1', id: '7' })
  await flushMicrotasks()
  connection.disconnect(new StreamError('auth', 'Expired', { status: 401 }))
  await flushMicrotasks()
  pending[0]!.grant()
  await flushMicrotasks()
  expect([network.last.headers['authorization'], network.last.request.lastEventId]).toEqual(['Bearer t2', '7'])
})
