/** Faults 16, 38 and 49 in docs/faults.md, and section 4 of PROTOCOL.md: credentials. */
import { expect, test } from 'vitest'
import { apiKey, bearer } from '../../../src/request/auth.ts'
import { createSyncManualClock } from '../../setup/sync-manual-clock.ts'
import { registerContract } from '../contract.ts'
import { payloadsOf, recordEvents } from '../record-events.ts'
import { waitUntil } from '../wait-until.ts'

/** Encodes a part of a JWT as Base64url. */
const encodeJwtPart = (value: unknown): string =>
  btoa(JSON.stringify(value)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')

registerContract('credentials', (open) => {
  test('[P4.1] a bearer token authenticates feeds and runs and appears in no URL', async () => {
    const { client, server, createAnotherClient } = await open({ auth: 'jwt' })
    const token = await server.token()
    const events = recordEvents(createAnotherClient({ auth: bearer(token) }).subscribe('/api/stream'))
    await waitUntil(() => events.length)
    await createAnotherClient({ auth: bearer(() => token) })
      .stream('/api/generate', { json: { prompt: 'p' } })
      .final()
    expect(await client.subscribe('/api/stream').closed).toMatchObject({ code: 'http', status: 401 })
    const requests = await server.requests()
    expect(requests.map(({ headers }) => headers['authorization'])).toEqual([
      `Bearer ${token}`,
      `Bearer ${token}`,
      undefined,
    ])
    expect(JSON.stringify(requests.map(({ path }) => path))).not.toContain(token)
  })

  test('[P4.1] an API key authenticates a feed', async () => {
    const { client } = await open({ auth: 'apikey' }, { auth: apiKey('mock-key') })
    const events = recordEvents(client.subscribe('/api/stream'))
    await waitUntil(() => events.length)
  })

  test('[P4.1][P4.2] a request without permission is refused with 403 and not retried', async () => {
    const { server, errors, createAnotherClient } = await open({ auth: 'jwt' })
    const token = await server.token({ permissions: ['feed'] })
    const reasons: string[] = []
    const client = createAnotherClient({ auth: bearer(({ reason }) => (reasons.push(reason), token)) })
    const result = client.stream('/api/generate', { json: { prompt: 'p' } }).final()
    await expect(result).rejects.toMatchObject({ code: 'http', status: 403 })
    expect(reasons).toEqual(['connect'])
    expect(errors).toHaveLength(1)
    expect(await server.log()).toHaveLength(1)
  })

  test('[F16][P4.2] after a 401 a feed refreshes the token once and retries with the same cursor', async () => {
    const { server, states, createAnotherClient } = await open({ auth: 'jwt' })
    const reasons: string[] = []
    const auth = bearer(({ reason }) => (reasons.push(reason), server.token()))
    const feed = createAnotherClient({ auth }).subscribe('/api/stream')
    const events = recordEvents(feed)
    await waitUntil(() => events.length)
    const id = await server.send({ data: 1 })
    await waitUntil(() => feed.lastEventId === id)
    await server.setScenario({ status: 401, times: 1 })
    await server.drop()
    await server.send({ data: 2 })
    await waitUntil(() => payloadsOf(events).length === 2)
    expect(payloadsOf(events)).toEqual([1, 2])
    expect(reasons).toEqual(['connect', 'connect', 'rejected'])
    expect((await server.requests()).map(({ headers }) => headers['last-event-id'])).toEqual([undefined, id, id])
    expect(states.map(({ status }) => status)).toEqual([
      'connecting',
      'open',
      'waiting',
      'connecting',
      'refreshing',
      'open',
    ])
  })

  test('[F16][P4.2] a second consecutive 401 ends the feed with code auth', async () => {
    const { server, errors, createAnotherClient } = await open({ auth: 'jwt' })
    const feed = createAnotherClient({ auth: bearer('not-a-token') }).subscribe('/api/stream')
    const error = await feed.closed
    expect(error).toMatchObject({ code: 'auth', status: 401 })
    expect(error!.headers!.get('www-authenticate')).toContain('error="invalid_token"')
    expect(errors).toEqual([error])
    expect(await server.log()).toHaveLength(2)
  })

  test('[P4.3] a run of another identity is indistinguishable from an unknown run', async () => {
    const { server, createAnotherClient } = await open({ auth: 'jwt', answers: { '*': 'secret' } })
    const as = (subject: string) => createAnotherClient({ auth: bearer(() => server.token({ subject })) })
    const run = as('me').stream('/api/generate', { json: { prompt: 'p' } })
    await run.final()
    const cursor = { url: run.cursor!.url }
    await expect(as('you').resume(cursor).final()).rejects.toMatchObject({ code: 'expired', status: 404 })
    const unknownCursor = { url: cursor.url.replace(/[0-9a-f]{12}$/, '000000000000') }
    await expect(as('you').resume(unknownCursor).final()).rejects.toMatchObject({ code: 'expired', status: 404 })
    expect(await as('me').resume(cursor).final()).toMatchObject({ text: 'secret' })
  })

  test('[F38] a token provider that rejects fails the attempt, which is retried with backoff', async () => {
    const clock = createSyncManualClock()
    let providerCalls = 0
    const auth = bearer(async () => {
      if (++providerCalls < 4) throw new Error('the vault is closed')
      return server.token()
    })
    const { server, states, errors, createAnotherClient } = await open({ auth: 'jwt' })
    const client = createAnotherClient({ auth, clock, retry: { delay: 1_000, jitter: false } })
    const events = recordEvents(client.subscribe('/api/stream'))
    for (const delay of [1_000, 2_000, 4_000]) {
      await waitUntil(() => states.at(-1)?.status === 'waiting')
      expect(states.at(-1)!.error).toMatchObject({ code: 'auth', cause: { message: 'the vault is closed' } })
      expect(clock.pendingDelays).toEqual([delay])
      clock.advance(delay)
    }
    await waitUntil(() => events.length)
    expect([errors, await server.log()]).toEqual([[], ['GET /api/stream']])
  })

  test('[F38] a token provider that hangs fails each attempt after connectTimeout, and the feed ends with code auth at the retry limit', async () => {
    const clock = createSyncManualClock()
    const { client, server, states, errors } = await open(
      {},
      {
        auth: () => new Promise(() => {}),
        clock,
        connectTimeout: 3_000,
        retry: { limit: 2, delay: 1_000, jitter: false },
      },
    )
    const feed = client.subscribe('/api/stream')
    for (const delay of [1_000, 2_000]) {
      await waitUntil(() => clock.pendingDelays.includes(3_000))
      clock.advance(3_000)
      await waitUntil(() => states.at(-1)!.status === 'waiting')
      clock.advance(delay)
    }
    await waitUntil(() => clock.pendingDelays.includes(3_000))
    clock.advance(3_000)
    const error = await feed.closed
    expect(error).toMatchObject({ code: 'auth' })
    expect([errors, await server.log(), clock.pendingDelays]).toEqual([[error], [], []])
  })

  const claims = { sub: 'mock-user', exp: 4_000_000_000 }
  test.each([
    ['alg: none', `${encodeJwtPart({ alg: 'none' })}.${encodeJwtPart(claims)}.`],
    ['a different algorithm', `${encodeJwtPart({ alg: 'HS512' })}.${encodeJwtPart(claims)}.c2lnbmF0dXJl`],
    ['an invalid signature', `${encodeJwtPart({ alg: 'HS256' })}.${encodeJwtPart(claims)}.c2lnbmF0dXJl`],
    ['no JWT structure', 'nothing'],
  ])('[F49][P4.1] a token with %s is refused with invalid_token', async (_, token) => {
    const { server } = await open({ auth: 'jwt' })
    const response = await fetch(`${server.url}/api/stream`, { headers: { authorization: `Bearer ${token}` } })
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer .*error="invalid_token"/)
    expect(await response.json()).toMatchObject({ status: 401, title: 'Unauthorized' })
  })

  test('[F49][P4.1] an expired token is refused with invalid_token', async () => {
    const { server } = await open({ auth: 'jwt', time: 'manual' })
    const headers = { authorization: `Bearer ${await server.token({ expiresIn: 5_000 })}` }
    await server.advance(5_000)
    const response = await fetch(`${server.url}/api/stream`, { headers })
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"')
  })

  test('[F49][P4.1] a feed whose token expires resumes with a new token and without a gap', async () => {
    const { server, errors, createAnotherClient } = await open({ auth: 'jwt', time: 'manual' })
    const tokens: string[] = []
    const auth = bearer(async ({ reason }) => {
      if (reason === 'rejected' || tokens.length === 0) tokens.push(await server.token({ expiresIn: 5_000 }))
      return tokens.at(-1)!
    })
    const feed = createAnotherClient({ auth }).subscribe('/api/stream')
    const events = recordEvents(feed)
    await waitUntil(() => events.length)
    for (let count = 0; count < 3; count++) {
      await server.send({ data: count })
      await waitUntil(() => payloadsOf(events).length === count + 1)
      await server.advance(5_000)
      await waitUntil(() => tokens.length === count + 2)
    }
    await waitUntil(() => events.length === 7)
    expect(payloadsOf(events)).toEqual([0, 1, 2])
    expect(errors).toEqual([])
  })

  test('[F49] a run whose token expires resumes with a new token and is not started twice', async () => {
    const { server, createAnotherClient } = await open({
      auth: 'jwt',
      time: 'manual',
      delay: 1_000,
      answers: { '*': 'abcdef' },
    })
    let token = await server.token({ expiresIn: 2_500 })
    const auth = bearer(async ({ reason }) => {
      if (reason === 'rejected') token = await server.token({ expiresIn: 2_500 })
      return token
    })
    const run = createAnotherClient({ auth }).stream('/api/generate', { json: { prompt: 'p' } })
    const result = run.final()
    await waitUntil(() => run.cursor)
    for (let length = 1; length <= 6; length++) {
      await server.advance(1_000)
      await waitUntil(() => run.text.length === length)
    }
    await server.advance(1_000)
    expect(await result).toMatchObject({ text: 'abcdef', finishReason: 'stop' })
    const log = await server.log()
    expect(log.filter((line) => line.startsWith('POST'))).toHaveLength(1)
    expect((await server.state()).runs).toHaveLength(1)
  })
})
