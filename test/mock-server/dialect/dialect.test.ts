/** The dialects of the vendors: what they refuse, what they resume, and how faults apply. The SDKs judge the rest. */
import { describe, expect, onTestFinished, test } from 'vitest'
import type { DialectName } from '../../../mock-server/dialect/names.ts'
import { dialectPaths } from '../../../mock-server/dialect/names.ts'
import type { Mock, MockOptions, MockRun } from '../../../mock-server/mock/mock.ts'
import { createMock } from '../../../mock-server/mock/mock.ts'
import { apiKeys } from '../../../mock-server/http/identity.ts'
import { isStreamError } from '../../../src/base/errors.ts'
import { createClient } from '../../../src/client/client.ts'
import { aiSdk } from '../../../src/protocols/ai-sdk.ts'
import { anthropic } from '../../../src/protocols/anthropic.ts'
import { gemini } from '../../../src/protocols/gemini.ts'
import { openaiChat } from '../../../src/protocols/openai-chat.ts'
import { openaiResponses } from '../../../src/protocols/openai-responses.ts'
import { waitUntil } from '../support/local-test-server.ts'
import { createManualServerClock } from '../support/manual-server-clock.ts'
import { openStreamReader } from '../support/stream-reader.ts'

const answer = [
  { reasoning: 'Hm.' },
  { text: 'Let me look 🌧️.' },
  { tool: 'weather', id: 'call_1', input: { city: 'Oslo' } },
] as const
const messages = [{ role: 'user', content: 'hi' }]
const geminiPath = `${dialectPaths.gemini}/m:streamGenerateContent?alt=sse`
const requests = {
  'openai-chat': { path: dialectPaths['openai-chat'], body: { messages, stream: true }, protocol: openaiChat },
  'openai-responses': {
    path: dialectPaths['openai-responses'],
    body: { input: 'hi', stream: true },
    protocol: openaiResponses,
  },
  anthropic: { path: dialectPaths.anthropic, body: { messages, max_tokens: 9, stream: true }, protocol: anthropic },
  gemini: { path: geminiPath, body: { contents: [{ role: 'user', parts: [{ text: 'hi' }] }] }, protocol: gemini },
  'ai-sdk': { path: dialectPaths['ai-sdk'], body: { id: 'chat-1', messages }, protocol: aiSdk },
} as const
type Name = keyof typeof requests
const names = Object.keys(requests) as Name[]

function create(options?: MockOptions): Mock {
  const mock = createMock({ unit: 'token', ...options })
  onTestFinished(() => mock.close())
  return mock
}
function serve(name: DialectName, run: MockRun = { answer }, options?: MockOptions): Mock {
  const mock = create(options)
  mock.run(dialectPaths[name], { dialect: name, ...run })
  return mock
}
const post = (mock: Mock, path: string, body: object, headers?: HeadersInit): Promise<Response> =>
  mock.fetch(path, { method: 'POST', body: JSON.stringify(body), ...(headers && { headers }) })
const clientOf = (mock: Mock) =>
  createClient({ baseUrl: 'http://mock.test', fetch: mock.fetch, retry: { delay: 1 }, onError: () => {} })

