/** `run.message`, rich results, and failures, in the same way for every vendor. */
import { describe, expect, test } from 'vitest'
import type { Message } from '../../src/message/message.ts'
import { partialJson } from '../../src/partial-json/partial-json.ts'
import { anthropic } from '../../src/protocols/anthropic.ts'
import { native } from '../../src/protocols/native.ts'
import { openaiChat } from '../../src/protocols/openai-chat.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { createTestClient } from '../support/test-client.ts'
import { trapUnhandled } from '../support/unhandled.ts'
import { vendors } from './read-corpus.ts'

trapUnhandled()

const chunk = (delta: object, more: object = {}) => ({
  data: JSON.stringify({ id: 'c1', model: 'm', choices: [{ index: 0, delta, ...more }] }),
})
const done = { data: '[DONE]' }
const openChat = async (options: Parameters<typeof openaiChat>[0] = {}) => {
  const testClient = createTestClient()
  const run = testClient.client.stream('/chat', { json: {}, protocol: openaiChat(options) })
  return { ...testClient, run, connection: await testClient.open() }
}
const call = (args: string, more: object = {}) =>
  chunk({ tool_calls: [{ index: 0, ...more, function: { name: 'f', arguments: args } }] })

describe('run.message', () => {
  test('it is that of the position of the loop, also if one event has several deltas', async () => {
    const { run, connection } = await openChat()
    connection.send(
      chunk({ reasoning_content: 'Hm', content: 'A' }),
      chunk({ content: 'B' }),
      chunk({}, { finish_reason: 'stop' }),
      done,
    )
    const seen: unknown[] = []
    for await (const delta of run) seen.push([delta.type, run.text, run.message?.blocks.length])
    expect(seen).toEqual([
      ['reasoning', '', 1],
      ['text', 'A', 2],
      ['text', 'AB', 2],
    ])
  })

  test('a block is another object when it changes, and only then', async () => {
    const { run, connection } = await openChat()
    connection.send(chunk({ reasoning_content: 'Hm' }), chunk({ content: 'A' }), chunk({ content: 'B' }), done)
    const messages: Message[] = []
    for await (const _ of run) messages.push(run.message!)
    const [first, second, third] = messages.map(({ blocks }) => blocks)
    expect(second![0]).toBe(first![0])
    expect(third![0]).toBe(first![0])
    expect(third![1]).not.toBe(second![1])
    expect(second![1]).toMatchObject({ content: 'A' })
  })

  test('input has whole arguments without a parser, and partial ones with it', async () => {
    for (const [options, partial] of [
      [{}, undefined],
      [{ partialJson: partialJson() }, { city: 'Ro' }],
    ] as const) {
      const { run, connection } = await openChat(options)
      connection.send(call('{"city":"Ro', { id: 'c' }), call('me"}'), done)
      const inputs: unknown[] = []
      for await (const _ of run) {
        const [block] = run.message!.blocks
        inputs.push(structuredClone(block?.type === 'tool-call' ? block.input : 'no call'))
      }
      expect(inputs).toEqual([partial, { city: 'Rome' }])
      expect((await run.final()).toolCalls).toMatchObject([{ id: 'c', name: 'f', input: { city: 'Rome' } }])
    }
  })

  test('arguments that are not JSON leave the input as it was', async () => {
    const { run, connection } = await openChat({ partialJson: partialJson() })
    connection.send(call('{"a":1,', { id: 'c' }), call('oops'), done)
    expect((await run.final()).toolCalls).toMatchObject([{ args: '{"a":1,oops', input: { a: 1 } }])
  })

  test('after a failure, the message has what was received', async () => {
    const { run, connection } = await openChat()
    const final = run.final()
    final.catch(() => {})
    connection.send(chunk({ content: 'Half' }))
    connection.end()
    await expect(final).rejects.toMatchObject({ code: 'truncated', partial: 'Half' })
    expect(run.message).toEqual({ id: 'c1', model: 'm', blocks: [{ type: 'text', content: 'Half' }] })
  })

  test.each([
    ['a surrogate pair', ['\ud83d', '\ude00'], '😀'],
    ['a joined emoji', ['👩‍', '👧'], '👩‍👧'],
    ['right-to-left text', ['שָׁ', 'לוֹם'], 'שָׁלוֹם'],
  ])('%s that deltas split comes out exact', async (_name, [one, two], text) => {
    const { run, connection } = await openChat()
    connection.send(chunk({ content: one }), chunk({ content: two }), done)
    expect(await run.final()).toMatchObject({ text, message: { blocks: [{ content: text }] } })
  })
})

