/** Answers made of blocks, in our own protocol. */
import { describe, expect, onTestFinished, test } from 'vitest'
import type { MockRun } from '../../../mock-server/mock/mock.ts'
import { createMock } from '../../../mock-server/mock/mock.ts'
import { createClient } from '../../../src/client/client.ts'
import { native } from '../../../src/protocols/native.ts'

const answer = [
  { reasoning: 'A tool helps.' },
  { text: 'Let me look 🌧️.' },
  { tool: 'weather', id: 'call_1', input: { city: 'Oslo' } },
] as const

function open(run: MockRun) {
  const mock = createMock({ unit: 'token' })
  onTestFinished(() => mock.close())
  mock.run('/api/chat', run)
  return createClient({ baseUrl: 'http://mock.test', fetch: mock.fetch, retry: { delay: 1 } })
}

describe('answers made of blocks', () => {
  test('a client reads the blocks, the finish reason and the usage', async () => {
    const client = open({ answer, usage: { inputTokens: 7, outputTokens: 9, reasoningTokens: 3 } })
    const run = client.stream('/api/chat', { protocol: native({ blocks: true }), json: { prompt: 'hi' } })
    const { text, message, finishReason, usage } = await run.final()
    expect(text).toBe('Let me look 🌧️.')
    expect(message.blocks).toMatchObject([
      { type: 'reasoning', content: 'A tool helps.' },
      { type: 'text', content: 'Let me look 🌧️.' },
      { type: 'tool-call', id: 'call_1', name: 'weather', args: '{"city":"Oslo"}', input: { city: 'Oslo' } },
    ])
    expect(finishReason).toBe('tool-calls')
    expect(usage).toMatchObject({ inputTokens: 7, outputTokens: 9, reasoningTokens: 3 })
  })

  test('a tool that the server runs has its output, and the answer stops', async () => {
    const client = open({ answer: [{ tool: 'time', output: { hour: 9 } }, { text: 'Nine.' }] })
    const run = client.stream('/api/chat', { protocol: native({ blocks: true }), json: { prompt: 'hi' } })
    const { toolCalls, finishReason } = await run.final()
    expect(toolCalls).toMatchObject([{ name: 'time', input: {}, output: { hour: 9 } }])
    expect(finishReason).toBe('stop')
  })

  test('a client that reads only text reads the text of the blocks', async () => {
    const { text } = await open({ answer })
      .stream('/api/chat', { json: { prompt: 'hi' } })
      .final()
    expect(text).toBe('Let me look 🌧️.')
  })

  test('an answer is complete after a cut at any event', async () => {
    for (let events = 1; events < 20; events++) {
      const client = open({ answer, fault: `reset-after:${events},once` })
      const run = client.stream('/api/chat', { protocol: native({ blocks: true }), json: { prompt: 'hi' } })
      const { message } = await run.final()
      expect(message.blocks).toHaveLength(3)
      expect(message.blocks.at(-1)).toMatchObject({ args: '{"city":"Oslo"}' })
    }
  })

  test('an answer may depend on the prompt', async () => {
    const client = open({ answer: (prompt) => [{ text: prompt.toUpperCase() }], finish: 'length' })
    const { text, finishReason } = await client.stream('/api/chat', { json: { prompt: 'hi' } }).final()
    expect([text, finishReason]).toEqual(['HI', 'length'])
  })

  test.each<[unknown, string]>([
    [{ answer: 1 }, 'answer: expected a string or an array of blocks'],
    [
      { answer: [{ tex: 'x' }] },
      'answer[0]: expected an object with one of text, reasoning, refusal, tool, as a string',
    ],
    [{ answer: [{ text: 'x', tool: 'y' }] }, 'answer[0]: expected an object'],
    [{ answer: ['x'] }, 'answer[0]: expected an object'],
    [{ answer: 'x', text: 'x' }, 'answer: expected either text or answer'],
    [{ answer: 'x', finish: 'done' }, 'finish: expected one of stop, length'],
    [{ answer: 'x', dialect: 'toString' }, 'dialect: expected one of openai-chat, openai-responses'],
  ])('run(%j) is refused', (run, message) => {
    expect(() => open(run as MockRun)).toThrow(message)
    expect(() => open(run as MockRun)).toThrow(TypeError)
  })
})
