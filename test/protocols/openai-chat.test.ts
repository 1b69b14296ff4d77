/** OpenAI chat completions, chunk by chunk. test/llm has whole streams. */
import { describe, expect, test } from 'vitest'
import type { Delta } from '../../src/message/message.ts'
import { openaiChat } from '../../src/protocols/openai-chat.ts'
import type { Step } from '../../src/protocols/protocol.ts'

/** Maps a whole stream to its steps; payloads other than strings are serialized as JSON. */
const mapAll = (...payloads: unknown[]): Step<Delta>[] => {
  const protocol = openaiChat()
  const state = protocol.begin!()
  return payloads
    .flatMap((payload) =>
      protocol.map(
        { type: 'message', data: typeof payload === 'string' ? payload : JSON.stringify(payload), id: '' },
        state,
      ),
    )
    .filter((step) => step !== undefined)
}
const deltasOf = (...payloads: unknown[]): Delta[] =>
  mapAll(...payloads).flatMap((step) => (step.type === 'delta' ? [step.delta] : []))
const chunk = (content: string | null, index = 0, more = {}) => ({
  id: 'c',
  choices: [{ index, delta: { content }, finish_reason: null, ...more }],
})

describe('deltas', () => {
  test('each delta has the content and its block, and the chunk as data for listeners', () => {
    expect(mapAll(chunk('Hel'), chunk('lo'))).toMatchObject([
      { type: 'start', id: 'c' },
      { type: 'delta', delta: { type: 'text', block: 0, content: 'Hel' }, data: chunk('Hel') },
      { type: 'delta', delta: { type: 'text', block: 0, content: 'lo' }, data: chunk('lo') },
    ])
  })

  test('only the first choice contributes to the message', () => {
    const choices = [
      { index: 0, delta: { content: 'a' } },
      { index: 1, delta: { content: 'b' } },
    ]
    expect(deltasOf({ choices })).toMatchObject([{ content: 'a' }])
    expect(openaiChat().text!({ type: 'text', block: 0, content: 'a' })).toBe('a')
    expect(openaiChat().text!({ type: 'reasoning', block: 0, content: 'a' })).toBe('')
  })

  test.each([
    ['a role', chunk(null, 0, { delta: { role: 'assistant', content: '' } })],
    ['no choices', { choices: [] }],
    ['choices that are null', { choices: null }],
    ['only usage', { usage: { total_tokens: 3 } }],
  ])('a chunk with %s yields no deltas', (_name, payload) => expect(deltasOf(payload)).toEqual([]))
})

describe('the end', () => {
  test('[DONE] ends the run with the finish reason and usage received earlier', () => {
    const finish = chunk(null, 0, { finish_reason: 'length', delta: {} })
    const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 }
    expect(mapAll(chunk('a'), finish, { choices: [], usage }, '[DONE]').at(-1)).toEqual({
      type: 'end',
      finishReason: 'length',
      rawFinishReason: 'length',
      usage: { inputTokens: 1, outputTokens: 2, raw: usage },
    })
  })

  test('usage that is null, or has null in it, replaces nothing', () => {
    const end = mapAll(
      { usage: { prompt_tokens: 1, completion_tokens: 2 } },
      { usage: { prompt_tokens: null, completion_tokens: 3 } },
      { usage: null },
      '[DONE]',
    ).at(-1)
    expect(end).toMatchObject({ usage: { inputTokens: 1, outputTokens: 3 } })
  })

  test('the last content may arrive with the finish reason', () => {
    expect(mapAll(chunk('z', 0, { finish_reason: 'stop' }), '[DONE]').slice(1)).toMatchObject([
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
    expect(steps.at(-1)).toMatchObject({ type: 'end', finishReason: 'stop' })
  })

  test('state is not shared between runs', () => {
    mapAll(chunk(null, 0, { finish_reason: 'stop' }))
    expect(mapAll('[DONE]')).toMatchObject([{ type: 'end', finishReason: undefined }])
  })

  test('without [DONE], a stream is complete if it had a finish reason; it cannot be resumed', () => {
    const protocol = openaiChat()
    const state = protocol.begin!()
    const { eof, map } = protocol
    if (typeof eof !== 'function') throw new Error('Expected a function')
    map({ type: 'message', data: JSON.stringify(chunk('a')), id: '' }, state)
    expect(eof(state)).toBeUndefined()
    map({ type: 'message', data: JSON.stringify(chunk(null, 0, { finish_reason: 'stop' })), id: '' }, state)
    expect(eof(state)).toMatchObject({ finishReason: 'stop' })
    expect(protocol.resume).toBeUndefined()
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
