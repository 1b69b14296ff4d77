/** Recordings: replayed event by event, with faults; and recorded without secrets. */
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Mock, MockOptions } from '../../../mock-server/mock/mock.ts'
import { createMock } from '../../../mock-server/mock/mock.ts'
import { createRecorder } from '../../../mock-server/replay/record.ts'
import type { RecordedResponse } from '../../../mock-server/replay/recording.ts'
import { parseStream } from '../../../mock-server/replay/recording.ts'
import { createClient } from '../../../src/client/client.ts'
import { anthropic } from '../../../src/protocols/anthropic.ts'
import { samples } from '../../llm/read-corpus.ts'
import { waitUntil } from '../support/local-test-server.ts'
import { createManualServerClock } from '../support/manual-server-clock.ts'
import { openStreamReader } from '../support/stream-reader.ts'

function create(options?: MockOptions): Mock {
  const mock = createMock(options)
  onTestFinished(() => mock.close())
  return mock
}

const STREAM = 'event: a\nid: 1\ndata: one\n\n: note\n\ndata: two\ndata: lines\n\nid: 2\n\ndata: three\n\n'

/** Returns the text, or a recording of it: a bare error, as Gemini sends some, is no event stream by itself. */
function toRecording(text: string): string {
  if (parseStream(text).frames.some(({ data }) => data !== undefined)) return text
  const headers = { 'content-type': 'text/event-stream' }
  return JSON.stringify({
    recording: 1,
    responses: [{ method: 'POST', path: '/answer', status: 200, headers, body: text }],
  })
}

describe('replay', () => {
  test.each(samples)('$vendor/$name: the recording is sent as it was', async ({ bytes }) => {
    const text = new TextDecoder().decode(bytes)
    const mock = create()
    mock.replay('/answer', toRecording(text))
    const received = await (await mock.fetch('/answer', { method: 'POST' })).text()
    expect(received).toBe(`: open${text.includes('\r\n') ? '\r\n\r\n' : '\n\n'}${text}`)
  })

  test('faults apply to the events of a recording', async () => {
    const events = async (fault: string): Promise<unknown[]> => {
      const mock = create()
      mock.replay('/answer', STREAM, { fault })
      const reader = await openStreamReader('/answer', {}, mock.fetch)
      const { events: received } = await reader.readToEnd()
      return received.map(({ id, data }) => [id, data])
    }
    const all = [
      ['1', 'one'],
      [undefined, 'two\nlines'],
      [undefined, 'three'],
    ]
    expect(await events('split:1')).toEqual(all)
    expect((await events('end-after:2')).length).toBe(2)
    expect((await events('duplicate:2')).map((event) => (event as unknown[])[1])).toEqual([
      'one',
      'two\nlines',
      'two\nlines',
      'three',
    ])
    expect((await events('invalid-data:1'))[0]).toEqual(['1', '{"broken": one'])
    expect((await events('id-prefix:x-'))[0]).toEqual(['x-1', 'one'])
  })

  test('events are sent with the delay', async () => {
    const clock = createManualServerClock()
    const mock = create({ clock, delay: 10 })
    mock.replay('/answer', STREAM)
    const reader = await openStreamReader('/answer', {}, mock.fetch)
    expect(clock.pendingDelays).toContain(10)
    await clock.advance(10)
    expect((await reader.readEvents(1))[0]!.data).toBe('one')
    await clock.advance(20)
    expect((await reader.readToEnd()).events).toHaveLength(3)
  })

  test('a recording that was cut ends where it was cut', async () => {
    const mock = create()
    mock.replay('/answer', 'data: one\n\ndata: tw')
    const reader = await openStreamReader('/answer', {}, mock.fetch)
    expect((await reader.readToEnd()).events.map(({ data }) => data)).toEqual(['one'])
    expect(reader.text).toContain('data: tw')
  })

  test('requests get the recorded responses of their path and method in order, and the last one again', async () => {
    const response = (method: string, path: string, body: string, status = 200): RecordedResponse => ({
      method,
      path,
      status,
      headers: { 'content-type': body.startsWith('data') ? 'text/event-stream' : 'application/json' },
      body,
    })
    const responses = [
      response('POST', '/answer', '{"error":1}', 429),
      response('POST', '/answer', 'data: one\n\n'),
      response('GET', '/answer', '{"status":"completed"}'),
      response('POST', '/other', '{}'),
    ]
    const mock = create()
    mock.replay('/answer', JSON.stringify({ recording: 1, responses }))
    const receive = async (method: string): Promise<unknown[]> => {
      const received = await mock.fetch('/answer', { method })
      return [received.status, await received.text()]
    }
    expect(await receive('POST')).toEqual([429, '{"error":1}'])
    expect(await receive('GET')).toEqual([200, '{"status":"completed"}'])
    expect(await receive('POST')).toEqual([200, ': open\n\ndata: one\n\n'])
    expect(await receive('POST')).toEqual([200, ': open\n\ndata: one\n\n'])
    expect((await mock.fetch('/answer', { method: 'DELETE' })).status).toBe(405)
  })

  test.each([
    ['', 'expected an event stream'],
    ['hello', 'expected an event stream'],
    ['{', 'invalid JSON'],
    ['{}', 'expected { "recording": 1, "responses": […] }'],
    ['{"recording":1,"responses":[{}]}', 'recording.responses[0]: expected { method'],
    ['{"recording":1,"responses":[{"method":"GET","path":"/answer","status":42,"headers":{},"body":""}]}', 'status'],
    ['{"recording":1,"responses":[]}', 'no response for /answer'],
  ])('the text %j is refused', (text, message) => {
    expect(() => create().replay('/answer', text)).toThrow(message)
    expect(() => create().replay('/answer', text)).toThrow(TypeError)
  })

  test('the text of a recording may have any line endings', () => {
    const data = (text: string) => parseStream(text).frames.flatMap((frame) => frame.data ?? [])
    expect(data('data: a\r\rdata:b\r\n\r\ndata\n\n\n\ndata:  c\n\n')).toEqual(['a', 'b', '', ' c'])
  })
})

