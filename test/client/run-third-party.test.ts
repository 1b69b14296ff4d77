/** Runs on third-party servers: how they end and fail. Requests that might be charged twice are never repeated. */
import { describe, expect, test, vi } from 'vitest'
import { openaiChat } from '../../src/protocols/openai-chat.ts'
import type { Protocol } from '../../src/protocols/protocol.ts'
import { rawEvents } from '../../src/protocols/raw-events.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { createTestClient } from '../support/test-client.ts'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()

const open = async <Delta, State, Message>(protocol: Protocol<Delta, State, Message>, options = {}) => {
  const testClient = createTestClient()
  const run = testClient.client.stream('/chat', { json: { stream: true }, protocol, ...options })
  return { ...testClient, run, connection: await testClient.open() }
}
const rejectionOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no rejection',
    (error: unknown) => error,
  )
const chunk = (delta: object, more: object = {}) => ({
  data: JSON.stringify({ choices: [{ index: 0, delta, finish_reason: null, ...more }] }),
})
const done = { data: '[DONE]' }

describe('openaiChat()', () => {
  test('deltas followed by [DONE] yield text, finish reason and usage', async () => {
    const { run, connection, network } = await open(openaiChat())
    const contents: string[] = []
    const reading = (async () => {
      for await (const delta of run) if (delta.type === 'text') contents.push(delta.content)
    })()
    connection.send(chunk({ role: 'assistant', content: '' }), chunk({ content: '你' }), chunk({ content: '好' }))
    connection.send(
      chunk({}, { finish_reason: 'stop' }),
      { data: '{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}}' },
      done,
    )
    connection.end()
    await reading
    expect(contents).toEqual(['你', '好'])
    expect(await run.final()).toEqual({
      text: '你好',
      finishReason: 'stop',
      rawFinishReason: 'stop',
      usage: {
        inputTokens: 7,
        outputTokens: 2,
        raw: { prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 },
      },
      message: { blocks: [{ type: 'text', content: '你好' }] },
      toolCalls: [],
    })
    expect(network.attempts).toHaveLength(1)
    expect(network.last.headers).not.toHaveProperty('idempotency-key')
  })

  test('every event of the wire is delivered under its own name, whole and once', async () => {
    const { run, connection } = await open(openaiChat())
    const received = vi.fn()
    run.on('message', received)
    const call = { tool_calls: [{ index: 0, function: { name: 'f', arguments: '{}' } }] }
    connection.send(chunk(call), chunk({ content: 'a' }), done)
    expect((await run.final()).text).toBe('a')
    expect(received.mock.calls).toMatchObject([
      [{ type: 'message', data: { choices: [{ delta: call }] } }],
      [{ type: 'message', data: { choices: [{ delta: { content: 'a' } }] } }],
      [{ data: '[DONE]' }],
    ])
  })

  test('[F3] a run that ends before its finish reason and [DONE] fails with truncated and is not repeated', async () => {
    const { run, connection, network, clock } = await open(openaiChat())
    const final = rejectionOf(run.final())
    connection.send(chunk({ content: 'a' }))
    connection.end()
    await clock.advance(60_000)
    expect(await final).toMatchObject({ code: 'truncated', partial: 'a', cursor: undefined })
    expect(network.attempts).toHaveLength(1)
  })

  test('a run that ends after its finish reason, of a server that sends no [DONE], is complete', async () => {
    const { run, connection } = await open(openaiChat())
    const final = run.final()
    connection.send(chunk({ content: 'a' }), chunk({}, { finish_reason: 'length' }))
    connection.end()
    expect(await final).toMatchObject({ text: 'a', finishReason: 'length' })
  })

  test('[F1] a broken connection fails the run, and the request is not repeated', async () => {
    const { run, connection, network, clock } = await open(openaiChat())
    const final = rejectionOf(run.final())
    connection.send({ ...chunk({ content: 'a' }), id: '1' })
    connection.disconnect()
    await clock.advance(60_000)
    expect(await final).toMatchObject({ partial: 'a' })
    expect(network.attempts).toHaveLength(1)
  })

  test('an error chunk fails the run with code server', async () => {
    const { run, connection, network, clock } = await open(openaiChat())
    const final = rejectionOf(run.final())
    connection.send(chunk({ content: 'a' }), { data: '{"error":{"message":"Overloaded","code":"overloaded"}}' })
    expect(await final).toMatchObject({ code: 'server', serverCode: 'overloaded', message: 'Overloaded', partial: 'a' })
    await clock.advance(60_000)
    expect(network.attempts).toHaveLength(1)
  })

  test('[F30] a chunk that is not JSON fails the run with invalid-data', async () => {
    const { run, connection } = await open(openaiChat())
    const final = rejectionOf(run.final())
    connection.send(chunk({ content: 'a' }), { data: '{"choices":' })
    expect(await final).toMatchObject({ code: 'invalid-data', partial: 'a' })
  })
})