describe('native({ blocks: true })', () => {
  const event = (type: string, data: object) => ({ type, data: JSON.stringify(data) })
  const start = event('start', { protocol: 1, streamId: 's', resume: '/r', id: 'a1', model: 'm' })
  const delta = (index: number, data: object) => ({ ...event('delta', { ...data, index }), id: `s:${index}` })
  const open = async () => {
    const testClient = createTestClient()
    const run = testClient.client.stream('/generate', { json: {}, protocol: native({ blocks: true }) })
    return { ...testClient, run, connection: await testClient.open() }
  }

  test('[P3.6] [P3.7] deltas of all types make the message, and a reset discards its blocks', async () => {
    const { run, connection } = await open()
    connection.send(
      start,
      delta(0, { type: 'reasoning', block: 0, content: 'Hm' }),
      delta(1, { content: 'Wrong', block: 1 }),
      delta(2, { type: 'reset', from: 1 }),
      delta(3, { type: 'tool-call', block: 1, id: 'c', name: 'f', args: '{"a":1}' }),
      delta(4, { type: 'tool-result', id: 'c', output: 2 }),
      delta(5, { type: 'source', block: 2, url: 'https://a.test/', raw: 1 }),
      delta(6, { type: 'data', block: 3, name: 'n', data: 1 }),
      delta(7, { content: 'Right', block: 4 }),
      event('end', { finishReason: 'stop', usage: { inputTokens: 1, outputTokens: 2 } }),
    )
    expect(await run.final()).toMatchObject({
      text: 'Right',
      finishReason: 'stop',
      message: {
        id: 'a1',
        model: 'm',
        blocks: [
          { type: 'reasoning', content: 'Hm' },
          { type: 'tool-call', id: 'c', name: 'f', input: { a: 1 }, output: 2 },
          { type: 'source', url: 'https://a.test/' },
          { type: 'data', name: 'n', data: 1 },
          { type: 'text', content: 'Right' },
        ],
      },
    })
  })

  test('a run is resumed after its last event ID', async () => {
    const { run, connection, clock, network } = await open()
    const final = run.final()
    connection.send(start, delta(0, { type: 'reasoning', block: 0, content: 'Hm' }))
    connection.disconnect()
    await clock.advance(1_000)
    expect(network.last.request).toMatchObject({ url: 'https://api.test/r', lastEventId: 's:0' })
    network.last.respond().send(delta(1, { content: 'A', block: 1 }), event('end', { finishReason: 'stop' }))
    expect((await final).message.blocks).toEqual([
      { type: 'reasoning', content: 'Hm' },
      { type: 'text', content: 'A' },
    ])
  })

  test('resume() continues a message that the page kept, and otherwise reads the run from its start', async () => {
    const { run, connection } = await open()
    connection.send(start, delta(0, { content: 'A', block: 0 }))
    run.on('delta', () => {})
    await flushMicrotasks()
    const { cursor, message } = run
    for (const [kept, lastEventId, text] of [
      [message!, 's:0', 'AB'],
      [undefined, '', 'B'],
    ] as const) {
      const { client, network } = createTestClient()
      const resumed = client.resume(cursor!, { protocol: native({ blocks: true }), ...(kept && { message: kept }) })
      await flushMicrotasks()
      expect(network.last.request.lastEventId).toBe(lastEventId)
      network.last
        .respond()
        .send(delta(kept ? 1 : 0, { content: 'B', block: 0 }), event('end', { finishReason: 'stop' }))
      expect((await resumed.final()).message.blocks).toMatchObject([{ content: text }])
    }
    run.detach()
  })

  test.each([
    { type: 'tool-call', block: 0 },
    { type: 'reasoning', block: -1, content: 'x' },
    { type: 'text', block: 1.5, content: 'x' },
    { type: 'text', block: 0 },
    { type: 'reset' },
  ])('[P3.6] a delta with the data %j is invalid', async (data) => {
    const { run, connection } = await open()
    const final = run.final()
    connection.send(start, delta(0, data))
    await expect(final).rejects.toMatchObject({ code: 'invalid-data' })
  })
})

describe('refused requests', () => {
  const refuse = async (status: number, body: unknown, headers: Record<string, string> = {}) => {
    const testClient = createTestClient()
    const final = testClient.client.stream('/v1/messages', { json: {}, protocol: anthropic() }).final()
    final.catch(() => {})
    await flushMicrotasks()
    testClient.network.last.respond({
      status,
      headers: { 'content-type': 'application/json', ...headers },
      problem: JSON.stringify(body),
    })
    await flushMicrotasks()
    return { ...testClient, final }
  }

  test('the error has the words of the vendor, its code and its body', async () => {
    const body = { type: 'error', error: { type: 'invalid_request_error', message: 'max_tokens: required' } }
    const { final } = await refuse(400, body)
    await expect(final).rejects.toMatchObject({
      code: 'http',
      status: 400,
      message: 'max_tokens: required',
      serverCode: 'invalid_request_error',
      problem: body,
    })
  })

  test('a 529 is retried like a 503, after the time in retry-after-ms', async () => {
    const { network, clock } = await refuse(
      529,
      { error: { type: 'overloaded_error', message: 'Overloaded' } },
      { 'retry-after-ms': '2500' },
    )
    await clock.advance(2_499)
    expect(network.attempts).toHaveLength(1)
    await clock.advance(2_000)
    expect(network.attempts).toHaveLength(2)
  })

  test('x-should-retry: false ends the retries', async () => {
    const { final, network, clock } = await refuse(
      429,
      { error: { message: 'Quota used up' } },
      { 'x-should-retry': 'false' },
    )
    await clock.advance(60_000)
    await expect(final).rejects.toMatchObject({ status: 429, message: 'Quota used up', retryable: false })
    expect(network.attempts).toHaveLength(1)
  })
})

describe.each(Object.keys(vendors))('%s', (vendor) => {
  test('a stalled stream fails by default', async () => {
    const { client, clock, open } = createTestClient()
    const final = client.stream('/answers', { json: {}, protocol: vendors[vendor]!() }).final()
    final.catch(() => {})
    await open()
    await clock.advance(300_000)
    await expect(final).rejects.toMatchObject({ code: 'idle' })
  })

  test('a stream of comments alone fails by default', async () => {
    const { client, clock, open } = createTestClient()
    const final = client.stream('/answers', { json: {}, protocol: vendors[vendor]!() }).final()
    final.catch(() => {})
    const connection = await open()
    for (let minute = 0; minute < 30; minute++) {
      connection.comment()
      await clock.advance(60_000)
    }
    await expect(final).rejects.toMatchObject({ code: 'stalled' })
  })
})
