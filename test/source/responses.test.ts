/** Responses: content types, statuses, problem documents and refused credentials. */
import { describe, expect, test } from 'vitest'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import type { ScriptedResponse } from '../support/scripted-connect.ts'
import { type TestSourceOptions, createTestSource } from '../support/test-source.ts'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()

describe('content type', () => {
  test.each([
    'text/event-stream',
    'text/event-stream;charset=utf-8',
    'Text/Event-Stream ; charset=utf-8',
    ' text/event-stream',
    // If a proxy adds a second value, the last value applies.
    'text/event-stream, text/event-stream',
    'text/html;charset=gbk, text/event-stream',
    'text/event-stream, */*',
    'text/event-stream; a="b, c"; d',
  ])('content type %s is accepted as an event stream', async (type) => {
    const { source, network } = createTestSource()
    source.start()
    await flushMicrotasks()
    network.last.respond({ headers: { 'content-type': type } })
    await flushMicrotasks()
    expect(source.state.status).toBe('open')
  })

  test.each([
    'text/html',
    'text/event-streamish',
    'application/json; x=text/event-stream',
    '',
    'text/event-stream, text/html',
    'text/html; a=", text/event-stream"',
    '*/*',
  ])('[F10] content type "%s" causes a content-type error without a retry, and the body is cancelled', async (type) => {
    const { source, network, clock, endResults, events } = createTestSource()
    source.start()
    await flushMicrotasks()
    const connection = network.last.respond({ headers: { 'content-type': type } })
    connection.send({ data: 'a' })
    await clock.advance(60_000)
    expect(endResults).toMatchObject([{ code: 'content-type', retryable: false }])
    expect(events).toEqual([])
    expect(connection.cancelled).toBe(true)
    expect(network.attempts).toHaveLength(1)
  })

  test('`contentType: false` accepts any type, and `contentType` can be a function', async () => {
    for (const [contentType, expected] of [
      [false, 'open'],
      [(type: string) => type === 'text/x', 'open'],
      [() => false, 'closed'],
    ] as const) {
      const { source, network } = createTestSource({ contentType })
      source.start()
      await flushMicrotasks()
      network.last.respond({ headers: { 'content-type': 'text/x' } })
      await flushMicrotasks()
      expect(source.state.status).toBe(expected)
    }
  })
})

describe('status', () => {
  test('[F12] [P1.4] a 204 is a clean end without a reconnect', async () => {
    const { source, network, clock, endResults } = createTestSource()
    source.start()
    await flushMicrotasks()
    const connection = network.last.respond({ status: 204, headers: {} })
    await clock.advance(60_000)
    expect(endResults).toEqual([undefined])
    expect(source.state).toEqual({ status: 'closed', attempt: 1 })
    expect(connection.cancelled).toBe(true)
    expect(network.attempts).toHaveLength(1)
  })

  test.each([201, 206, 301, 400, 401, 402, 403, 404, 405, 409, 410, 422, 501, 505])(
    '[F15] status %d is reported as one error and not retried',
    async (status) => {
      const { source, network, clock, endResults } = createTestSource()
      source.start()
      await flushMicrotasks()
      const connection = network.last.respond({
        status,
        headers: { 'content-type': 'text/event-stream', 'x-request-id': 'q7' },
      })
      await clock.advance(60_000)
      expect(endResults).toMatchObject([{ code: 'http', status, retryable: false }])
      expect((endResults[0] as { headers?: Headers }).headers?.get('x-request-id')).toBe('q7')
      expect(endResults[0]!.message).toContain(`${status}`)
      expect(connection.cancelled).toBe(true)
      expect(network.attempts).toHaveLength(1)
    },
  )

  test.each([408, 425, 429, 500, 502, 503, 504])('[F17] status %d is retried', async (status) => {
    const { source, network, clock, endResults } = createTestSource()
    source.start()
    await flushMicrotasks()
    const connection = network.last.respond({ status })
    await flushMicrotasks()
    expect(source.state).toMatchObject({ status: 'waiting', error: { code: 'http', status, retryable: true } })
    expect(connection.cancelled).toBe(true)
    await clock.advance(1_000)
    expect(network.attempts).toHaveLength(2)
    expect(endResults).toEqual([])
  })

  test('`retry.statusCodes` replaces the default list of statuses to retry', async () => {
    for (const [status, expected] of [
      [404, 'waiting'],
      [503, 'closed'],
    ] as const) {
      const { source, network } = createTestSource({ retry: { statusCodes: [404] } })
      source.start()
      await flushMicrotasks()
      network.last.respond({ status })
      await flushMicrotasks()
      expect(source.state.status).toBe(expected)
    }
  })
})