describe('record', () => {
  const KEY = 'sk-test-0123456789abcdef'

  async function record(
    request: Request,
    response: Response,
  ): Promise<{ received: string; recorded: RecordedResponse }> {
    const recorded: RecordedResponse[] = []
    const target = new URL('https://api.test/base/')
    const sent: Request[] = []
    const recorder = createRecorder({
      target,
      onResponse: (one) => recorded.push(one),
      fetch: (url, init) => {
        sent.push(new Request(url, init))
        return Promise.resolve(response)
      },
    })
    const received = await (await recorder(request)).text()
    expect(sent[0]!.headers.get('authorization')).toBe(request.headers.get('authorization'))
    expect(new URL(sent[0]!.url).origin).toBe('https://api.test')
    expect(recorded).toHaveLength(1)
    return { received, recorded: recorded[0]! }
  }

  test('the client gets the whole response, and the recording has no credentials', async () => {
    const body = `data: {"text":"${KEY}","cookie":"secret-session-1","other":"AIzaSyA0123456789abcdefghijkl","key":"query-key-1"}\n\n`
    const { received, recorded } = await record(
      new Request('http://localhost:3000//v1/messages?key=query-key-1&alt=sse', {
        method: 'POST',
        body: '{"prompt":"private words"}',
        headers: { authorization: `Bearer ${KEY}`, cookie: 'sid=secret-session-1', 'x-goog-api-key': 'goog-key-12345' },
      }),
      new Response(body, {
        status: 200,
        headers: { 'content-type': 'text/event-stream', 'set-cookie': 'a=b', 'x-request-id': 'request-1' },
      }),
    )
    expect(received).toBe(body)
    expect(recorded).toEqual({
      method: 'POST',
      path: '//v1/messages',
      status: 200,
      headers: { 'content-type': 'text/event-stream' },
      body: 'data: {"text":"[removed]","cookie":"[removed]","other":"[removed]","key":"[removed]"}\n\n',
    })
    const file = JSON.stringify(recorded)
    for (const secret of [KEY, 'secret-session-1', 'query-key-1', 'goog-key', 'private words', 'request-1'])
      expect(file).not.toContain(secret)
  })

  test('a key that a vendor quotes with asterisks is removed', async () => {
    const body = '{"error":{"message":"Incorrect API key provided: sk-test-********cdef."}}'
    const { recorded } = await record(new Request('http://localhost/v1'), new Response(body, { status: 401 }))
    expect(recorded.body).toBe('{"error":{"message":"Incorrect API key provided: [removed]."}}')
  })

  test('a server that cannot be reached is a 502, and is not recorded', async () => {
    const recorder = createRecorder({
      target: new URL('https://api.test'),
      onResponse: () => expect.unreachable(),
      fetch: () => Promise.reject(new TypeError('failed')),
    })
    const response = await recorder(new Request('http://localhost/v1'))
    expect(response.status).toBe(502)
    expect(await response.json()).toMatchObject({ detail: 'https://api.test cannot be reached.' })
  })

  test('a client reads the same answer from the mock and from its recording', async () => {
    const mock = create({ unit: 'token' })
    mock.run('/v1/messages', { dialect: 'anthropic', answer: [{ text: 'Hi.' }, { tool: 'f', input: { a: 1 } }] })
    const responses: RecordedResponse[] = []
    const recorder = createRecorder({
      target: new URL('http://mock.test'),
      onResponse: (response) => responses.push(response),
      fetch: (url, init) => mock.fetch(url, init),
    })
    const read = async (fetch: (request: Request) => Promise<Response>): Promise<unknown> => {
      const client = createClient({
        baseUrl: 'http://localhost',
        fetch: (input, init) => fetch(new Request(input, init)),
      })
      const messages = [{ role: 'user', content: 'hi' }]
      const json = { max_tokens: 9, stream: true, messages }
      const { message, usage } = await client.stream('/v1/messages', { protocol: anthropic(), json }).final()
      return { message, usage }
    }
    const first = await read(recorder)
    await waitUntil(() => responses.length === 1)
    const replay = create()
    replay.replay('/v1/messages', JSON.stringify({ recording: 1, responses }))
    expect(await read(replay.fetch)).toEqual(first)
  })
})
