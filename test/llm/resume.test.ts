/** Runs of vendors that can be resumed, cut after each event; and cancelling at the vendor. */
import { describe, expect, test } from 'vitest'
import type { Message } from '../../src/message/message.ts'
import { aiSdk } from '../../src/protocols/ai-sdk.ts'
import { langgraph } from '../../src/protocols/langgraph.ts'
import { openaiResponses } from '../../src/protocols/openai-responses.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import type { ScriptedBlock } from '../support/scripted-connect.ts'
import { createTestClient } from '../support/test-client.ts'
import { trapUnhandled } from '../support/unhandled.ts'
import { samples } from './read-corpus.ts'

trapUnhandled()

/** Returns the events of a stream of the corpus. */
function eventsOf(vendor: string, name: string): ScriptedBlock[] {
  const { bytes } = samples.find((sample) => sample.vendor === vendor && sample.name === name)!
  return new TextDecoder()
    .decode(bytes)
    .split('\n\n')
    .filter(Boolean)
    .map((block) => {
      const fields = /^(?:event: (?<type>.*)\n)?data: (?<data>.*?)(?:\nid: (?<id>.*))?$/
      const { groups } = fields.exec(block) as unknown as {
        groups: { type?: string; data: string; id?: string }
      }
      return { type: groups.type ?? 'message', data: groups.data, ...(groups.id && { id: groups.id }) }
    })
}
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))
const expectedOf = (vendor: string, name: string): unknown =>
  samples.find((sample) => sample.vendor === vendor && sample.name === name)!.expected

describe('openaiResponses() with background', () => {
  const events = eventsOf('openai-responses', 'reasoning-and-tools').map(({ type, data = '' }) => ({
    type: type!,
    data: data.replace('"status":"in_progress"}', '"status":"in_progress","background":true}'),
  }))
  const open = async () => {
    const testClient = createTestClient()
    const run = testClient.client.stream('/v1/responses?api-version=1', { json: {}, protocol: openaiResponses() })
    const final = run.final()
    final.catch(() => {})
    return { ...testClient, run, final, connection: await testClient.open() }
  }

  test.each(events.slice(0, -1).map((_, index) => index + 1))(
    'a run cut after %i events continues after the last one, and is not started again',
    async (count) => {
      const { connection, clock, network, final } = await open()
      connection.send(...events.slice(0, count))
      connection.disconnect()
      await clock.advance(1_000)
      expect(network.attempts).toHaveLength(2)
      const { method, url } = network.last.request
      expect([method, url]).toEqual([
        'GET',
        `https://api.test/v1/responses/resp_1?api-version=1&stream=true&starting_after=${count - 1}`,
      ])
      network.last.respond().send(...events.slice(count))
      expect(plain(await final)).toEqual(expectedOf('openai-responses', 'reasoning-and-tools'))
    },
  )

  test('events that a server repeats are delivered once', async () => {
    const { connection, clock, network, final, run } = await open()
    const received: unknown[] = []
    run.on('response.function_call_arguments.delta', ({ data }) => received.push(data))
    connection.send(...events.slice(0, 8))
    connection.disconnect()
    await clock.advance(1_000)
    network.last.respond().send(...events)
    expect(plain(await final)).toEqual(expectedOf('openai-responses', 'reasoning-and-tools'))
    expect(received).toHaveLength(2)
  })

  test('a missing event is a gap, which is read again', async () => {
    const { connection, clock, network, final } = await open()
    connection.send(...events.slice(0, 3), ...events.slice(4))
    await clock.advance(1_000)
    expect(network.last.request.url).toContain('starting_after=2')
    network.last.respond().send(...events.slice(3))
    expect(plain(await final)).toEqual(expectedOf('openai-responses', 'reasoning-and-tools'))
  })

  test('a cursor from the middle reads the run again from its start', async () => {
    const { connection, clock, network, run } = await open()
    connection.send(...events.slice(0, 6))
    await flushMicrotasks()
    const { cursor } = run
    expect(cursor).toMatchObject({ protocol: 'openai-responses', at: '5' })
    run.detach()
    await clock.advance(1_000)
    const { client, network: later } = createTestClient()
    const resumed = client.resume(cursor!, { protocol: openaiResponses() })
    await flushMicrotasks()
    expect(later.last.request.url).toBe('https://api.test/v1/responses/resp_1?api-version=1&stream=true')
    later.last.respond().send(...events)
    expect(plain(await resumed.final())).toEqual(expectedOf('openai-responses', 'reasoning-and-tools'))
    expect(network.attempts).toHaveLength(1)
  })

  test('cancel() posts to the vendor and sends no DELETE', async () => {
    const { connection, network, run, final } = await open()
    connection.send(...events.slice(0, 3))
    await flushMicrotasks()
    const cancelled = run.cancel()
    await flushMicrotasks()
    const { method, url } = network.last.request
    expect([method, url]).toEqual(['POST', 'https://api.test/v1/responses/resp_1/cancel?api-version=1'])
    network.last.respond({ headers: { 'content-type': 'application/json' } })
    await cancelled
    connection.send({ data: '{"type":"response.cancelled","sequence_number":3,"response":{"status":"cancelled"}}' })
    expect(await final).toMatchObject({ finishReason: 'cancelled' })
    expect(network.attempts.map(({ request }) => request.method)).not.toContain('DELETE')
  })

  test('without background, a broken run is not resumed, and cancel() closes the connection', async () => {
    const { client, network, clock, open: openConnection } = createTestClient()
    const run = client.stream('/v1/responses', { json: {}, protocol: openaiResponses() })
    const final = run.final()
    const connection = await openConnection()
    connection.send(...eventsOf('openai-responses', 'text').slice(0, 5))
    await flushMicrotasks()
    await run.cancel()
    expect(await final).toMatchObject({ finishReason: 'cancelled', text: 'Hel' })
    await clock.advance(10_000)
    expect(network.attempts).toHaveLength(1)
  })
})