describe('faults', () => {
  test.each(names)('%s: a cut at any event is never a complete answer', async (name) => {
    const { path, body, protocol } = requests[name]
    for (const cut of ['reset-after', 'truncate-after', 'end-after']) {
      for (let events = 1; events < 8; events++) {
        const mock = serve(name, { answer, fault: `${cut}:${events}` })
        const run = clientOf(mock).stream(path, { protocol: protocol(), json: body, retry: false })
        const error: unknown = await run.final().catch((reason: unknown) => reason)
        expect(isStreamError(error) && ['network', 'truncated'].includes(error.code), `${cut}:${events}`).toBe(true)
        expect('Let me look 🌧️.'.startsWith(run.text)).toBe(true)
      }
    }
  })

  test.each(names)('%s: a fault that changes no event changes no answer', async (name) => {
    const { path, body, protocol } = requests[name]
    for (const fault of ['split:1', 'newline:cr', 'newline:crlf,split:3', 'bom:1', 'buffer:500', 'retry:5']) {
      const run = clientOf(serve(name, { answer, fault })).stream(path, { protocol: protocol(), json: body })
      const { text, toolCalls, finishReason } = await run.final()
      expect([text, toolCalls[0]?.input, finishReason], fault).toEqual([
        'Let me look 🌧️.',
        { city: 'Oslo' },
        'tool-calls',
      ])
    }
  })

  test('deltas are sent with the delay', async () => {
    const clock = createManualServerClock()
    const mock = serve('anthropic', { answer: 'One two three' }, { clock, delay: 50 })
    const { path, body } = requests.anthropic
    const reader = await openStreamReader(path, { method: 'POST', body: JSON.stringify(body) }, mock.fetch)
    const started = await reader.readEvents(3)
    expect(started.map(({ type }) => type)).toEqual(['message_start', 'content_block_start', 'ping'])
    expect(clock.pendingDelays).toContain(50)
    await clock.advance(50)
    const delta = (await reader.readEvents(4)).at(-1)
    expect(JSON.parse(delta!.data!)).toMatchObject({ delta: { text: 'One' } })
    reader.close()
  })

  test('drop() of the server cuts an answer, and close() ends it', async () => {
    const clock = createManualServerClock()
    const mock = serve('anthropic', {}, { clock, delay: 50 })
    const { path, body } = requests.anthropic
    const reader = await openStreamReader(path, { method: 'POST', body: JSON.stringify(body) }, mock.fetch)
    await reader.readEvents(1)
    await mock.fetch('/_mock', { method: 'POST', body: '{"action":"drop"}' })
    expect((await reader.readToEnd()).error).toBeInstanceOf(TypeError)
    const other = await openStreamReader(path, { method: 'POST', body: JSON.stringify(body) }, mock.fetch)
    await other.readEvents(1)
    mock.close()
    expect((await other.readToEnd()).error).toBeUndefined()
    expect(clock.pendingDelays).toEqual([])
  })
})

describe('resuming', () => {
  test.each([
    ['openai-responses', { ...requests['openai-responses'].body, background: true }, openaiResponses()],
    ['ai-sdk', requests['ai-sdk'].body, aiSdk({ resumeUrl: '/ai-sdk/chat/chat-1/stream' })],
  ] as const)('%s: an answer is complete after a cut at any event', async (name, json, protocol) => {
    for (let events = 1; events < 10; events++) {
      const clock = createManualServerClock()
      const mock = serve(name, { answer, fault: `reset-after:${events},once` }, { clock, delay: 1 })
      const final = clientOf(mock).stream(requests[name].path, { protocol, json }).final()
      await waitUntil(() => clock.pendingDelays.includes(1))
      await clock.advance(events + 1)
      await waitUntil(() => mock.requests.length === 2)
      await clock.advance(1_000)
      const { text, toolCalls, finishReason } = await final
      expect([text, toolCalls[0]?.input, finishReason]).toEqual(['Let me look 🌧️.', { city: 'Oslo' }, 'tool-calls'])
    }
  })

  test('a response can be read, cancelled and deleted, by its owner only', async () => {
    const clock = createManualServerClock()
    const authenticator = apiKeys({ one: 'one', two: 'two' })
    const mock = create({ clock, delay: 50, authenticator })
    const start = await post(mock, '/v1/responses', { input: 'hi', background: true }, { 'x-api-key': 'one' })
    const { id, status } = (await start.json()) as { id: string; status: string }
    expect(status).toBe('queued')
    const as = async (subject: string, method = 'GET', action = ''): Promise<unknown[]> => {
      const response = await mock.fetch(`/v1/responses/${id}${action}`, { method, headers: { 'x-api-key': subject } })
      const body = (await response.json()) as { status?: string; deleted?: boolean }
      return [response.status, body.status ?? body.deleted]
    }
    expect(await as('two')).toEqual([404, undefined])
    expect(await as('one')).toEqual([200, 'in_progress'])
    expect(await as('one', 'POST', '/cancel')).toEqual([200, 'cancelled'])
    expect(await as('one')).toEqual([200, 'cancelled'])
    expect(await as('one', 'DELETE')).toEqual([200, true])
    expect(await as('one')).toEqual([404, undefined])
  })

  test('a response that is not kept or not in the background cannot be resumed', async () => {
    const mock = serve('openai-responses')
    const read = async (body: object): Promise<number[]> => {
      const { id } = (await (await post(mock, '/v1/responses', { input: 'hi', ...body })).json()) as { id: string }
      const resumed = await mock.fetch(`/v1/responses/${id}?stream=true&starting_after=1`)
      const cancelled = await mock.fetch(`/v1/responses/${id}/cancel`, { method: 'POST' })
      return [resumed.status, cancelled.status]
    }
    expect(await read({})).toEqual([400, 400])
    expect(await read({ store: false })).toEqual([404, 404])
  })

  test('a response is forgotten after the retention, and the oldest one when there are too many', async () => {
    const clock = createManualServerClock()
    const mock = create({ clock, retention: 1_000, maxRuns: 2, delay: 0 })
    const ids: string[] = []
    const statuses = (): Promise<number[]> =>
      Promise.all(ids.map(async (id) => (await mock.fetch(`/v1/responses/${id}`)).status))
    for (let count = 0; count < 3; count++) {
      const started = await post(mock, '/v1/responses', { input: 'hi', background: true })
      ids.push(((await started.json()) as { id: string }).id)
    }
    expect(await statuses()).toEqual([404, 200, 200])
    await clock.advance(1_000)
    expect(await statuses()).toEqual([404, 404, 404])
  })
})

