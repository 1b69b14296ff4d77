/** The SDKs of the vendors read the mock's dialects, and our client reads the same: all agree. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { DialectName } from '../../mock-server/dialect/names.ts'
import { dialectPaths } from '../../mock-server/dialect/names.ts'
import type { MockServer } from '../../mock-server/node/mock-server.ts'
import { startMockServer } from '../../mock-server/node/mock-server.ts'
import type { AnswerBlock, AnswerPlan } from '../../mock-server/run/blocks.ts'
import { isStreamError } from '../../src/base/errors.ts'
import { createClient } from '../../src/client/client.ts'
import type { Message } from '../../src/message/message.ts'
import { aiSdk } from '../../src/protocols/ai-sdk.ts'
import { anthropic } from '../../src/protocols/anthropic.ts'
import { gemini } from '../../src/protocols/gemini.ts'
import { openaiChat } from '../../src/protocols/openai-chat.ts'
import { openaiResponses } from '../../src/protocols/openai-responses.ts'
import { openLocalTestServer, waitUntil } from '../mock-server/support/local-test-server.ts'
import { trapUnhandled } from '../support/unhandled.ts'
import { installProject } from './install-project.ts'

trapUnhandled()

/** What an application gets from an answer. */
interface Outcome {
  readonly text: string
  /** Left out by SDKs without it. */
  readonly reasoning?: string
  readonly calls: readonly { readonly id: string; readonly name: string; readonly input: unknown }[]
  /** In the vendor's words. */
  readonly finish: string
  readonly usage: { readonly input: number; readonly output: number }
}

interface Failure {
  readonly status?: number
  readonly code?: string
  readonly message: string
}

type Reader = (url: string) => Promise<Outcome>

/** `projects/vendor-sdks/read.mjs`. */
interface Sdks {
  readonly readers: Readonly<
    Record<string, { readonly stream: Reader; readonly whole?: Reader; readonly required?: Reader }>
  >
  reconnectChat(url: string, chatId: string): Promise<Outcome | null>
  resumeResponse(url: string): Promise<{ numbers: number[]; outcome: Outcome }>
  cancelResponse(url: string): Promise<string[]>
  listModels(url: string): Promise<string[]>
  describeError(name: string, error: unknown): Failure
}

let sdks: Sdks
beforeAll(async () => {
  sdks = (await import(pathToFileURL(join(installProject('vendor-sdks'), 'read.mjs')).href)) as Sdks
}, 300_000)

const messages = [{ role: 'user', content: 'What is the weather in Oslo?' }]
const ours = {
  'openai-chat': {
    protocol: openaiChat,
    path: dialectPaths['openai-chat'],
    json: { model: 'model-1', stream: true, stream_options: { include_usage: true }, messages },
  },
  'openai-responses': {
    protocol: openaiResponses,
    path: dialectPaths['openai-responses'],
    json: { model: 'model-1', stream: true, input: 'What is the weather in Oslo?' },
  },
  anthropic: {
    protocol: anthropic,
    path: dialectPaths.anthropic,
    json: { model: 'model-1', max_tokens: 100, stream: true, messages },
  },
  gemini: {
    protocol: gemini,
    path: `${dialectPaths.gemini}/model-1:streamGenerateContent?alt=sse`,
    json: { contents: [{ role: 'user', parts: [{ text: 'What is the weather in Oslo?' }] }] },
  },
  'ai-sdk': { protocol: aiSdk, path: dialectPaths['ai-sdk'], json: { messages } },
} as const

type Name = keyof typeof ours
const names = Object.keys(ours) as Name[]

const contentOf = (message: Message | undefined, type: string): string =>
  (message?.blocks ?? []).map((block) => (block.type === type && 'content' in block ? block.content : '')).join('')

/** Reads the answer with our client. */
async function readOurs(url: string, name: Name): Promise<Outcome> {
  const { protocol, path, json } = ours[name]
  const run = createClient({ baseUrl: url, onError: () => {} }).stream(path, {
    protocol: protocol(),
    json,
    retry: false,
  })
  const { text, message, toolCalls, rawFinishReason = '', usage } = await run.final()
  return {
    text,
    reasoning: contentOf(message, 'reasoning'),
    calls: toolCalls.map(({ id, name: tool, input }) => ({ id, name: tool, input })),
    finish: rawFinishReason,
    usage: { input: usage!.inputTokens, output: usage!.outputTokens },
  }
}

async function openServer(name: DialectName, plan: AnswerPlan, scenario = ''): Promise<MockServer> {
  const server = await startMockServer({ port: 0, delay: 0, unit: 'token', ...(scenario && { scenario }) })
  onTestFinished(() => server.close())
  server.service.addDialectEndpoint(name, dialectPaths[name], () => plan)
  return server
}

const weather: AnswerBlock = { tool: 'weather', id: 'call_1', input: { city: 'Tromsø', days: [1, 2] } }
const usage = { inputTokens: 120, outputTokens: 34, reasoningTokens: 0 }
const plans: Readonly<Record<string, AnswerPlan>> = {
  text: { answer: 'Rain 🌧️, 你好.', usage },
  'reasoning, text and a tool call': {
    answer: [{ reasoning: 'A tool helps.' }, { text: 'Let me look.' }, weather],
    usage: { ...usage, reasoningTokens: 5 },
  },
  'two tool calls': { answer: [weather, { tool: 'time', id: 'call_2' }], usage },
  'an answer that is too long': { answer: 'It will be', finish: 'length', usage },
  'a filtered answer': { answer: 'It', finish: 'content-filter', usage },
}

