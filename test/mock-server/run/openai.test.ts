/** Tests of the endpoint that uses the format of OpenAI's API. */
import { describe, expect, test } from 'vitest'
import { waitUntil, openLocalTestServer, type LocalTestServer } from '../support/local-test-server.ts'
import { START_TIME_MS } from '../support/manual-server-clock.ts'
import { type StreamReader, openStreamReader } from '../support/stream-reader.ts'

const ANSWER = '你好 👩‍👩‍👧‍👦!'
const options = { answers: { hi: ANSWER }, delay: 0 }
const messages = [
  { role: 'system', content: 'Be kind.' },
  { role: 'user', content: 'hi' },
]

interface Chunk {
  id: string
  object: string
  created: number
  model: string
  choices: { index: number; delta: Record<string, unknown> & { content?: string }; finish_reason: string | null }[]
  usage?: Record<string, number> | null
}

const request = ({ url }: LocalTestServer, body: object, query = ''): Promise<StreamReader> =>
  openStreamReader(`${url}/v1/chat/completions${query}`, {
    method: 'POST',
    body: JSON.stringify({ model: 'm', messages, ...body }),
  })

async function chunksOf(reader: StreamReader): Promise<{ chunks: Chunk[]; last: string | undefined }> {
  const { events, error } = await reader.readToEnd()
  expect(error).toBeUndefined()
  const data = events.map((event) => event.data!)
  return { chunks: data.slice(0, -1).map((text) => JSON.parse(text) as Chunk), last: data.at(-1) }
}

const contentOf = (chunks: readonly Chunk[]): string =>
  chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')

describe('streamed completions', () => {
  test('a stream has the role, contents, finish reason and [DONE], but no ids or event names', async () => {
    const reader = await request(await openLocalTestServer(options), { stream: true })
    const { chunks, last } = await chunksOf(reader)
    expect(last).toBe('[DONE]')
    expect(reader.text).not.toMatch(/^(id|event):/m)
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1)
    expect(chunks[0]).toMatchObject({ object: 'chat.completion.chunk', created: START_TIME_MS / 1_000, model: 'm' })
    expect(chunks[0]!.choices[0]!.delta).toEqual({ role: 'assistant', content: '', refusal: null })
    expect(contentOf(chunks)).toBe(ANSWER)
    expect(chunks.map(({ choices }) => choices[0]!.finish_reason)).toEqual([...chunks.slice(1).map(() => null), 'stop'])
    expect(chunks.every((chunk) => !('usage' in chunk))).toBe(true)
  })

  test('a stream includes usage if requested', async () => {
    const { chunks } = await chunksOf(
      await request(await openLocalTestServer(options), { stream: true, stream_options: { include_usage: true } }),
    )
    expect(chunks.at(-1)).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 2, completion_tokens: 5, total_tokens: 7 },
    })
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true)
  })

  test('a stream includes tool calls and reasoning, but not unknown events', async () => {
    const events = [
      { after: 0, type: 'reasoning', data: { content: 'hm' } },
      { after: 1, type: 'tool_call', data: { id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } } },
      { after: 1, type: 'unknown', data: {} },
    ]
    const { chunks } = await chunksOf(
      await request(await openLocalTestServer({ ...options, scenario: { events } }), { stream: true }),
    )
    expect(chunks[1]!.choices[0]!.delta).toEqual({ reasoning_content: 'hm' })
    expect(chunks[3]!.choices[0]!.delta).toEqual({ tool_calls: [{ index: 0, ...events[1]!.data }] })
    expect(contentOf(chunks)).toBe(ANSWER)
  })

  test('a stream that fails has an error and no [DONE]', async () => {
    const { last } = await chunksOf(
      await request(await openLocalTestServer({ ...options, scenario: 'error-after:2,error-code:overloaded' }), {
        stream: true,
      }),
    )
    expect(JSON.parse(last!)).toEqual({
      error: { message: expect.any(String), type: 'server_error', code: 'overloaded' },
    })
  })

  test('faults apply as they do to any other stream', async () => {
    const { events, error } = await (
      await request(await openLocalTestServer(options), { stream: true }, '?fault=truncate-after:2')
    ).readToEnd()
    expect(error).toBeInstanceOf(TypeError)
    expect(events).toHaveLength(2)
  })

  test('a client that disconnects stops a streamed generation', async () => {
    const testServer = await openLocalTestServer({ ...options, delay: 1_000 })
    const timers = testServer.clock.pendingDelays.length
    const reader = await request(testServer, { stream: true })
    await reader.readEvents(1)
    expect(testServer.clock.pendingDelays).toContain(1_000)
    reader.close()
    await waitUntil(() => testServer.clock.pendingDelays.length === timers)
    expect(testServer.server.runs).toEqual([])
  })
})

describe('completions without streaming', () => {
  test('the complete answer is sent once it has been generated', async () => {
    const testServer = await openLocalTestServer({ ...options, delay: 10 })
    const pending = fetch(`${testServer.url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ messages }),
    })
    await waitUntil(() => testServer.clock.pendingDelays.includes(10))
    await testServer.clock.advance(1_000)
    const response = await pending
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(await response.json()).toMatchObject({
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', content: ANSWER }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 2, completion_tokens: 5, total_tokens: 7 },
    })
  })

  test('a failed generation leads to a 500', async () => {
    const { url } = await openLocalTestServer({ ...options, scenario: 'error-after:1' })
    const pending = fetch(`${url}/v1/chat/completions`, { method: 'POST', body: JSON.stringify({ messages }) })
    expect((await pending).status).toBe(500)
    expect(await (await pending).json()).toMatchObject({ error: { type: 'server_error' } })
  })

  test('a client that disconnects stops the generation of a complete answer', async () => {
    const { url, clock } = await openLocalTestServer({ ...options, delay: 10 })
    const timers = clock.pendingDelays.length
    const controller = new AbortController()
    const pending = fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ messages }),
      signal: controller.signal,
    })
    await waitUntil(() => clock.pendingDelays.includes(10))
    controller.abort()
    await expect(pending).rejects.toThrow('aborted')
    await waitUntil(() => clock.pendingDelays.length === timers)
  })
})

test.each([
  [{}, 'messages: expected an array'],
  [{ messages: [] }, 'messages: expected a message with the role "user"'],
  [
    { messages: [null, { role: 'user', content: [{ type: 'image' }] }] },
    'messages: expected a message with the role "user"',
  ],
])('a request body of %j gets a 400', async (body, detail) => {
  const { url } = await openLocalTestServer(options)
  const response = await fetch(`${url}/v1/chat/completions`, { method: 'POST', body: JSON.stringify(body) })
  expect(response.status).toBe(400)
  const { error } = (await response.json()) as { error: { message: string; type: string } }
  expect(error.message).toContain(detail)
  expect(error.type).toBe('invalid_request_error')
})

test('message content may be an array of parts', async () => {
  const content = [{ type: 'text', text: 'hi' }, { type: 'image_url' }]
  const { chunks } = await chunksOf(
    await request(await openLocalTestServer(options), { stream: true, messages: [{ role: 'user', content }] }),
  )
  expect(contentOf(chunks)).toBe(ANSWER)
})
