/** Contract: the records of a stream, over every transport. */
import { expect, test } from 'vitest'
import { type Diagnostic, diagnose } from '../../src/diagnostics.ts'
import { registerContract } from './contract.ts'
import { recordEvents } from './record-events.ts'
import { waitUntil } from './wait-until.ts'

registerContract('records', (open) => {
  test('a feed that is reset reports its request, its response, each event, the retry, and who closed it', async () => {
    const records: Diagnostic[] = []
    const { server, client } = await open({}, { instrument: diagnose((record) => records.push(record)) })
    const feed = client.subscribe('/api/stream', { label: 'feed' })
    const events = recordEvents(feed)
    await waitUntil(() => events.length === 1)
    await server.send({ data: 1 })
    await waitUntil(() => events.length === 2)
    await server.drop()
    await waitUntil(() => events.length === 3)
    const id = await server.send({ data: 2 })
    await waitUntil(() => feed.lastEventId === id)
    feed.close()
    const types = records.map(({ type }) => type)
    expect(types.slice(0, 5)).toEqual(['made', 'attempt', 'request', 'response', 'opened'])
    expect(types.filter((type) => type === 'retry')).toHaveLength(1)
    const received = records.flatMap((record) => (record.type === 'event' ? [record.event] : []))
    expect(received.filter((type) => type === 'message')).toHaveLength(2)
    expect(records.findLast(({ type }) => type === 'request')).toMatchObject({ lastEventId: events[1]!.id })
    expect(records.at(-1)).toMatchObject({ type: 'closed', reason: 'close' })
  })

  test('a run reports the events it receives, and its finish reason', async () => {
    const records: Diagnostic[] = []
    const { client } = await open({}, { instrument: diagnose((record) => records.push(record)) })
    await client.stream('/api/generate', { json: { prompt: 'records' } }).final()
    const received = records.flatMap((record) => (record.type === 'event' ? [record.event] : []))
    expect([received[0], received.at(-1)]).toEqual(['start', 'end'])
    expect(records.at(-1)).toMatchObject({ type: 'closed', reason: 'end', finishReason: 'stop' })
  })
})