/** Returns what is to be compared with the outcome of an SDK, which may know no reasoning. */
function comparable(own: Outcome, other: Outcome): Outcome {
  const { reasoning, ...outcome } = own
  return other.reasoning === undefined ? outcome : { ...outcome, ...(reasoning !== undefined && { reasoning }) }
}

describe.each(names)('%s', (name) => {
  test.each(Object.keys(plans))('the SDK and our client read the same from %s', async (title) => {
    const { url } = await openServer(name, plans[title]!)
    const own = await readOurs(url, name)
    const other = await sdks.readers[name]!.stream(url)
    expect(other).toEqual(comparable(own, other))
    const { answer } = plans[title]!
    const blocks = typeof answer === 'string' ? [{ text: answer }] : answer
    expect(own.text).toBe(blocks.map((block) => ('text' in block ? block.text : '')).join(''))
    expect(own.calls).toEqual(
      blocks.flatMap((block) => ('tool' in block ? { id: block.id, name: block.tool, input: block.input ?? {} } : [])),
    )
    expect(own.usage).toEqual({ input: 120, output: 34 })
  })

  test.each(['split:1', 'newline:crlf,split:7', 'delay:3,heartbeat:1'])(
    'the SDK reads the same answer under the fault %s',
    async (scenario) => {
      const plan = plans['reasoning, text and a tool call']!
      const read = sdks.readers[name]!.stream
      const expected = await read((await openServer(name, plan)).url)
      expect(await read((await openServer(name, plan, scenario)).url)).toEqual(expected)
    },
  )

  test('the SDK reads the same answer without streaming', async () => {
    const { stream, whole } = sdks.readers[name]!
    const { url } = await openServer(name, plans['reasoning, text and a tool call']!)
    if (whole) expect(await whole(url)).toEqual(await stream(url))
    // The UI message stream is always streamed.
    else expect(name).toBe('ai-sdk')
  })

  test.each([400, 401, 429, 529])(
    'the SDK and our client read the same from an error with status %d',
    async (status) => {
      const { url } = await openServer(name, plans['text']!, `status:${status}`)
      const other = sdks.describeError(name, await rejection(sdks.readers[name]!.stream(url)))
      expect(other.message).toBe('Injected by the scenario.')
      const own = await rejection(readOurs(url, name))
      expect(own).toMatchObject({ code: 'http', status, ...(other.code && { serverCode: other.code }) })
      expect((own as Error).message).toContain(other.message)
      if (name !== 'ai-sdk') expect(other.status).toBe(status)
    },
  )

  test('the SDK and our client read the same from an error within the answer', async () => {
    const { url } = await openServer(name, plans['text']!, 'error-after:2')
    const other = sdks.describeError(name, await rejection(sdks.readers[name]!.stream(url)))
    expect(other.message).toBe('The generation failed after 2 deltas.')
    const own = await rejection(readOurs(url, name))
    expect(own).toMatchObject({ code: 'server', ...(other.code && { serverCode: other.code }) })
    expect((own as Error).message).toContain(other.message)
  })

  test('the SDK and our client fail if the connection is cut', async () => {
    const { url } = await openServer(name, plans['text']!, 'truncate-after:3')
    expect(await rejection(sdks.readers[name]!.stream(url))).toBeInstanceOf(Error)
    expect(isStreamError(await rejection(readOurs(url, name)), 'network')).toBe(true)
  })
})

test.each(names.filter((name) => name !== 'ai-sdk'))('%s: a required tool is called', async (name) => {
  const { url } = await openServer(name, { answer: 'No tool.' })
  const { calls, text } = await sdks.readers[name]!.required!(url)
  expect(text).toBe('')
  expect(calls).toEqual([{ id: expect.any(String), name: 'weather', input: { city: 'sample' } }])
})

test('the SDK of OpenAI resumes a background response after the last event', async () => {
  const { url } = await openServer('openai-responses', plans['reasoning, text and a tool call']!)
  const { numbers, outcome } = await sdks.resumeResponse(url)
  expect(numbers).toEqual(numbers.map((_, index) => index))
  expect(outcome).toMatchObject({ finish: 'completed', calls: [{ id: 'call_1' }] })
})

test('the SDK of OpenAI cancels a background response', async () => {
  const server = await startMockServer({ port: 0, delay: 60_000 })
  onTestFinished(() => server.close())
  expect(await sdks.cancelResponse(server.url)).toEqual(['queued', 'cancelled', 'cancelled'])
})

test('the AI SDK gets a 204 if no answer is going on', async () => {
  const { url } = await openServer('ai-sdk', plans['text']!)
  expect(await sdks.reconnectChat(url, 'chat-1')).toBeNull()
  await sdks.readers['ai-sdk']!.stream(url)
  expect(await sdks.reconnectChat(url, 'chat-1')).toBeNull()
})

test('the AI SDK reads an answer that is going on from its start', async () => {
  const { server, url, clock } = await openLocalTestServer({ delay: 10, answers: ['Rain, and later sun.'] })
  const answer = sdks.readers['ai-sdk']!.stream(url)
  await waitUntil(() => server.connections.length === 1)
  const resumed = sdks.reconnectChat(url, 'chat-1')
  await waitUntil(() => server.connections.length === 2)
  await clock.advance(1_000)
  expect(await resumed).toEqual(await answer)
  expect(await answer).toMatchObject({ text: 'Rain, and later sun.', finish: 'stop' })
})

test('the SDKs list the models', async () => {
  const server = await startMockServer({ port: 0 })
  onTestFinished(() => server.close())
  expect(await sdks.listModels(server.url)).toEqual(['rivulet-mock', 'rivulet-mock', 'models/rivulet-mock'])
})

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('expected a rejection')
}
