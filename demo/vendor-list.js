/** The vendors: where each is asked, how a request is written, and which protocol reads its answer. */
import { native } from 'rivulet'
import { agUi } from 'rivulet/ag-ui'
import { aiSdk } from 'rivulet/ai-sdk'
import { anthropic } from 'rivulet/anthropic'
import { gemini } from 'rivulet/gemini'
import { openaiChat, openaiResponses } from 'rivulet/openai'

const asMessages = (prompt) => [{ role: 'user', content: prompt }]

/**
 * Each vendor has the `path` and `dialect` that the mock server plays, the `protocol` for the client, and the body
 * that asks a prompt; `url` if it is not the path, `resumes` if an answer that was cut can be continued, and `cancels`
 * if it can be stopped by a request.
 */
export const vendors = [
  {
    id: 'openai-chat',
    name: 'OpenAI chat',
    path: '/v1/chat/completions',
    dialect: 'openai-chat',
    protocol: openaiChat(),
    body: (prompt) => ({
      model: 'any',
      stream: true,
      stream_options: { include_usage: true },
      messages: asMessages(prompt),
    }),
  },
  {
    id: 'openai-responses',
    name: 'OpenAI Responses',
    path: '/v1/responses',
    dialect: 'openai-responses',
    protocol: openaiResponses(),
    body: (prompt) => ({ model: 'any', stream: true, background: true, input: prompt }),
    resumes: true,
    cancels: true,
  },
  {
    id: 'anthropic',
    name: 'Anthropic Messages',
    path: '/v1/messages',
    dialect: 'anthropic',
    protocol: anthropic(),
    body: (prompt) => ({ model: 'any', max_tokens: 1024, stream: true, messages: asMessages(prompt) }),
  },
  {
    id: 'gemini',
    name: 'Gemini',
    path: '/v1beta/models',
    url: '/v1beta/models/any:streamGenerateContent?alt=sse',
    dialect: 'gemini',
    protocol: gemini(),
    body: (prompt) => ({ contents: [{ role: 'user', parts: [{ text: prompt }] }] }),
  },
  {
    id: 'ai-sdk',
    name: 'AI SDK UI messages',
    path: '/ai-sdk/chat',
    dialect: 'ai-sdk',
    protocol: aiSdk({ resumeUrl: '/ai-sdk/chat/one/stream' }),
    body: (prompt) => ({ id: 'one', messages: [{ role: 'user', parts: [{ type: 'text', text: prompt }] }] }),
    resumes: true,
  },
  {
    id: 'ag-ui',
    name: 'AG-UI',
    path: '/ag-ui/agent',
    dialect: 'ag-ui',
    protocol: agUi(),
    body: (prompt) => ({
      threadId: 'one',
      runId: 'one',
      messages: [{ id: 'one', role: 'user', content: prompt }],
      tools: [],
      context: [],
      state: {},
      forwardedProps: {},
    }),
  },
  {
    id: 'rivulet',
    name: 'Rivulet',
    path: '/api/generate',
    protocol: native({ blocks: true }),
    body: (prompt) => ({ prompt }),
    resumes: true,
    cancels: true,
  },
]