describe('aiSdk() with resumeUrl', () => {
  const events = eventsOf('ai-sdk', 'steps-and-tools')
  const open = async () => {
    const testClient = createTestClient()
    const protocol = aiSdk({ resumeUrl: '/api/chat/1/stream' })
    const run = testClient.client.stream('/api/chat', { json: {}, protocol })
    const final = run.final()
    final.catch(() => {})
    return { ...testClient, run, final, connection: await testClient.open() }
  }

  test.each(events.slice(0, -1).map((_, index) => index + 1))(
    'a run cut after %i events skips what the server replays, and is not started again',
    async (count) => {
      const { connection, clock, network, final, run } = await open()
      let received = 0
      run.on('message', () => received++)
      connection.send(...events.slice(0, count))
      connection.disconnect()
      await clock.advance(1_000)
      expect(network.last.request).toMatchObject({ method: 'GET', url: 'https://api.test/api/chat/1/stream' })
      network.last.respond().send(...events)
      expect(plain(await final)).toEqual(expectedOf('ai-sdk', 'steps-and-tools'))
      expect(received).toBe(events.length)
      expect(network.attempts.map(({ request }) => request.method)).toEqual(['POST', 'GET'])
    },
  )

  test('a run cut again and again, after each new event, is complete', async () => {
    const { connection, clock, network, final } = await open()
    connection.send(events[0]!)
    connection.disconnect()
    for (let count = 2; count <= events.length; count++) {
      await clock.advance(1_000)
      const next = network.last.respond()
      next.send(...events.slice(0, count))
      if (count < events.length) next.disconnect()
    }
    expect(plain(await final)).toEqual(expectedOf('ai-sdk', 'steps-and-tools'))
  })

  test('a replay that differs fails with code expired, the partial text, and none of the other', async () => {
    const { connection, clock, network, final, run } = await open()
    connection.send(...events.slice(0, 8))
    connection.disconnect()
    await clock.advance(1_000)
    const other = events.map(({ data = '' }) => ({ data: data.replace('One', 'Other') }))
    network.last.respond().send(...other)
    await expect(final).rejects.toMatchObject({ code: 'expired', partial: 'One' })
    expect(run.text).toBe('One')
    expect((run.message as Message).blocks).toMatchObject([{ content: 'Hm' }, { content: 'One' }])
  })

  test('a 204 before the end is expired', async () => {
    const { connection, clock, network, final } = await open()
    connection.send(...events.slice(0, 8))
    connection.disconnect()
    await clock.advance(1_000)
    network.last.respond({ status: 204, headers: {} })
    await expect(final).rejects.toMatchObject({ code: 'expired', partial: 'One' })
  })

  test('without resumeUrl, a cut run is truncated', async () => {
    const { client, clock, network, open: openConnection } = createTestClient()
    const final = client.stream('/api/chat', { json: {}, protocol: aiSdk() }).final()
    final.catch(() => {})
    const connection = await openConnection()
    connection.send(...events.slice(0, 8))
    connection.end()
    await clock.advance(10_000)
    await expect(final).rejects.toMatchObject({ code: 'truncated', partial: 'One' })
    expect(network.attempts).toHaveLength(1)
  })
})