describe('problem documents', () => {
  const refuse = async (problem: string, type = 'application/problem+json') => {
    const testSource = createTestSource()
    testSource.source.start()
    await flushMicrotasks()
    const connection = testSource.network.last.respond({ status: 400, headers: { 'content-type': type }, problem })
    await flushMicrotasks()
    return { error: testSource.endResults[0], connection }
  }

  test('[P1.4] a problem document is part of the error', async () => {
    const problem = { type: 'about:blank', title: 'Bad prompt', status: 400, detail: 'Too long', limit: 8 }
    expect((await refuse(JSON.stringify(problem))).error).toMatchObject({ code: 'http', problem })
  })

  test('[F11] at most 16 KiB of a problem document is read', async () => {
    const { error, connection } = await refuse(`{"detail":"${'x'.repeat(20_000)}"}`)
    expect(connection.problemLimit).toBe(16_384)
    expect(connection.cancelled).toBe(true)
    expect(error).toMatchObject({ code: 'http', status: 400 })
    expect(error!.problem).toBeUndefined()
  })

  test('[F11] at most 16 KiB of a body of a different content type is read, and it is no problem document', async () => {
    const { error, connection } = await refuse('<h1>Bad</h1>', 'text/html')
    expect(connection.problemLimit).toBe(16_384)
    expect(connection.cancelled).toBe(true)
    expect(error).toMatchObject({ code: 'http', status: 400, body: '<h1>Bad</h1>' })
    expect(error!.problem).toBeUndefined()
  })

  test.each(['{', 'null', '"text"', '5'])(
    'a body of %s is no problem document, and is part of the error',
    async (body) => {
      const { error } = await refuse(body)
      expect(error).toMatchObject({ code: 'http', status: 400, body })
      expect(error!.problem).toBeUndefined()
    },
  )
})

describe('the body of a refused response', () => {
  /** Responds to the first attempt, and returns the error that ends the source. */
  const refuse = async (response: ScriptedResponse, options: TestSourceOptions = {}) => {
    const { source, network, clock, endResults } = createTestSource(options)
    source.start()
    await flushMicrotasks()
    const connection = network.last.respond(response)
    await clock.advance(1_000)
    expect(clock.pendingDelays).toEqual([])
    return { error: endResults[0]!, connection }
  }
  const headers = { 'content-type': 'application/json; charset=utf-8' }

  test('is `error.body`, and JSON is `error.problem` as well', async () => {
    const problem = '{"error":{"code":"quota"}}'
    const { error } = await refuse({ status: 402, headers, problem })
    expect(error).toMatchObject({ code: 'http', body: problem, problem: { error: { code: 'quota' } } })
  })

  test.each([
    ['text/html', '<h1>Sign in</h1>', undefined],
    ['application/json', '{"detail":"No stream"}', { detail: 'No stream' }],
    ['', 'ok', undefined],
  ])('is part of the content-type error for "%s"', async (type, body, problem) => {
    const { error, connection } = await refuse({ headers: { 'content-type': type }, problem: body })
    expect(error).toMatchObject({ code: 'content-type', status: 200, body })
    expect(error.problem).toEqual(problem)
    expect([connection.problemLimit, connection.cancelled]).toEqual([16_384, true])
    expect(error.message).toBe(
      `Expected an event stream, received "${type}" (contentType): GET https://api.test/stream`,
    )
  })

  test.each([
    [403, 'http'],
    [200, 'content-type'],
  ])('is absent with status %i if it is empty, breaks, or takes longer than 1 s', async (status, code) => {
    const broken = Promise.reject<string>(new Error('reset'))
    broken.catch(() => {}) // the response may be refused before the body is read
    for (const problem of ['', broken, new Promise<string>(() => {})]) {
      const { error, connection } = await refuse({ status, headers, problem })
      expect(error).toMatchObject({ code, status })
      expect(error).not.toHaveProperty('body')
      expect(connection.cancelled).toBe(true)
    }
  })

  test('is part of an error that is retried', async () => {
    const { source, network } = createTestSource()
    source.start()
    await flushMicrotasks()
    network.last.respond({ status: 503, headers: { 'content-type': 'text/plain' }, problem: 'Down' })
    await flushMicrotasks()
    expect(source.state).toMatchObject({ status: 'waiting', error: { code: 'http', body: 'Down' } })
    source.close()
  })
})

