/** The vendors of docs/chat.md: what a model has sent goes back to it unchanged, with the results of tools. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient } from '../../src/index.ts'
import type { Block, Delta, Message, Protocol } from '../../src/index.ts'
import type { ChatPrograms } from './chat-site.ts'
import { writePrograms } from './chat-site.ts'

interface Vendor {
  readonly protocol: Protocol<Delta, unknown, Message>
  body(history: readonly { role: string; blocks: readonly Block[] }[]): Readonly<Record<string, unknown>>
}

let programs: ChatPrograms
let vendors: Readonly<Record<string, Vendor>>
beforeAll(async () => {
  programs = writePrograms()
  vendors = { ...(await programs.load('chat-server')), ...(await programs.load('vendors')) } as typeof vendors
})
afterAll(() => programs.remove())

/** Returns the body of the request that answers `events` of the vendor, whose calls returned noon. */
async function answerTo(name: string, events: readonly object[], end = ''): Promise<Readonly<Record<string, unknown>>> {
  const { protocol, body } = vendors[name]!
  const text = events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('') + end
  const fetch = async () => new Response(text, { headers: { 'content-type': 'text/event-stream' } })
  const { message } = await createClient({ baseUrl: 'https://vendor.example', fetch })
    .stream('/', { protocol, json: {} })
    .final()
  const blocks = message.blocks.map((block) => (block.type === 'tool-call' ? { ...block, output: 'noon' } : block))
  // The history has been JSON in the page's store, and in the request to the server.
  const assistant = JSON.parse(JSON.stringify({ role: 'assistant', blocks })) as { role: string; blocks: Block[] }
  return body([{ role: 'user', blocks: [{ type: 'text', content: 'Hi' }] }, assistant])
}

test('Anthropic gets thinking with its signature, text, the call, and its result', async () => {
  const thinking = { type: 'thinking', thinking: 'Hm', signature: 'c2ln' }
  const call = { type: 'tool_use', id: 'toolu_1', name: 'time', input: { zone: 'UTC' } }
  const { messages } = await answerTo('claude', [
    { type: 'message_start', message: { id: 'm1' } },
    { type: 'content_block_start', index: 0, content_block: { ...thinking, thinking: '', signature: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'Hm' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 'c2ln' } },
    { type: 'content_block_stop', index: 0 },
    { type: 'content_block_start', index: 1, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', index: 1, delta: { type: 'text_delta', text: 'Let me see.' } },
    { type: 'content_block_stop', index: 1 },
    { type: 'content_block_start', index: 2, content_block: call },
    { type: 'content_block_stop', index: 2 },
    { type: 'message_delta', delta: { stop_reason: 'tool_use' } },
    { type: 'message_stop' },
  ])
  expect(messages).toEqual([
    { role: 'user', content: [{ type: 'text', text: 'Hi' }] },
    { role: 'assistant', content: [thinking, { type: 'text', text: 'Let me see.' }, call] },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: '"noon"', is_error: false }] },
  ])
})

test('Responses gets the item of reasoning, text, the item of the call, and its result', async () => {
  const reasoning = { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'ZW5j' }
  const part = { type: 'output_text', text: 'Let me see.', annotations: [] }
  const call = { type: 'function_call', id: 'fc_1', call_id: 'call_1', name: 'time', arguments: '{"zone":"UTC"}' }
  const items = [reasoning, { type: 'message', id: 'msg_1', role: 'assistant', content: [part] }, call]
  const { input } = await answerTo('gpt', [
    { type: 'response.created', sequence_number: 0, response: { id: 'resp_1' } },
    ...items.map((item, index) => {
      return { type: 'response.output_item.done', sequence_number: index + 1, output_index: index, item }
    }),
    { type: 'response.completed', sequence_number: 4, response: { id: 'resp_1', status: 'completed' } },
  ])
  expect(input).toEqual([
    { role: 'user', content: 'Hi' },
    reasoning,
    { role: 'assistant', content: 'Let me see.' },
    call,
    { type: 'function_call_output', call_id: 'call_1', output: '"noon"' },
  ])
})

test('a server with chat completions gets its reasoning details, text, the call, and its result', async () => {
  const fn = { name: 'time', arguments: '{"zone":"UTC"}' }
  const details = [{ type: 'reasoning.encrypted', data: 'ZW5j' }]
  const delta = {
    reasoning_details: details,
    content: 'Let me see.',
    tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: fn }],
  }
  const choice = { index: 0, delta, finish_reason: 'tool_calls' }
  const { messages } = await answerTo('compatible', [{ id: 'c1', choices: [choice] }], 'data: [DONE]\n\n')
  expect(messages).toEqual([
    { role: 'user', content: 'Hi' },
    {
      role: 'assistant',
      content: 'Let me see.',
      reasoning_details: details,
      tool_calls: [{ id: 'call_1', type: 'function', function: fn }],
    },
    { role: 'tool', tool_call_id: 'call_1', content: '"noon"' },
  ])
})

test('Gemini gets each part with its signature, and the result under the ID of the call', async () => {
  const call = { functionCall: { id: 'f1', name: 'time', args: { zone: 'UTC' } }, thoughtSignature: 'c2ln' }
  const parts = [{ text: 'Let me see.' }, call]
  const { contents } = await answerTo('flash', [
    { candidates: [{ content: { role: 'model', parts }, finishReason: 'STOP' }] },
  ])
  const functionResponse = { id: 'f1', name: 'time', response: { output: '"noon"' } }
  expect(contents).toEqual([
    { role: 'user', parts: [{ text: 'Hi' }] },
    { role: 'model', parts },
    { role: 'user', parts: [{ functionResponse }] },
  ])
})
