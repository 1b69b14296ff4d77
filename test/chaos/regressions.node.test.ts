/** Minimal reproductions of bugs that the chaos runs have found. */
import { expect, onTestFinished, test } from 'vitest'
import { startMockServer } from '../../mock-server/node/mock-server.ts'
import type { Cursor, StreamError } from '../../src/base/errors.ts'
import { createClient } from '../../src/client/client.ts'
import { waitUntil } from '../contract/wait-until.ts'

test('[F26][P2.3] a feed cut between `connected` and `reset` receives the reset on the next connection', async () => {
  const server = await startMockServer()
  onTestFinished(() => server.close())
  const resets: string[] = []
  const client = createClient({
    baseUrl: server.url,
    retry: { delay: 1 },
    onReset: ({ reason }) => resets.push(reason),
  })
  onTestFinished(() => client.close())
  const feed = client.subscribe<{ n: number }>('/api/stream')
  const seen: unknown[] = []
  feed.on('n', ({ data }) => seen.push(data))
  await waitUntil(() => server.clients.length > 0)
  server.broadcast({ type: 'n', data: 1 })
  await waitUntil(() => seen.length === 1)
  await server.kill()
  server.broadcast({ type: 'n', data: 2 })
  // The server restarts without its log, and its first response is cut before the `reset` event.
  server.setScenario({ 'end-after': 1, times: 1 })
  await server.restart({ log: 'lose' })
  await waitUntil(() => server.service.rules[0]!.matched > 1)
  await waitUntil(() => server.clients.length > 0)
  server.broadcast({ type: 'n', data: 3 })
  await waitUntil(() => seen.includes(3))
  expect({ seen, resets }).toEqual({ seen: [1, 3], resets: ['unknown'] })
})

test('[F25] a run resumed from a cursor skips deltas before the cursor if the server replays too much', async () => {
  const answer = 'abcdefghij'
  const server = await startMockServer({
    answers: { '*': answer },
    delay: 0,
    scenario: [{ 'end-after': 6, times: 1 }, { overlap: 3 }],
  })
  onTestFinished(() => server.close())
  const client = createClient({ baseUrl: server.url, retry: false })
  onTestFinished(() => client.close())
  const error = await client
    .stream('/api/generate', { json: { prompt: 'p' } })
    .final()
    .catch((reason: unknown) => reason)
  expect(error).toMatchObject({
    code: 'truncated',
    partial: 'abcde',
    cursor: { lastEventId: expect.stringMatching(/-6-[0-9a-f]{8}$/) },
  })
  const { cursor } = error as StreamError
  const { text } = await client.resume(JSON.parse(JSON.stringify(cursor)) as Cursor).final()
  expect(text).toBe('fghij')
})