describe('langgraph() with resumable', () => {
  const events = eventsOf('langgraph', 'reasoning-and-tools')
  const open = async () => {
    const testClient = createTestClient()
    const protocol = langgraph({ resumable: true })
    const run = testClient.client.stream('/threads/t1/runs/stream', { json: {}, protocol })
    const final = run.final()
    final.catch(() => {})
    return { ...testClient, run, final, connection: await testClient.open() }
  }

  test.each(events.slice(0, -1).map((_, index) => index + 1))(
    'a run cut after %i events continues after the last one, and is not started again',
    async (count) => {
      const { connection, clock, network, final } = await open()
      connection.send(...events.slice(0, count))
      connection.disconnect()
      await clock.advance(1_000)
      expect(network.attempts).toHaveLength(2)
      expect(network.last.request).toMatchObject({
        method: 'GET',
        url: 'https://api.test/threads/t1/runs/run-1/stream',
        lastEventId: `${count}-0`,
      })
      network.last.respond().send(...events.slice(count))
      expect(plain(await final)).toEqual(expectedOf('langgraph', 'reasoning-and-tools'))
    },
  )

  test('a cursor from the middle asks for all events, with the ID -1', async () => {
    const { connection, run } = await open()
    connection.send(...events.slice(0, 5))
    await flushMicrotasks()
    const { cursor } = run
    run.detach()
    const { client, network } = createTestClient()
    const resumed = client.resume(cursor!, { protocol: langgraph({ resumable: true }) })
    await flushMicrotasks()
    expect(network.last.request).toMatchObject({
      url: 'https://api.test/threads/t1/runs/run-1/stream',
      lastEventId: '-1',
    })
    network.last.respond().send(...events)
    expect(plain(await resumed.final())).toEqual(expectedOf('langgraph', 'reasoning-and-tools'))
  })

  test('a run that the server no longer knows is expired', async () => {
    const { connection, clock, network, final } = await open()
    connection.send(...events.slice(0, 5))
    connection.disconnect()
    await clock.advance(1_000)
    network.last.respond({ status: 404, headers: {} })
    await expect(final).rejects.toMatchObject({ code: 'expired', partial: 'I look.' })
  })

  test('cancel() posts to the server', async () => {
    const { connection, network, run, final } = await open()
    connection.send(...events.slice(0, 3))
    await flushMicrotasks()
    const cancelled = run.cancel()
    await flushMicrotasks()
    const { method, url } = network.last.request
    expect([method, url]).toEqual(['POST', 'https://api.test/threads/t1/runs/run-1/cancel'])
    network.last.respond({ status: 202, headers: {} })
    await cancelled
    connection.send({ type: 'error', data: '{"error":"UserInterrupt","message":"User interrupted the run"}' })
    expect(await final).toMatchObject({ finishReason: 'cancelled' })
  })

  test('without resumable, a cut run is truncated', async () => {
    const { client, clock, network, open: openConnection } = createTestClient()
    const final = client.stream('/runs/stream', { json: {}, protocol: langgraph() }).final()
    final.catch(() => {})
    const connection = await openConnection()
    connection.send(...events.slice(0, 5))
    connection.end()
    await clock.advance(10_000)
    await expect(final).rejects.toMatchObject({ code: 'truncated', partial: 'I look.' })
    expect(network.attempts).toHaveLength(1)
  })

  test('with eof: end, the end of the connection is that of the run', async () => {
    const { client, open: openConnection } = createTestClient()
    const final = client.stream('/runs/stream', { json: {}, protocol: langgraph({ eof: 'end' }) }).final()
    const connection = await openConnection()
    connection.send(...events.slice(0, -1))
    connection.end()
    expect(plain(await final)).toEqual(expectedOf('langgraph', 'reasoning-and-tools'))
  })
})