describe('the message of a status error', () => {
  const messageOf = async (type: string, problem: string, options: TestSourceOptions = {}, status = 400) => {
    const { source, network, endResults } = createTestSource(options)
    source.start()
    await flushMicrotasks()
    network.last.respond({
      status,
      headers: { 'content-type': type, 'www-authenticate': 'Bearer error="hunter2"', 'set-cookie': 'a=hunter2' },
      problem,
    })
    await flushMicrotasks()
    return endResults[0]!.message
  }
  const withWords = (words: string): string => `Status 400 (${words}): GET https://api.test/stream`
  const withoutWords = 'Status 400: GET https://api.test/stream'

  test.each([
    ['the detail of a problem document', 'application/problem+json', '{"title":"Bad","detail":"Too long"}', 'Too long'],
    ['the title, if there is no detail', 'application/problem+json', '{"title":"Bad prompt"}', 'Bad prompt'],
    ['the title, if the detail is no text', 'application/json', '{"title":"Bad","detail":["x"]}', 'Bad'],
    ['the title, if the detail is HTML', 'application/json', '{"title":"Bad","detail":"<b>x</b>"}', 'Bad'],
    ['the first line of a plain text', 'text/plain; charset=utf-8', '\nNo quota left \r\nRequest 7', 'No quota left'],
    ['the first 200 characters of a long line', 'text/plain', 'x'.repeat(300), 'x'.repeat(200)],
    [
      'the first 200 characters of a long detail',
      'application/json',
      `{"detail":"${'y'.repeat(300)}"}`,
      'y'.repeat(200),
    ],
    ['no control characters', 'text/plain', '\u001b[31mNo\u0000 quota', '[31mNo quota'],
    ['no query, which may contain secrets', 'text/plain', 'Cannot GET /x?key=hunter2 here', 'Cannot GET /x here'],
  ])('quotes %s', async (_name, type, body, words) => {
    expect(await messageOf(type, body)).toBe(withWords(words))
  })

  test.each([
    ['an HTML page', 'text/html', '<h1>Bad</h1>'],
    ['HTML that is declared as plain text', 'text/plain', ' <!doctype html><h1>Bad</h1>'],
    ['a text of another type', 'text/event-stream', 'data: x'],
    ['JSON without words', 'application/json', '{"detail":5}'],
    ['JSON that is not an object', 'application/json', '["detail"]'],
    ['a blank text', 'text/plain', ' \n '],
    ['an empty body', 'text/plain', ''],
  ])('does not quote %s', async (_name, type, body) => expect(await messageOf(type, body)).toBe(withoutWords))

  const withheldFrom = 'https://other.test'
  test.each([401, 403])('with status %i says that credentials were withheld from the origin', async (status) => {
    expect(await messageOf('text/plain', 'Who?', { withheldFrom }, status)).toBe(
      `Status ${status} (Who?; credentials were withheld from https://other.test, which trustedOrigins does not name): ` +
        'GET https://api.test/stream',
    )
    expect(await messageOf('', '', { withheldFrom, canRefresh: true }, 403)).toContain(
      '(credentials were withheld from',
    )
  })

  test('with another status does not mention credentials', async () => {
    expect(await messageOf('', '', { withheldFrom })).toBe(withoutWords)
  })
})

test('a 401 from an origin from which credentials were withheld is final, because new ones would be withheld as well', async () => {
  const { source, network, clock, endResults } = createTestSource({
    canRefresh: true,
    withheldFrom: 'https://other.test',
  })
  source.start()
  await flushMicrotasks()
  network.last.respond({ status: 401 })
  await clock.advance(60_000)
  expect(network.attempts).toHaveLength(1)
  expect(endResults).toMatchObject([{ code: 'http', status: 401, retryable: false }])
})