describe('refusals', () => {
  test.each<[Name, string, object, number, string]>([
    ['openai-chat', '', { messages, n: 0 }, 400, "Invalid 'n'"],
    ['openai-chat', '', { messages, top_logprobs: 2 }, 400, "only allowed when 'logprobs'"],
    ['openai-chat', '', { messages, logprobs: true, top_logprobs: 21 }, 400, "Invalid 'top_logprobs'"],
    ['openai-chat', '', { messages, tool_choice: 'required' }, 400, 'tool_choice'],
    ['openai-chat', '', {}, 400, 'messages: expected an array'],
    ['openai-responses', '', { input: 'hi', background: true, store: false }, 400, 'Background mode'],
    ['openai-responses', '/unknown/cancel', {}, 404, 'not found'],
    ['anthropic', '', { messages }, 400, 'max_tokens: Field required'],
    [
      'anthropic',
      '',
      { messages, max_tokens: 1, tool_choice: { type: 'tool', name: 'x' } },
      400,
      'x is not among the tools',
    ],
    ['gemini', '/m:generateContent', { contents: [] }, 400, 'contents: expected a message'],
    ['gemini', '/m:countTokens', {}, 404, 'countTokens'],
    ['gemini', '/m:streamGenerateContent', {}, 501, 'alt=sse'],
  ])('%s%s refuses %j', async (name, subpath, body, status, message) => {
    const response = await post(serve(name), dialectPaths[name] + subpath, body)
    expect(response.status).toBe(status)
    const { error, type } = (await response.json()) as { error: { message: string }; type?: string }
    expect(error.message).toContain(message)
    expect(type).toBe(name === 'anthropic' ? 'error' : undefined)
  })

  test.each([
    [{ candidateCount: 2 }, 'Multiple candidates'],
    [{ responseLogprobs: true }, 'Logprobs'],
  ])('Gemini refuses the generationConfig %j', async (generationConfig, message) => {
    const { body, path } = requests.gemini
    const response = await post(serve('gemini'), path, { ...body, generationConfig })
    expect(response.status).toBe(400)
    const error = { code: 400, status: 'INVALID_ARGUMENT', message: expect.stringContaining(message) as string }
    expect(await response.json()).toEqual({ error })
  })

  test('another method gets a 405, and a wrong key a 401, in the format of the vendor', async () => {
    const mock = create({ authenticator: apiKeys({ right: 'me' }) })
    const get = await mock.fetch('/v1/messages', { headers: { 'x-api-key': 'right' } })
    expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST'])
    const wrong = await post(mock, '/v1/messages', {}, { 'x-api-key': 'wrong' })
    expect(wrong.status).toBe(401)
    expect(await wrong.json()).toMatchObject({ type: 'error', error: { type: 'authentication_error' } })
  })

  test('a fault with a status has its Retry-After, and a fault with a content type its problem document', async () => {
    const limited = await post(serve('anthropic', { fault: 'status:429,retry-after:7' }), '/v1/messages', {})
    expect(limited.headers.get('retry-after')).toBe('7')
    const page = await post(serve('anthropic', { fault: 'status:502,content-type:text/html' }), '/v1/messages', {})
    expect(page.headers.get('content-type')).toBe('text/html')
  })
})

