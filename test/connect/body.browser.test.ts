/** Bodies over the network, whose chunks and readers differ between browsers: WebKit has no readers with a buffer. */
import { expect, onTestFinished, test } from 'vitest'
import { createClient } from '../../src/client/client.ts'
import { fetchConnect } from '../../src/connect/fetch.ts'
import { MAX_SLICE_BYTES } from '../../src/connect/read-body.ts'
import { createSpyConnect } from '../contract/spy-connect.ts'
import { payloadsOf, recordEvents } from '../contract/record-events.ts'
import { openTestServer } from '../contract/test-server.ts'
import { waitUntil } from '../contract/wait-until.ts'

test.each(['identity', 'gzip'] as const)(
  'a feed of 10 MB with the encoding %s is read in slices, and in full',
  async (encoding) => {
    const server = await openTestServer({ scenario: { encoding } })
    onTestFinished(() => server.close())
    const { connect, batches } = createSpyConnect(fetchConnect())
    const client = createClient({ baseUrl: server.url, connect })
    onTestFinished(() => client.close())
    const lastEventId = await server.send({ data: 'first' })
    const data = '日本 é 👍 '.repeat(7_000)
    await server.sendMany({ data }, 80)
    const events = recordEvents(client.subscribe('/api/stream', { lastEventId }))
    await waitUntil(() => payloadsOf(events).length === 80)
    expect(new Set(payloadsOf(events))).toEqual(new Set([data]))
    expect(Math.max(...batches.map(({ bytes }) => bytes))).toBeLessThanOrEqual(MAX_SLICE_BYTES)
  },
)
