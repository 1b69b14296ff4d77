/** Redirects in a page, where the browser hides their targets from scripts. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createClient } from '../../src/client/client.ts'
import type { ConnectRequest, Connection } from '../../src/connect/connect.ts'
import { fetchConnect } from '../../src/connect/fetch.ts'
import { type TestServer, openTestServer } from '../contract/test-server.ts'

let home: TestServer
let foreign: TestServer
beforeEach(async () => {
  home = await openTestServer({})
  foreign = await openTestServer({})
})
afterEach(() => Promise.all([home.close(), foreign.close()]))

const connect = (headers: [string, string][], overrides: Partial<ConnectRequest> = {}): Promise<Connection> =>
  fetchConnect()({
    url: `${home.url}/api/stream?key=SECRET`,
    method: 'GET',
    headers: [['accept', 'text/event-stream'], ...headers],
    credentialHeaders: headers.map(([name]) => name),
    maxEventSize: 1_000,
    signal: new AbortController().signal,
    ...overrides,
  })

describe.each([301, 302, 303, 307, 308])('[F13][F14] a %i redirect to another origin', (status) => {
  beforeEach(() => home.setScenario({ status, location: `${foreign.url}/api/stream` }))

  test('is followed by the browser without Authorization, if that is the only credential', async () => {
    const connection = await connect([['authorization', 'Bearer SECRET']])
    expect(connection).toMatchObject({ status: 200, url: `${foreign.url}/api/stream` })
    let batch = await connection.read()
    // The comment that precedes the first event may come in a chunk of its own.
    while (batch?.blocks.length === 0) batch = await connection.read()
    expect(batch?.blocks).toHaveLength(1)
    connection.cancel()
    const [request] = await foreign.requests()
    expect(JSON.stringify((await home.requests())[0]!.headers)).toContain('SECRET')
    expect(JSON.stringify(request!.headers)).not.toContain('SECRET')
  })

  test.each([
    [[['x-api-key', 'SECRET']]],
    [
      [
        ['authorization', 'Bearer SECRET'],
        ['x-api-key', 'SECRET'],
      ],
    ],
  ] as [[string, string][]][])('with the credentials %j, it is a final error and not followed', async (headers) => {
    await expect(connect(headers)).rejects.toMatchObject({
      code: 'redirect',
      retryable: false,
      message: expect.stringMatching(
        new RegExp(`^Redirect not followed, a browser would send .* to any origin: GET ${home.url}/api/stream$`),
      ),
    })
    expect(await foreign.requests()).toEqual([])
  })

  test('with an API key, a feed makes one request and ends with that error', async () => {
    const client = createClient({ baseUrl: home.url, auth: () => ({ 'x-api-key': 'SECRET' }), onError: () => {} })
    const error = await client.subscribe('/api/stream', { retry: { delay: 1 } }).closed
    expect(error).toMatchObject({ code: 'redirect', retryable: false })
    expect(await home.log()).toEqual(['GET /api/stream'])
    expect(await foreign.requests()).toEqual([])
    client.close()
  })
})