describe('OpenAI chat completions', () => {
  test('n sends every choice, and logprobs those of each token', async () => {
    const mock = serve('openai-chat', { answer: 'Hi 你' })
    const body = { messages, n: 2, logprobs: true, top_logprobs: 1 }
    const { choices, usage } = (await (await post(mock, '/v1/chat/completions', body)).json()) as {
      choices: { index: number; message: { content: string }; logprobs: { content: unknown[] } }[]
      usage: { completion_tokens: number }
    }
    expect(choices.map(({ index, message }) => [index, message.content])).toEqual([
      [0, 'Hi 你'],
      [1, 'Hi 你'],
    ])
    expect(usage.completion_tokens).toBe(4)
    const reader = await openStreamReader(
      '/v1/chat/completions',
      { method: 'POST', body: JSON.stringify({ ...body, stream: true }) },
      mock.fetch,
    )
    const { events } = await reader.readToEnd()
    const chunks = events.slice(0, -1).map(({ data }) => JSON.parse(data!) as { choices: (typeof choices)[number][] })
    const tokens = chunks.flatMap(({ choices: [choice] }) => choice?.logprobs?.content ?? [])
    expect(tokens).toMatchObject(['Hi', 'Hi', ' 你', ' 你'].map((token) => ({ token, top_logprobs: [{ token }] })))
  })
})

test('AG-UI: an answer is a run with its messages, reasoning and tool calls', async () => {
  const mock = serve('ag-ui', { answer: [...answer, { tool: 'time', id: 'call_2', output: 9 }] }, { unit: 'token' })
  const body = JSON.stringify({ threadId: 't', runId: 'r', messages })
  const reader = await openStreamReader(dialectPaths['ag-ui'], { method: 'POST', body }, mock.fetch)
  const { events } = await reader.readToEnd()
  const all = events.map(({ data }) => JSON.parse(data!) as { type: string; delta?: string })
  const types = all.map(({ type }) => type)
  expect(types.filter((type, index) => type !== types[index - 1])).toEqual([
    'RUN_STARTED',
    'REASONING_START',
    'REASONING_MESSAGE_START',
    'REASONING_MESSAGE_CONTENT',
    'REASONING_MESSAGE_END',
    'REASONING_END',
    'TEXT_MESSAGE_START',
    'TEXT_MESSAGE_CONTENT',
    'TEXT_MESSAGE_END',
    'TOOL_CALL_START',
    'TOOL_CALL_ARGS',
    'TOOL_CALL_END',
    'TOOL_CALL_START',
    'TOOL_CALL_ARGS',
    'TOOL_CALL_END',
    'TOOL_CALL_RESULT',
    'RUN_FINISHED',
  ])
  expect(all[0]).toMatchObject({ threadId: 't', runId: 'r' })
  const deltas = all.map(({ type, delta }) => (type === 'TEXT_MESSAGE_CONTENT' ? delta : ''))
  expect(deltas.join('')).toBe('Let me look 🌧️.')
  const failed = serve('ag-ui', { fault: 'error-after:1,error-code:busy' })
  const failedReader = await openStreamReader(dialectPaths['ag-ui'], { method: 'POST', body }, failed.fetch)
  const last = (await failedReader.readToEnd()).events.at(-1)
  expect(JSON.parse(last!.data!)).toMatchObject({ type: 'RUN_ERROR', code: 'busy' })
})
