/** Faults 10 to 17 in docs/faults.md: responses that are not event streams. */
import { expect, test } from 'vitest'
import { registerContract } from '../contract.ts'
import { payloadsOf, recordEvents } from '../record-events.ts'
import { waitUntil } from '../wait-until.ts'

const statuses = { final: [400, 403, 404, 410], retried: [408, 425, 429, 500, 502, 503, 504] }

registerContract('responses', (open) => {
  const otherTypes = ['text/html', 'text/event-streamish', 'application/json', '']
  test.each(otherTypes)(
    '[F10] a 200 response with content type %j ends the feed and closes the connection',
    async (type) => {
      const { client, server, errors } = await open({ scenario: { 'content-type': type } })
      const feed = client.subscribe('/api/stream')
      const events = recordEvents(feed)
      const error = await feed.closed
      expect(error).toMatchObject({ code: 'content-type', retryable: false })
      expect(errors).toEqual([error])
      await waitUntil(async () => (await server.state()).feedReaders === 0)
      expect(await server.log()).toEqual(['GET /api/stream'])
      expect(events).toEqual([])
    },
  )

  test.each(['TEXT/Event-Stream', 'text/event-stream;charset=utf-8', ' text/event-stream ; x=y'])(
    '[F10] content type %j is accepted as an event stream',
    async (type) => {
      const { client } = await open({ scenario: { 'content-type': type } })
      const events = recordEvents(client.subscribe('/api/stream'))
      await waitUntil(() => events.length)
    },
  )

  test('[F11] an error response with an endless body is reported immediately, and the connection is closed', async () => {
    const { client, server } = await open({ scenario: { status: 400, 'endless-body': true } })
    const error = await client.subscribe('/api/stream').closed
    expect(error).toMatchObject({ code: 'http', status: 400 })
    // The client reads only the start of the body, for the problem document, and then closes the connection.
    await waitUntil(async () => (await server.state()).openResponses === 0)
    expect(await server.log()).toHaveLength(1)
  })

  test('[F11] retried error responses with endless bodies leave no connection open', async () => {
    const { client, server } = await open({ scenario: { status: 500, 'endless-body': true, times: 5 } })
    const feed = client.subscribe('/api/stream')
    const events = recordEvents(feed)
    await waitUntil(() => events.length)
    expect(await server.log()).toHaveLength(6)
    feed.close()
    await waitUntil(async () => (await server.state()).openResponses === 0)
  })

  test('[F12][P1.4] a 204 ends a feed without a reconnect or an error', async () => {
    const { client, server, errors, states } = await open()
    const feed = client.subscribe('/api/stream')
    const events = recordEvents(feed)
    await waitUntil(() => events.length)
    await server.finish() // ends the connection; the reconnect gets 204
    expect(await feed.closed).toBeUndefined()
    expect(await server.log()).toEqual(['GET /api/stream', 'GET /api/stream'])
    expect(states.at(-1)!.status).toBe('closed')
    expect(errors).toEqual([])
  })

  test('[F12] a 204 ends a loop over a feed', async () => {
    const { client, server } = await open()
    await server.finish()
    const events: unknown[] = []
    for await (const event of client.subscribe('/api/stream')) events.push(event)
    expect(events).toEqual([])
    expect(await server.log()).toEqual(['GET /api/stream'])
  })

  test.each([301, 302, 303, 307, 308])('[F13] a %i redirect to a relative URL is followed', async (status) => {
    const { client, server } = await open({ scenario: { status, location: 'stream?moved', times: 1 } })
    const feed = client.subscribe('/api/stream')
    const events = recordEvents(feed)
    await waitUntil(() => events.length)
    const id = await server.send({ data: 1 })
    await waitUntil(() => feed.lastEventId === id)
    expect(payloadsOf(events)).toEqual([1])
    expect((await server.requests()).map(({ path }) => path)).toEqual(['/api/stream', '/api/stream?moved'])
  })

  test.each(statuses.final)(
    '[F15][P1.4] status %i ends a feed with one error that contains the problem document',
    async (status) => {
      const { client, server, errors } = await open({ scenario: { status } })
      const error = await client.subscribe('/api/stream').closed
      const problem = { status, type: 'about:blank', title: expect.any(String), detail: expect.any(String) }
      expect(error).toMatchObject({ code: 'http', status, retryable: false, problem })
      expect(errors).toEqual([error])
      expect(await server.log()).toEqual(['GET /api/stream'])
    },
  )

  test.each(statuses.final)('[F15] status %i ends a run with one error', async (status) => {
    const { client, server, errors } = await open({ scenario: { status } })
    const error: unknown = await client
      .stream('/api/generate', { json: { prompt: 'p' } })
      .final()
      .catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'http', status })
    expect(errors).toEqual([error])
    expect(await server.log()).toEqual(['POST /api/generate'])
  })

  test.each(statuses.retried)('[F17] status %i is retried by a feed and by a run', async (status) => {
    const { client, server } = await open({ scenario: { status, 'retry-after': 0, times: 2 } })
    const events = recordEvents(client.subscribe('/api/stream'))
    await waitUntil(() => events.length)
    await server.setScenario({ status, 'retry-after': 0, times: 2 })
    await client.stream('/api/generate', { json: { prompt: 'p' } }).final()
    const [feed, run] = ['GET /api/stream', 'POST /api/generate']
    expect(await server.log()).toEqual([feed, feed, feed, run, run, run])
  })
})
