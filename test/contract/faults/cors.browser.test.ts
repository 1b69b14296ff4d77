/** Cross-origin pages: fault 18 in docs/faults.md and rule 1.5 in PROTOCOL.md. */
import { expect, test } from 'vitest'
import { createSyncManualClock } from '../../setup/sync-manual-clock.ts'
import { registerContract } from '../contract.ts'
import { payloadsOf, recordEvents } from '../record-events.ts'
import { waitUntil } from '../wait-until.ts'

registerContract('cross-origin pages', (open) => {
  test('[F18] a response refused by CORS is a network error, retried with backoff', async () => {
    const clock = createSyncManualClock()
    const { client, server, states } = await open(
      { cors: 'http://somewhere.else' },
      { clock, retry: { delay: 1_000, jitter: false } },
    )
    client.subscribe('/api/stream')
    for (const delay of [1_000, 2_000]) {
      await waitUntil(() => states.at(-1)?.status === 'waiting')
      expect(states.at(-1)!.error).toMatchObject({ code: 'network', retryable: true })
      expect(clock.pendingDelays).toEqual([delay])
      clock.advance(delay)
    }
    await waitUntil(async () => (await server.state()).requests.filter(({ method }) => method === 'GET').length === 3)
  })

  test('[F18] a request with Last-Event-ID refused by CORS is a network error that names CORS as a likely cause', async () => {
    const { client, states } = await open({ cors: 'http://somewhere.else' })
    client.subscribe('/api/stream', { lastEventId: 'x' })
    await waitUntil(() => states.at(-1)?.status === 'waiting')
    expect(states.at(-1)!.error).toMatchObject({
      code: 'network',
      message: expect.stringMatching(/CORS.*Last-Event-ID/),
    })
  })

  test('[P1.5] an allowed origin may send every protocol header, and preflights are cached', async () => {
    const headers = { authorization: 'Bearer x', 'x-api-key': 'x' }
    const { client, server } = await open({ cors: location.origin }, { headers })
    // With the default cache mode, `no-store`, Chromium also bypasses its preflight cache.
    const events = recordEvents(client.subscribe('/api/stream', { cache: 'default', credentials: 'include' }))
    await waitUntil(() => events.length)
    for (let count = 0; count < 3; count++) {
      await server.drop()
      await server.send({ data: count })
      await waitUntil(() => payloadsOf(events).length === count + 1)
    }
    await client.stream('/api/generate', { json: { prompt: 'p' } }).final()
    const { requests } = await server.state()
    const preflights = requests.filter(({ method }) => method === 'OPTIONS')
    const allowedHeaders = preflights.map(({ path, headers }) => [path, headers['access-control-request-headers']])
    expect(allowedHeaders).toEqual([
      ['/api/stream', 'authorization,x-api-key'],
      ['/api/generate', 'authorization,content-type,idempotency-key,x-api-key'],
    ])
    expect(requests.filter(({ method }) => method !== 'OPTIONS').map(({ headers }) => headers['origin'])).toEqual(
      Array.from({ length: 5 }, () => location.origin),
    )
  })

  test('[P1.5] an allowed origin can read Retry-After and WWW-Authenticate', async () => {
    const scenario = { path: '/api/stream', status: 503, 'retry-after': 7 }
    const { server } = await open({ cors: location.origin, scenario, auth: 'jwt' })
    const refused = await fetch(`${server.url}/api/generate?prompt=p`)
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="rivulet"'])
    const busy = await fetch(`${server.url}/api/stream`)
    expect([busy.status, busy.headers.get('retry-after')]).toEqual([503, '7'])
  })

  test('[P1.5] an allowed origin can cancel a run with DELETE', async () => {
    const { client, server } = await open({ time: 'manual', delay: 100, cors: location.origin })
    const run = client.stream('/api/generate', { json: { prompt: 'p' } })
    await waitUntil(() => run.cursor)
    await run.cancel()
    expect((await server.state()).runs).toMatchObject([{ state: 'finished' }])
  })
})