describe('rawEvents()', () => {
  test('every event is a delta, and the end of the connection ends the run', async () => {
    const { run, connection } = await open(rawEvents())
    const deltas: unknown[] = []
    const reading = (async () => {
      for await (const event of run) deltas.push(event)
    })()
    connection.send({ data: 'a', id: '1' }, { type: 'end', data: 'b' })
    connection.end()
    await reading
    expect(deltas).toEqual([
      { type: 'message', data: 'a', id: '1' },
      { type: 'end', data: 'b', id: '1' },
    ])
    expect(await run.final()).toEqual({ text: 'ab', finishReason: undefined })
  })

  test('a broken connection fails the run instead of ending it', async () => {
    const { run, connection } = await open(rawEvents())
    const final = rejectionOf(run.final())
    connection.send({ data: 'a', id: '1' })
    connection.disconnect()
    expect(await final).toMatchObject({ code: 'network', partial: 'a' })
  })

  test('a 204 response ends the run without deltas', async () => {
    const { client, network } = createTestClient()
    const run = client.stream('/x', { protocol: rawEvents() })
    await flushMicrotasks()
    network.last.respond({ status: 204, headers: {} })
    expect(await run.final()).toEqual({ text: '', finishReason: undefined })
  })
})

describe('[P3.4] a third-party server, which may not honor idempotency keys', () => {
  test.each([
    ['no response', ({ last }: ReturnType<typeof createTestClient>['network']) => last.fail(), 'network'],
    ['500', ({ last }: ReturnType<typeof createTestClient>['network']) => void last.respond({ status: 500 }), 'http'],
    ['502', ({ last }: ReturnType<typeof createTestClient>['network']) => void last.respond({ status: 502 }), 'http'],
    ['504', ({ last }: ReturnType<typeof createTestClient>['network']) => void last.respond({ status: 504 }), 'http'],
    ['408', ({ last }: ReturnType<typeof createTestClient>['network']) => void last.respond({ status: 408 }), 'http'],
    [
      'an empty stream',
      ({ last }: ReturnType<typeof createTestClient>['network']) => last.respond().end(),
      'truncated',
    ],
  ])('%s is not retried, because the run may have begun', async (_name, fail, code) => {
    const { client, network, clock } = createTestClient({ retry: { shouldRetry: () => true } })
    const final = rejectionOf(client.stream('/chat', { json: {}, protocol: openaiChat() }).final())
    await flushMicrotasks()
    fail(network)
    await clock.advance(120_000)
    expect(await final).toMatchObject({ code })
    expect(network.attempts).toHaveLength(1)
  })

  test('a connect timeout is not retried, because the run may have begun', async () => {
    const { client, network, clock } = createTestClient()
    const final = rejectionOf(client.stream('/chat', { json: {}, protocol: openaiChat() }).final())
    await clock.advance(600_000)
    expect(await final).toMatchObject({ code: 'network' })
    expect(network.attempts).toHaveLength(1)
  })

  test.each([425, 429, 503])('status %d is retried, because it means that no run began', async (status) => {
    const { client, network, clock } = createTestClient()
    const run = client.stream('/chat', { json: {}, protocol: openaiChat() })
    const final = run.final()
    await flushMicrotasks()
    network.last.respond({ status })
    await clock.advance(1_000)
    network.last.respond().send(chunk({ content: 'a' }), done)
    expect((await final).text).toBe('a')
  })

  test('[F16] a 401 is retried with new credentials, because it means that no run began', async () => {
    const { client, network } = createTestClient({ auth: async () => ({}) })
    const run = client.stream('/chat', { json: {}, protocol: openaiChat() })
    const final = run.final()
    await flushMicrotasks()
    network.last.respond({ status: 401 })
    await flushMicrotasks()
    network.last.respond().send(done)
    expect((await final).text).toBe('')
    expect(network.attempts).toHaveLength(2)
  })
})

describe('a custom protocol', () => {
  const wordProtocol: Protocol<string, { count: number }> = {
    begin: () => ({ count: 0 }),
    map: ({ type, data }, state) => {
      const count = state.count++
      if (type === 'stop') return [{ type: 'end', finishReason: `after ${count}` }]
      return data.split(' ').map((delta) => ({ type: 'delta' as const, delta }))
    },
  }

  test('an event may yield several deltas, each run has its own state, and without `text` the text stays empty', async () => {
    for (let run = 0; run < 2; run++) {
      const { run, connection } = await open(wordProtocol)
      connection.send({ data: 'a b c' }, { type: 'stop', data: '' })
      const deltas: string[] = []
      for await (const delta of run) deltas.push(delta)
      expect(deltas).toEqual(['a', 'b', 'c'])
      expect(await run.final()).toEqual({ text: '', finishReason: 'after 1' })
    }
  })

  test('an error thrown by map() is the cause of the invalid-data error that fails the run', async () => {
    const cause = new Error('from the protocol')
    const { run, connection } = await open({
      map() {
        throw cause
      },
    } satisfies Protocol<string>)
    const final = rejectionOf(run.final())
    connection.send({ data: 'a', id: '7' })
    expect(await final).toMatchObject({ code: 'invalid-data', cause, lastEventId: '7' })
  })
})
