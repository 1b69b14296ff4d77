/** OpenAI chat completions, chunk by chunk. */
import { describe, expect, test } from 'vitest'
import { openaiChat, type ChatDelta } from '../../src/protocols/openai-chat.ts'
import type { Step } from '../../src/protocols/protocol.ts'

/** Maps a whole stream to its steps; payloads other than strings are serialized as JSON. */
const mapAll = (...payloads: unknown[]): Step<ChatDelta>[] => {
  const protocol = openaiChat()
  const memory = {}
  return payloads
    .flatMap((payload) =>
      protocol.map(
        { type: 'message', data: typeof payload === 'string' ? payload : JSON.stringify(payload), id: '' },
        memory,
      ),
    )
    .filter((step) => step !== undefined)
}
const chunk = (content: string | null, index = 0, more = {}) => ({
  id: 'c',
  choices: [{ index, delta: { content }, finish_reason: null, ...more }],
})

describe('deltas', () => {
  test('each delta has the content, the choice index and the original chunk', () => {
    expect(mapAll(chunk('Hel'), chunk('lo'))).toEqual([
      { type: 'delta', delta: { content: 'Hel', choice: 0, chunk: chunk('Hel') } },
      { type: 'delta', delta: { content: 'lo', choice: 0, chunk: chunk('lo') } },
    ])
  })

  test('deltas have their choice index, and only the first choice contributes to the text', () => {
    const steps = mapAll({
      choices: [
        { index: 0, delta: { content: 'a' } },
        { index: 1, delta: { content: 'b' } },
      ],
    })
    const deltas = steps.flatMap((step) => (step.type === 'delta' ? [step.delta] : []))
    expect(deltas.map(({ choice }) => choice)).toEqual([0, 1])
    expect(deltas.map((delta) => openaiChat().text!(delta))).toEqual(['a', ''])
  })

  test.each([
    ['a role', chunk(null, 0, { delta: { role: 'assistant', content: '' } })],
    ['a tool call', chunk(null, 0, { delta: { tool_calls: [{ index: 0, function: { name: 'f', arguments: '{' } }] } })],
    ['no choices', { choices: [] }],
    ['only usage', { usage: { total_tokens: 3 } }],
  ])('a chunk with %s yields no steps', (_name, payload) => expect(mapAll(payload)).toEqual([]))
})

describe('the end', () => {
  test('[DONE] ends the run with the finish reason and usage received earlier', () => {
    const finish = chunk(null, 0, { finish_reason: 'length', delta: {} })
    expect(mapAll(chunk('a'), finish, { choices: [], usage: { total_tokens: 3 } }, '[DONE]').at(-1)).toEqual({
      type: 'end',
      finishReason: 'length',
      usage: { total_tokens: 3 },
    })
  })

  test('the last content may arrive with the finish reason', () => {
    expect(mapAll(chunk('z', 0, { finish_reason: 'stop' }), '[DONE]')).toMatchObject([
      { type: 'delta', delta: { content: 'z' } },
      { type: 'end', finishReason: 'stop' },
    ])
  })

  test('the run has the finish reason of the first choice', () => {
    const steps = mapAll(
      chunk(null, 0, { finish_reason: 'stop' }),
      chunk(null, 1, { finish_reason: 'length' }),
      '[DONE]',
    )
    expect(steps).toMatchObject([{ type: 'end', finishReason: 'stop' }])
  })

  test('memory is not shared between runs', () => {
    mapAll(chunk(null, 0, { finish_reason: 'stop' }))
    expect(mapAll('[DONE]')).toMatchObject([{ type: 'end', finishReason: undefined }])
  })

  test('a stream without [DONE] is truncated and cannot be resumed', () => {
    expect(openaiChat().eof ?? 'truncated').toBe('truncated')
    expect(openaiChat().resumable ?? false).toBe(false)
  })
})

describe('errors', () => {
  test('an error chunk fails the run with its message and its code, or its type if it has no code', () => {
    expect(mapAll({ error: { message: 'Overloaded', type: 'server_error', code: 'overloaded' } })).toMatchObject([
      { type: 'error', message: 'Overloaded', code: 'overloaded' },
    ])
    expect(mapAll({ error: { message: 'Overloaded', type: 'server_error', code: null } })).toMatchObject([
      { code: 'server_error' },
    ])
    expect(mapAll({ error: {} })).toMatchObject([{ type: 'error', message: expect.any(String) as string }])
  })

  test('data that is not JSON throws', () => {
    expect(() => mapAll('{')).toThrow(SyntaxError)
  })
})
