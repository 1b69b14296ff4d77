/** Reads answers and errors with the SDKs of the vendors, as applications do. */
import Anthropic from '@anthropic-ai/sdk'
import { GoogleGenAI } from '@google/genai'
import { DefaultChatTransport, readUIMessageStream } from 'ai'
import OpenAI from 'openai'

const MODEL = 'model-1'
const PROMPT = 'What is the weather in Oslo?'
const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const weather = { name: 'weather', description: 'Returns the weather.' }

const openai = (url) => new OpenAI({ apiKey: 'test', baseURL: `${url}/v1`, maxRetries: 0 })
const chatBody = { model: MODEL, messages: [{ role: 'user', content: PROMPT }] }
const chatTools = [{ type: 'function', function: { ...weather, parameters: schema } }]
const responseTools = [{ type: 'function', ...weather, parameters: schema, strict: true }]
const anthropicBody = { model: MODEL, max_tokens: 100, messages: [{ role: 'user', content: PROMPT }] }
const anthropicClient = (url) => new Anthropic({ apiKey: 'test', baseURL: url, maxRetries: 0 })
const geminiClient = (url) => new GoogleGenAI({ apiKey: 'test', httpOptions: { baseUrl: url } })

function chatOutcome({ choices: [choice], usage }) {
  const { message, finish_reason: finish } = choice
  return {
    text: message.content ?? '',
    calls: (message.tool_calls ?? []).map((call) => ({
      id: call.id,
      name: call.function.name,
      input: JSON.parse(call.function.arguments),
    })),
    finish,
    usage: { input: usage.prompt_tokens, output: usage.completion_tokens },
  }
}

function responseOutcome({ output, output_text: text, status, incomplete_details: details, usage }) {
  return {
    text,
    reasoning: output
      .flatMap((item) => (item.type === 'reasoning' ? item.summary.map((part) => part.text) : []))
      .join(''),
    calls: output
      .filter(({ type }) => type === 'function_call')
      .map((call) => ({ id: call.call_id, name: call.name, input: JSON.parse(call.arguments) })),
    finish: details?.reason ?? status,
    usage: { input: usage.input_tokens, output: usage.output_tokens },
  }
}

function anthropicOutcome({ content, stop_reason: finish, usage }) {
  const join = (type, field) => content.flatMap((block) => (block.type === type ? block[field] : [])).join('')
  return {
    text: join('text', 'text'),
    reasoning: join('thinking', 'thinking'),
    calls: content.filter(({ type }) => type === 'tool_use').map(({ id, name, input }) => ({ id, name, input })),
    finish,
    usage: { input: usage.input_tokens, output: usage.output_tokens },
  }
}

function geminiOutcome(chunks) {
  const parts = chunks.flatMap(({ candidates }) => candidates?.[0]?.content?.parts ?? [])
  const last = chunks.at(-1)
  const { promptTokenCount, candidatesTokenCount, thoughtsTokenCount = 0 } = last.usageMetadata
  return {
    text: parts.flatMap(({ text, thought }) => (thought ? [] : (text ?? []))).join(''),
    reasoning: parts.flatMap(({ text, thought }) => (thought ? text : [])).join(''),
    calls: parts
      .filter(({ functionCall }) => functionCall)
      .map(({ functionCall: { id, name, args } }) => ({ id, name, input: args })),
    finish: last.candidates[0].finishReason,
    usage: { input: promptTokenCount, output: candidatesTokenCount + thoughtsTokenCount },
  }
}

async function collect(iterable) {
  const items = []
  for await (const item of iterable) items.push(item)
  return items
}

/** Sends a message with the transport of `useChat`, and reads the answer as its hook does. */
async function readChat(url, chatId = 'chat-1') {
  const transport = new DefaultChatTransport({ api: `${url}/ai-sdk/chat` })
  const message = { id: 'message-1', role: 'user', parts: [{ type: 'text', text: PROMPT }] }
  const stream = await transport.sendMessages({ trigger: 'submit-message', chatId, messages: [message] })
  return readChunks(stream)
}

async function readChunks(stream) {
  const [one, other] = stream.tee()
  const errors = []
  const [chunks, messages] = await Promise.all([
    collect(one),
    collect(readUIMessageStream({ stream: other, onError: (error) => errors.push(error), terminateOnError: false })),
  ])
  if (errors.length > 0) throw errors[0]
  const { parts, metadata } = messages.at(-1)
  const join = (type) => parts.flatMap((part) => (part.type === type ? part.text : [])).join('')
  return {
    text: join('text'),
    reasoning: join('reasoning'),
    calls: parts
      .filter(({ type }) => type.startsWith('tool-'))
      .map(({ type, toolCallId, input }) => ({ id: toolCallId, name: type.slice('tool-'.length), input })),
    finish: chunks.find(({ type }) => type === 'finish').finishReason,
    usage: { input: metadata.usage.inputTokens, output: metadata.usage.outputTokens },
  }
}

