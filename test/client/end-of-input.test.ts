/** The end of the input: a block without its blank line, and responses without a body. */
import { describe, expect, test } from 'vitest'
import { openaiChat } from '../../src/protocols/openai-chat.ts'
import type { Protocol } from '../../src/protocols/protocol.ts'
import { rawEvents } from '../../src/protocols/raw-events.ts'
import type { RunOptions } from '../../src/request/stream-options.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { createTestClient } from '../support/test-client.ts'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()

const headers = { 'content-type': 'text/event-stream' }

/** Returns the result of a run that gets this body, or the error with which it fails. */
async function readRun<Delta, State, Message>(
  body: string | null,
  options: RunOptions<Delta> & { protocol: Protocol<Delta, State, Message> },
): Promise<unknown> {
  const { client } = createTestClient({
    connect: undefined as never,
    fetch: async () => new Response(body, { headers }),
  })
  return client
    .stream('/chat', { json: {}, ...options })
    .final()
    .catch((error: unknown) => error)
}
const chunk = (content: string): string => JSON.stringify({ choices: [{ index: 0, delta: { content } }] })

describe('a block without its blank line', () => {
  test.each(['data: [DONE]', 'data: [DONE]\n', 'data:[DONE]\r'])('the sentinel %j ends the run', async (last) => {
    const result = await readRun(`data: ${chunk('a')}\n\n${last}`, { protocol: openaiChat() })
    expect(result).toMatchObject({ text: 'a' })
  })

  test('a payload that is whole JSON counts', async () => {
    const result = await readRun(`data: ${chunk('a')}\n\ndata: ${chunk('b')}`, { protocol: openaiChat() })
    expect(result).toMatchObject({ code: 'truncated', partial: 'ab' })
  })

  test.each(['data: [DON', `data: ${chunk('b').slice(0, -1)}`, 'data: 1', 'dat'])('%j is cut off', async (last) => {
    const result = await readRun(`data: ${chunk('a')}\n\n${last}`, { protocol: openaiChat() })
    expect(result).toMatchObject({ code: 'truncated', partial: 'a' })
  })

  test.each(['data: tail', 'event: x', 'id: 1', 'dat'])('under rawEvents(), %j is cut off', async (last) => {
    const result = await readRun(`data: a\n\n${last}`, { protocol: rawEvents() })
    expect(result).toMatchObject({ code: 'truncated', partial: 'a' })
  })

  test.each(['', ': bye', ': bye\n\n', '\n\n'])('under rawEvents(), %j leaves nothing over', async (last) => {
    expect(await readRun(`data: a\n\n${last}`, { protocol: rawEvents() })).toEqual({
      text: 'a',
      finishReason: undefined,
    })
  })

  test('a feed discards it, as the standard requires', async () => {
    const bodies = ['data: 1\n\ndata: 2', 'data: 3\n\n']
    const { client, clock } = createTestClient({
      connect: undefined as never,
      fetch: async () => new Response(bodies.shift() ?? null, bodies.length ? { headers } : { headers, status: 200 }),
    })
    const received: unknown[] = []
    client.subscribe('/x').on('message', ({ data }) => received.push(data))
    await clock.advance(2_000)
    client.close()
    expect(received).toEqual([1, 3])
  })
})

describe('a response without a body', () => {
  test.each([null, ''])('a run with the body %j is truncated under every protocol', async (body) => {
    const truncated = { code: 'truncated', partial: '' }
    expect(await readRun(body, { protocol: openaiChat() })).toMatchObject(truncated)
    expect(await readRun(body, { protocol: rawEvents() })).toMatchObject(truncated)
  })

  test('a feed reports the third one in a row, and goes on', async () => {
    const { client, network, clock, errors, open } = createTestClient({ retry: { jitter: false } })
    client.subscribe('/x')
    for (let count = 1; count <= 4; count++) {
      const connection = await open()
      connection.end()
      await flushMicrotasks()
      await clock.advance(clock.pendingDelays[0]!)
      expect(errors.length).toBe(count < 3 ? 0 : 1)
    }
    expect(errors).toMatchObject([{ code: 'network', message: 'Connection ended: GET https://api.test/x' }])
    expect(network.attempts.length).toBe(5)
  })

  test('a response with data in between starts the count again', async () => {
    const { client, clock, errors, open } = createTestClient()
    client.subscribe('/x')
    for (const hasData of [false, false, true, false, false]) {
      const connection = await open()
      if (hasData) connection.send({ data: '1' })
      connection.end()
      await flushMicrotasks()
      await clock.advance(clock.pendingDelays[0]!)
    }
    expect(errors).toEqual([])
  })
})

describe('silence', () => {
  test('a run of another protocol is idle after 300 s without a byte', async () => {
    const { client, clock, open } = createTestClient()
    const final = client.stream('/chat', { json: {}, protocol: openaiChat() }).final()
    final.catch(() => {})
    await open()
    await clock.advance(299_999)
    expect(clock.pendingDelays).toHaveLength(1)
    await clock.advance(1)
    await expect(final).rejects.toMatchObject({ code: 'idle' })
  })

  test('any byte starts the 300 s again', async () => {
    const { client, clock, open } = createTestClient()
    const run = client.stream('/chat', { json: {}, protocol: openaiChat() })
    run.on('message', () => {})
    const connection = await open()
    for (let count = 0; count < 5; count++) {
      await clock.advance(299_000)
      connection.comment()
    }
    expect(run.state.status).toBe('open')
    run.detach()
  })

  test('a run of another protocol waits 300 s for its response', async () => {
    const { client, clock, network } = createTestClient()
    const final = client.stream('/chat', { json: {}, protocol: openaiChat() }).final()
    final.catch(() => {})
    await clock.advance(299_999)
    expect(network.last.request.signal.aborted).toBe(false)
    await clock.advance(1)
    await expect(final).rejects.toMatchObject({ code: 'network' })
  })
})