describe('[F16] [P4.2] refused credentials', () => {
  const reasons: string[] = []
  const createAuthSource = (retry = {}) => {
    reasons.length = 0
    return createTestSource({
      retry,
      request: async ({ reason, signal, attempt }, lastEventId) => {
        reasons.push(`${reason} ${attempt}`)
        return {
          url: '/',
          method: 'GET',
          headers: [],
          credentialHeaders: [],
          canRefresh: true,
          lastEventId,
          maxEventSize: 100,
          signal,
        }
      },
    })
  }

  test('a 401 refreshes the credentials immediately and keeps the cursor', async () => {
    const { open, network, clock, source } = createAuthSource()
    const connection = await open()
    connection.send({ data: 'a', id: '4' })
    connection.end()
    await clock.advance(1_000)
    const refused = network.last.respond({ status: 401 })
    await flushMicrotasks()
    expect(reasons).toEqual(['connect 1', 'connect 2', 'rejected 2'])
    expect(refused.cancelled).toBe(true)
    expect(network.attempts).toHaveLength(3)
    expect(network.last.request.lastEventId).toBe('4')
    network.last.respond()
    await flushMicrotasks()
    expect(source.state.status).toBe('open')
  })

  test('a second consecutive 401 ends the source with code auth and the status', async () => {
    const { source, network, clock, endResults } = createAuthSource()
    source.start()
    await flushMicrotasks()
    network.last.respond({ status: 401 })
    await flushMicrotasks()
    network.last.respond({ status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } })
    await clock.advance(60_000)
    expect(endResults).toMatchObject([{ code: 'auth', status: 401 }])
    expect(network.attempts).toHaveLength(2)
  })

  test('a successful response between two 401s allows another refresh', async () => {
    const { source, network, clock } = createAuthSource()
    source.start()
    for (let turn = 0; turn < 3; turn++) {
      await flushMicrotasks()
      network.last.respond({ status: 401 })
      await flushMicrotasks()
      network.last.respond().end()
      await flushMicrotasks()
      await clock.advance(clock.pendingDelays[0]!)
    }
    expect(reasons.filter((reason) => reason.startsWith('rejected'))).toHaveLength(3)
  })

  test('a refresh does not count as a retry and happens even with a retry limit of 0', async () => {
    const { source, network } = createAuthSource({ limit: 0 })
    source.start()
    await flushMicrotasks()
    network.last.respond({ status: 401 })
    await flushMicrotasks()
    expect(network.attempts).toHaveLength(2)
  })

  test('a 403 ends the source without a refresh', async () => {
    const { source, network, endResults } = createAuthSource()
    source.start()
    await flushMicrotasks()
    network.last.respond({ status: 403 })
    await flushMicrotasks()
    expect(endResults).toMatchObject([{ code: 'http', status: 403 }])
  })
})

describe('[F11] a stalled problem document', () => {
  test.each([
    ['respects', false],
    ['ignores', true],
  ])(
    'a refused request is reported once when the stalled read of its problem document %s the signal',
    async (_name, ignoreAbort) => {
      const { source, network, clock, endResults } = createTestSource({ ignoreAbort })
      source.start()
      await flushMicrotasks()
      const problem = new Promise<string>((_, reject) => {
        const { signal } = network.last.request
        if (!ignoreAbort) signal.addEventListener('abort', () => reject(signal.reason as Error))
      })
      const connection = network.last.respond({
        status: 403,
        headers: { 'content-type': 'application/problem+json' },
        problem,
      })
      await clock.advance(600_000)
      expect(endResults).toMatchObject([{ code: 'http', status: 403, retryable: false }])
      expect(endResults[0]!.problem).toBeUndefined()
      expect(connection.cancelled).toBe(true)
      expect(network.attempts).toHaveLength(1)
      expect(clock.pendingDelays).toEqual([])
    },
  )
})

test.each([Promise.resolve(true) as never, 'yes' as never, undefined as never])(
  'a `contentType` that returns %s leaves the decision to the default',
  async (value) => {
    for (const [type, expected] of [
      ['text/event-stream', 'open'],
      ['text/html', 'closed'],
    ] as const) {
      const { source, network } = createTestSource({ contentType: () => value })
      source.start()
      await flushMicrotasks()
      network.last.respond({ headers: { 'content-type': type } })
      await flushMicrotasks()
      expect(source.state.status).toBe(expected)
      source.close()
    }
  },
)

test('an error thrown by `contentType` is not retried, because another attempt would fail too', async () => {
  const thrown = new Error('from the user')
  const { source, network, clock, endResults } = createTestSource({
    contentType() {
      throw thrown
    },
  })
  source.start()
  await flushMicrotasks()
  const connection = network.last.respond()
  await clock.advance(600_000)
  expect(endResults).toMatchObject([{ code: 'content-type', retryable: false, cause: thrown }])
  expect(connection.cancelled).toBe(true)
  expect(network.attempts).toHaveLength(1)
})
