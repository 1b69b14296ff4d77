/** `deltasOf`: a vendor's response becomes a run, and whatever goes wrong upstream is an error downstream. */
import { describe, expect, test } from 'vitest'
import { deltasOf } from '../../../server/run/deltas-of.ts'
import { openaiChat } from '../../../src/protocols/openai-chat.ts'
import { rawEvents } from '../../../src/protocols/raw-events.ts'

const chunk = (content: string, reason: string | null = null): string =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason: reason }] })}\n\n`
const usage = `data: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 2 } })}\n\n`
const COMPLETE = `${chunk('Hel')}${chunk('lo 🧑‍🚀')}${chunk('', 'tool_calls')}${usage}data: [DONE]\n\n`

/** A response whose body arrives in pieces. */
function respond(text: string, cuts: readonly number[] = [], failure?: Error): Response {
  const bytes = new TextEncoder().encode(text)
  const bounds = [0, ...cuts, bytes.length]
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const [index, end] of bounds.slice(1).entries()) controller.enqueue(bytes.slice(bounds[index], end))
      if (failure) controller.error(failure)
      else controller.close()
    },
  })
  return new Response(body)
}

async function collect(response: Response): Promise<{ text: string; end: unknown }> {
  const deltas = deltasOf(response, openaiChat())
  let text = ''
  for (;;) {
    const { done, value } = await deltas.next()
    if (done) return { text, end: value }
    if (typeof value === 'object' && 'content' in value) text += value.content
  }
}

test('the text, finish reason and usage of the vendor are forwarded', async () => {
  expect(await collect(respond(COMPLETE))).toEqual({
    text: 'Hello 🧑‍🚀',
    end: {
      finishReason: 'tool-calls',
      rawFinishReason: 'tool_calls',
      usage: { inputTokens: 3, outputTokens: 2 },
    },
  })
})

test('a response that is cut at any byte boundary between reads is the same', async () => {
  const expected = await collect(respond(COMPLETE))
  const { length } = new TextEncoder().encode(COMPLETE)
  for (let cut = 1; cut < length; cut++) expect(await collect(respond(COMPLETE, [cut]))).toEqual(expected)
})

test('a response that ends at any byte before its end is an error, unless all but usage and [DONE] were received', async () => {
  const end = COMPLETE.indexOf('[DONE]') + '[DONE]'.length
  const bytes = new TextEncoder().encode(COMPLETE.slice(0, end))
  for (let length = 0; length < bytes.length; length++) {
    const response = new Response(bytes.slice(0, length))
    const before = new TextDecoder().decode(bytes.slice(0, length))
    if (/"finish_reason":"tool_calls"[^\n]*\n\n(data: .*\n\n)?$/.test(before))
      expect(await collect(response)).toMatchObject({ text: 'Hello 🧑‍🚀', end: { finishReason: 'tool-calls' } })
    else await expect(collect(response), before).rejects.toMatchObject({ code: 'upstream-truncated', retryable: true })
  }
  expect(await collect(new Response(bytes))).toMatchObject({ text: 'Hello 🧑‍🚀' })
})

describe('errors', () => {
  test('a connection that breaks is an error that can be retried', async () => {
    const { body } = respond(chunk('Hel'))
    const reader = body!.getReader()
    const broken = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { done, value } = await reader.read()
        if (done) controller.error(new Error('reset'))
        else controller.enqueue(value)
      },
    })
    await expect(collect(new Response(broken))).rejects.toMatchObject({ code: 'upstream-truncated', retryable: true })
  })

  test.each([
    [429, true],
    [401, false],
    [204, false],
  ])('the status %i is an error; whether it can be retried: %s', async (status, retryable) => {
    const response = new Response(status === 204 ? null : 'secret', { status })
    await expect(collect(response)).rejects.toMatchObject({
      code: 'upstream',
      retryable,
      message: expect.not.stringContaining('secret'),
    })
  })

  test("an error event of the vendor has its code, but not the vendor's words", async () => {
    const event = `data: {"error":{"message":"Incorrect API key: sk-1234","code":"invalid_api_key"}}\n\n`
    await expect(collect(respond(event))).rejects.toMatchObject({
      code: 'invalid_api_key',
      message: expect.not.stringContaining('sk-1234'),
    })
  })

  test('data that is not JSON is an error', async () => {
    await expect(collect(respond('data: {\n\n'))).rejects.toMatchObject({ code: 'upstream-invalid' })
  })
})

test('a protocol whose end is the end of the connection ends there', async () => {
  const deltas = deltasOf(respond('data: a\n\ndata: b\n\n'), rawEvents())
  expect(await deltas.next()).toEqual({ done: false, value: 'a' })
  expect(await deltas.next()).toEqual({ done: false, value: 'b' })
  expect(await deltas.next()).toEqual({ done: true, value: {} })
})

test('tool calls and reasoning are forwarded as deltas of the protocol', async () => {
  const call = { tool_calls: [{ index: 0, id: 'c', function: { name: 'f', arguments: '{}' } }] }
  const events = [{ reasoning_content: 'Hm' }, call].map((delta) => ({ choices: [{ index: 0, delta }] }))
  const text = events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('')
  const deltas = []
  for await (const delta of deltasOf(respond(`${text}data: [DONE]\n\n`), openaiChat())) deltas.push(delta)
  expect(deltas).toEqual([
    { type: 'reasoning', block: 0, content: 'Hm' },
    { type: 'tool-call', block: 1, id: 'c', name: 'f', args: '{}' },
  ])
})

test('a generator that is closed cancels the response', async () => {
  let cancelled = false
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new TextEncoder().encode(chunk('a'))),
    cancel: () => void (cancelled = true),
  })
  const deltas = deltasOf(new Response(body), openaiChat())
  await deltas.next()
  await deltas.return({})
  expect(cancelled).toBe(true)
})