/** Per dialect: `stream` and `whole` read an answer; `required` requires a tool call. */
export const readers = {
  'openai-chat': {
    stream: async (url) => {
      const body = { ...chatBody, tools: chatTools, stream_options: { include_usage: true } }
      return chatOutcome(await openai(url).chat.completions.stream(body).finalChatCompletion())
    },
    whole: async (url) => chatOutcome(await openai(url).chat.completions.create({ ...chatBody, tools: chatTools })),
    required: async (url) => {
      const body = { ...chatBody, tools: chatTools, tool_choice: 'required' }
      return chatOutcome(await openai(url).chat.completions.create(body))
    },
  },
  'openai-responses': {
    stream: async (url) => {
      const stream = openai(url).responses.stream({ model: MODEL, input: PROMPT, tools: responseTools })
      return responseOutcome(await stream.finalResponse())
    },
    whole: async (url) => responseOutcome(await openai(url).responses.create({ model: MODEL, input: PROMPT })),
    required: async (url) => {
      const body = { model: MODEL, input: PROMPT, tools: responseTools, tool_choice: 'required' }
      return responseOutcome(await openai(url).responses.create(body))
    },
  },
  anthropic: {
    stream: async (url) => anthropicOutcome(await anthropicClient(url).messages.stream(anthropicBody).finalMessage()),
    whole: async (url) => anthropicOutcome(await anthropicClient(url).messages.create(anthropicBody)),
    required: async (url) => {
      const tools = [{ ...weather, input_schema: schema }]
      const body = { ...anthropicBody, tools, tool_choice: { type: 'any' } }
      return anthropicOutcome(await anthropicClient(url).messages.create(body))
    },
  },
  gemini: {
    stream: async (url) =>
      geminiOutcome(
        await collect(await geminiClient(url).models.generateContentStream({ model: MODEL, contents: PROMPT })),
      ),
    whole: async (url) =>
      geminiOutcome([await geminiClient(url).models.generateContent({ model: MODEL, contents: PROMPT })]),
    required: async (url) => {
      const tools = [{ functionDeclarations: [{ ...weather, parametersJsonSchema: schema }] }]
      const config = { tools, toolConfig: { functionCallingConfig: { mode: 'ANY' } } }
      return geminiOutcome([await geminiClient(url).models.generateContent({ model: MODEL, contents: PROMPT, config })])
    },
  },
  'ai-sdk': { stream: readChat },
}

/** Reconnects to a chat as `useChat({ resume: true })` does; `null` if no answer is going on. */
export async function reconnectChat(url, chatId) {
  const stream = await new DefaultChatTransport({ api: `${url}/ai-sdk/chat` }).reconnectToStream({ chatId })
  return stream && readChunks(stream)
}

/** Starts a background response, and reads it again after its first events. */
export async function resumeResponse(url) {
  const client = openai(url)
  const stream = await client.responses.create({ model: MODEL, input: PROMPT, background: true, stream: true })
  const first = []
  for await (const event of stream) {
    first.push(event)
    if (first.length === 4) break
  }
  const { id } = first[0].response
  const rest = await collect(
    await client.responses.retrieve(id, { stream: true, starting_after: first.at(-1).sequence_number }),
  )
  const numbers = [...first, ...rest].map((event) => event.sequence_number)
  return { numbers, outcome: responseOutcome({ output_text: '', ...rest.at(-1).response }) }
}

/** Starts a background response and cancels it; returns both statuses. */
export async function cancelResponse(url) {
  const client = openai(url)
  const { id, status } = await client.responses.create({ model: MODEL, input: PROMPT, background: true })
  const cancelled = await client.responses.cancel(id)
  return [status, cancelled.status, (await client.responses.retrieve(id)).status]
}

/** Lists the models with the SDKs of the vendors. */
export async function listModels(url) {
  const [openaiPage, anthropicPage, geminiPager] = await Promise.all([
    openai(url).models.list(),
    anthropicClient(url).models.list(),
    geminiClient(url).models.list(),
  ])
  return [openaiPage.data[0].id, anthropicPage.data[0].id, geminiPager.page[0].name]
}

/** Returns the status, the vendor's code and the vendor's message of an error, as each SDK has them. */
export function describeError(name, error) {
  const { status, code, type, message, error: body } = error
  if (name === 'anthropic') return { status, code: body.error.type, message: body.error.message }
  if (name === 'gemini') {
    const { error: own } = JSON.parse(message.slice(message.indexOf('{')))
    return { status, code: String(own.code), message: own.message }
  }
  if (name === 'ai-sdk') return { message }
  return { status, code: code ?? type, message: body.message }
}
