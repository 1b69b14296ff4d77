/** Tests of how `EventSource` connects, dispatches events and reconnects: sections 9.2.3 to 9.2.6 of the standard, and the options beyond the standard. */
/* oxlint-disable unicorn/prefer-add-event-listener -- the handlers themselves are tested */
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { StreamError } from '../../src/base/errors.ts'
import { EventSource, type EventSourceOptions } from '../../src/event-source.ts'
import { flushMicrotasks as nextTask } from '../support/flush-microtasks.ts'
import { type ManualClock, createManualClock } from '../support/manual-clock.ts'
import { createScriptedFetch } from '../support/scripted-fetch.ts'

const URL_WITH_SECRET = 'https://api.test/stream?secret=1'
/** Waits for more tasks than any test here has events, because each event is dispatched in its own task. */
async function flushTasks(): Promise<void> {
  for (let task = 0; task < 20; task++) await nextTask()
}

/** Advances the clock, and waits until all resulting events have been dispatched. */
async function advance(clock: ManualClock, ms: number): Promise<void> {
  await clock.advance(ms)
  await flushTasks()
}

const opened: EventSource[] = []
afterEach(() => {
  for (const source of opened.splice(0)) source.close()
})

/** Creates an `EventSource` with a manual clock and a scripted `fetch`, and records its events and errors. */
function createTestEventSource(options: EventSourceOptions = {}) {
  const clock = createManualClock()
  const { fetch, calls } = createScriptedFetch()
  const received: string[] = []
  const errors: StreamError[] = []
  const source = new EventSource(URL_WITH_SECRET, { fetch, clock, onError: (error) => errors.push(error), ...options })
  opened.push(source)
  for (const type of ['open', 'message', 'error', 'custom']) {
    source.addEventListener(type, (event: MessageEvent<string>) =>
      received.push([type, source.readyState, event.data].filter((part) => part !== undefined).join(' ')),
    )
  }
  return {
    source,
    clock,
    calls,
    received,
    errors,
    /** Responds to the last request. */
    async respond(text: string, init?: ResponseInit) {
      await flushTasks()
      const body = calls.at(-1)!.respond(init)
      if (text) body.write(text)
      await flushTasks()
      return body
    },
  }
}

describe('[spec] the constructor', () => {
  test('the constructor sends a GET request in cors mode, with no-store, same-origin credentials and an Accept header', async () => {
    const { calls, source } = createTestEventSource()
    await flushTasks()
    expect(calls).toHaveLength(1)
    const { url, init, headers } = calls[0]!
    expect(url).toBe(source.url)
    expect(init).toMatchObject({ method: 'GET', cache: 'no-store', credentials: 'same-origin' })
    expect(init.mode ?? 'cors').toBe('cors')
    expect(init.redirect ?? 'follow').toBe('follow')
    expect([...headers]).toEqual([['accept', 'text/event-stream']])
  })

  test('credentials are sent to other origins if withCredentials is true', async () => {
    const { calls } = createTestEventSource({ withCredentials: true })
    await flushTasks()
    expect(calls[0]!.init.credentials).toBe('include')
  })

  test('[F36] close() in the same task as the constructor prevents the request', async () => {
    const { source, calls, received } = createTestEventSource()
    source.close()
    await flushTasks()
    expect([calls.length, received, source.readyState]).toEqual([0, [], 2])
  })
})

describe('[spec] announce the connection, dispatch the event', () => {
  test('each event is dispatched in its own task, and microtasks run in between', async () => {
    const { source, received, respond } = createTestEventSource()
    source.addEventListener(
      'message',
      ({ data }) => void Promise.resolve().then(() => received.push(`microtask ${data}`)),
    )
    source.addEventListener('message', ({ data }) =>
      queueMicrotask(() => queueMicrotask(() => received.push(`another ${data}`))),
    )
    await respond('data: 1\n\ndata: 2\n\nevent: custom\ndata: 3\n\n')
    expect(received).toEqual([
      'open 1',
      'message 1 1',
      'microtask 1',
      'another 1',
      'message 1 2',
      'microtask 2',
      'another 2',
      'custom 1 3',
    ])
  })

  test('no event is dispatched in the task that reads it', async () => {
    const { received, calls } = createTestEventSource()
    await flushTasks()
    calls[0]!.respond().write('data: 1\n\n')
    await Promise.resolve()
    expect(received).toEqual([])
  })

  test('[F33] the next chunk is read only after all events of the previous one have been dispatched', async () => {
    const { source, calls } = createTestEventSource()
    await flushTasks()
    const body = calls[0]!.respond()
    body.write('data: 1\n\ndata: 2\n\ndata: 3\n\n')
    const pulls: number[] = []
    source.addEventListener('message', () => pulls.push(body.pullCount))
    await flushTasks()
    expect(pulls).toEqual([pulls[0], pulls[0], pulls[0]])
    expect(body.pullCount).toBe(pulls[0]! + 1)
  })

  test('events are MessageEvents with the origin of the final URL and the last event ID', async () => {
    const clock = createManualClock()
    const body = 'id: 7\ndata: a\n\ndata: b\n\nid\ndata: c\n\n'
    const response = Object.defineProperty(
      new Response(body, { headers: { 'content-type': 'text/event-stream' } }),
      'url',
      {
        value: 'https://elsewhere.test:8443/after/redirects',
      },
    )
    const source = new EventSource(URL_WITH_SECRET, { clock, fetch: async () => response })
    opened.push(source)
    const events: MessageEvent[] = []
    source.addEventListener('message', (event) => events.push(event))
    await flushTasks()
    expect(events.every((event) => event instanceof MessageEvent)).toBe(true)
    expect(events.map(({ data, lastEventId, origin }) => [data, lastEventId, origin])).toEqual([
      ['a', '7', 'https://elsewhere.test:8443'],
      ['b', '7', 'https://elsewhere.test:8443'],
      ['c', '', 'https://elsewhere.test:8443'],
    ])
  })

  test('[F31] events named open, error or __proto__ are dispatched as messages', async () => {
    const { source, received, respond } = createTestEventSource()
    source.addEventListener('__proto__', ({ data }) => received.push(`proto ${data}`))
    await respond('event: error\ndata: 1\n\nevent: open\ndata: 2\n\nevent: __proto__\ndata: 3\n\n')
    expect(received).toEqual(['open 1', 'error 1 1', 'open 1 2', 'proto 3'])
    expect(source.readyState).toBe(1)
  })

  test.each([1, 2, 3])(
    '[F36] close() in the handler for message %i of 3 prevents all further events',
    async (message) => {
      const { source, received, respond, clock, calls } = createTestEventSource()
      source.addEventListener('message', ({ data }) => data === String(message) && source.close())
      await respond('data: 1\n\ndata: 2\n\ndata: 3\n\n')
      expect(received).toHaveLength(1 + message)
      expect(source.readyState).toBe(2)
      expect(calls[0]!.init.signal!.aborted).toBe(true)
      await advance(clock, 60_000)
      expect(calls).toHaveLength(1)
      expect(clock.pendingDelays).toEqual([])
    },
  )

  test('[F36] close() in onopen prevents all further events', async () => {
    const { source, received, respond } = createTestEventSource()
    source.onopen = () => source.close()
    await respond('data: 1\n\n')
    expect([received, source.readyState]).toEqual([['open 1'], 2])
  })
})

describe('[spec] reestablish the connection', () => {
  test.each([
    [
      'the end of the body',
      (testSource: ReturnType<typeof createTestEventSource>) => testSource.respond('').then((body) => body.close()),
    ],
    [
      'a broken connection',
      (testSource: ReturnType<typeof createTestEventSource>) =>
        testSource.respond('data: par').then((body) => body.error(new TypeError('terminated'))),
    ],
  ])('after %s an error event is fired, and the next attempt follows 3 s later', async (_cause, end) => {
    const testSource = createTestEventSource()
    await end(testSource)
    await flushTasks()
    expect(testSource.received).toEqual(['open 1', 'error 0'])
    expect(testSource.errors.map(({ code }) => code)).toEqual(['network'])
    expect(testSource.clock.pendingDelays).toEqual([3_000])
    await advance(testSource.clock, 2_999)
    expect(testSource.calls).toHaveLength(1)
    await advance(testSource.clock, 1)
    expect(testSource.calls).toHaveLength(2)
    await testSource.respond('data: again\n\n')
    expect(testSource.received.slice(2)).toEqual(['open 1', 'message 1 again'])
  })

  test('[F18] [F19] an unreachable server is retried without limit every 3 s, with an error event each time', async () => {
    const { calls, clock, received } = createTestEventSource()
    for (let attempt = 1; attempt <= 20; attempt++) {
      await flushTasks()
      calls.at(-1)!.fail(new TypeError('refused'))
      await flushTasks()
      expect(clock.pendingDelays).toEqual([3_000])
      await advance(clock, 3_000)
      expect(calls).toHaveLength(attempt + 1)
    }
    expect(received).toEqual(Array.from({ length: 20 }, () => 'error 0'))
  })

  test.each([
    ['retry: 1000', 1_000],
    ['retry:1000', 1_000],
    ['retry: 03000', 3_000],
    ['retry: 5000\nretry: 2000', 2_000],
    ['retry: 2000\nretry: 1000x', 2_000],
    ['retry: 2000\nretry', 2_000],
    ['retry: 2000\nretry:', 2_000],
    ['retry: 1e1', 3_000],
    ['retry: -5', 3_000],
    ['retry: 10ms', 3_000],
    ['retry: 0', 100],
    ['retry: 7200000', 7_200_000],
    ['retry: 99999999999', 99_999_999_999],
  ])('[F20] format-field-retry: after %j the reconnection time is %i ms', async (field, expected) => {
    const { respond, clock } = createTestEventSource()
    const body = await respond(`${field}\n\n`)
    body.close()
    await flushTasks()
    expect(clock.pendingDelays).toEqual([expected])
  })

  test('the reconnection time applies to all later attempts', async () => {
    const { respond, clock } = createTestEventSource()
    for (let attempt = 0; attempt < 3; attempt++) {
      const body = await respond(attempt ? '' : 'retry: 500\n\n')
      body.close()
      await flushTasks()
      expect(clock.pendingDelays).toEqual([500])
      await advance(clock, 500)
    }
  })

  test('[F22] [F23] the last event ID is sent as UTF-8, kept across connections, and cleared by an empty id', async () => {
    const { respond, clock, calls } = createTestEventSource()
    const ids: (string | null)[] = []
    for (const text of ['id: 日本\n\n', 'data: 1\n\n', 'id: x\0\ndata: 2\n\n', 'id\n\n', '']) {
      const body = await respond(text)
      const sent = calls.at(-1)!.headers.get('last-event-id')
      ids.push(sent && new TextDecoder().decode(Uint8Array.from(sent, (character) => character.charCodeAt(0))))
      body.close()
      await advance(clock, 3_000)
    }
    expect(ids).toEqual([null, '日本', '日本', '日本', null])
  })

  test('[F1] the id of an incomplete event is ignored', async () => {
    const { respond, clock, calls } = createTestEventSource()
    const body = await respond('id: 1\ndata: 1\n\nid: 2\ndata: 2\n')
    body.error(new TypeError('terminated'))
    await advance(clock, 3_000)
    expect(calls[1]!.headers.get('last-event-id')).toBe('1')
  })

  test('[F36] close() in onerror prevents the next attempt', async () => {
    const { source, respond, clock, calls, received } = createTestEventSource()
    source.onerror = () => source.close()
    const body = await respond('')
    body.close()
    await advance(clock, 10_000)
    expect([calls.length, received, source.readyState, clock.pendingDelays]).toEqual([1, ['open 1', 'error 0'], 2, []])
  })

  test('[F36] close() while waiting to reconnect cancels the next attempt', async () => {
    const { source, respond, clock, calls } = createTestEventSource()
    const body = await respond('')
    body.close()
    await flushTasks()
    source.close()
    source.close()
    await advance(clock, 10_000)
    expect([calls.length, clock.pendingDelays]).toEqual([1, []])
  })
})

describe('[spec] fail the connection', () => {
  test.each([
    ['[F15] 404', { status: 404 }, 'http'],
    ['[F17] 503', { status: 503, headers: { 'retry-after': '1' } }, 'http'],
    ['201', { status: 201 }, 'http'],
    ['[F10] text/html', { headers: { 'content-type': 'text/html' } }, 'content-type'],
    ['[F10] text/event-streamish', { headers: { 'content-type': 'text/event-streamish' } }, 'content-type'],
    ['no content type', { headers: {} }, 'content-type'],
  ])('after %s the source is CLOSED, fires an error event, and never retries', async (_response, init, code) => {
    const { source, respond, clock, calls, received, errors } = createTestEventSource()
    await respond('data: 1\n\n', init)
    expect([received, source.readyState]).toEqual([['error 2'], 2])
    expect(errors.map((error) => error.code)).toEqual([code])
    expect(errors[0]!.message).not.toContain('secret')
    expect(calls[0]!.init.signal!.aborted).toBe(true)
    await advance(clock, 600_000)
    expect([calls.length, clock.pendingDelays]).toEqual([1, []])
  })

  test('onError receives the status and headers of the response, but not its cookies', async () => {
    const { respond, errors } = createTestEventSource()
    await respond('', { status: 403, headers: { 'set-cookie': 'session=secret', 'x-request': '7' } })
    expect(errors).toMatchObject([{ code: 'http', status: 403, retryable: false }])
    expect([...(errors[0] as StreamError & { code: 'http' }).headers]).toEqual([['x-request', '7']])
  })

  test('[F12] status 204 closes the source', async () => {
    const clock = createManualClock()
    const source = new EventSource(URL_WITH_SECRET, { clock, fetch: async () => new Response(null, { status: 204 }) })
    const event = await new Promise<Event>((resolve) => source.addEventListener('error', resolve))
    expect([source.readyState, event.constructor, clock.pendingDelays]).toEqual([2, Event, []])
  })

  test.each([
    'ftp://api.test/',
    'about:blank',
    'mailto:someone@api.test',
    "javascript:alert('no')",
    'ws://api.test/',
    'https://user:secret@api.test/',
  ])('the unsupported URL %s fires an error event asynchronously', async (url) => {
    const { fetch, calls } = createScriptedFetch()
    const source = new EventSource(url, { fetch })
    expect(source.readyState).toBe(0)
    await new Promise((resolve) => source.addEventListener('error', resolve))
    expect([source.readyState, calls.length]).toEqual([2, 0])
  })

  test('a data: URL is read as a stream', async () => {
    const clock = createManualClock()
    const source = new EventSource('data:text/event-stream,data:hello%0A%0A', { clock })
    opened.push(source)
    const event = await new Promise<MessageEvent>((resolve) => source.addEventListener('message', resolve))
    expect([event.data, event.origin]).toEqual(['hello', 'null'])
  })
})

describe('beyond the standard', () => {
  test('a headers function is called for each attempt', async () => {
    let headerCalls = 0
    const { respond, clock, calls } = createTestEventSource({
      headers: async ({ attempt }) => ({ 'x-call': `${++headerCalls} ${attempt}` }),
    })
    const body = await respond('')
    body.close()
    await advance(clock, 3_000)
    expect(calls.map(({ headers }) => headers.get('x-call'))).toEqual(['1 1', '2 2'])
    expect(calls[0]!.headers.get('accept')).toBe('text/event-stream')
  })

  test('[P3.4] a POST with a body is not sent again after the response ends', async () => {
    const { respond, clock, calls, received, source } = createTestEventSource({
      method: 'post',
      body: '{"a":1}',
      headers: { accept: '*/*', 'content-type': 'application/json' },
    })
    const body = await respond('data: 1\n\n')
    expect(calls[0]!.init).toMatchObject({ method: 'POST', body: '{"a":1}' })
    expect(calls[0]!.headers.get('accept')).toBe('*/*')
    body.close()
    await advance(clock, 60_000)
    expect([calls.length, received, source.readyState]).toEqual([1, ['open 1', 'message 1 1', 'error 2'], 2])
  })

  test('other options are passed to fetch', async () => {
    const { calls } = createTestEventSource({ referrerPolicy: 'no-referrer', cache: 'default', priority: 'high' })
    await flushTasks()
    expect(calls[0]!.init).toMatchObject({ referrerPolicy: 'no-referrer', cache: 'default', priority: 'high' })
  })

  test('lastEventId is sent with the first request', async () => {
    const { calls } = createTestEventSource({ lastEventId: '41' })
    await flushTasks()
    expect(calls[0]!.headers.get('last-event-id')).toBe('41')
  })

  test('retry: false disables reconnection', async () => {
    const { respond, clock, received } = createTestEventSource({ retry: false })
    const body = await respond('')
    body.close()
    await flushTasks()
    expect([received, clock.pendingDelays]).toEqual([['open 1', 'error 2'], []])
  })

  test('[F17] a retry function receives the failure and returns the delay', async () => {
    const failures: unknown[] = []
    const { respond, clock, received } = createTestEventSource({
      retry({ error, attempt, delay }) {
        failures.push([error.code, error.status, attempt, delay])
        return attempt < 3 ? delay * 2 ** attempt : undefined
      },
    })
    await respond('', { status: 503 })
    expect(clock.pendingDelays).toEqual([6_000])
    await advance(clock, 6_000)
    const body = await respond('retry: 200\n\n')
    body.close()
    await flushTasks()
    expect(clock.pendingDelays).toEqual([800])
    await advance(clock, 800)
    await respond('', { status: 404 })
    expect(failures).toEqual([
      ['http', 503, 1, 3_000],
      ['network', undefined, 2, 200],
      ['http', 404, 3, 200],
    ])
    expect(received).toEqual(['error 0', 'open 1', 'error 0', 'error 2'])
    expect(clock.pendingDelays).toEqual([])
  })

  test('[F36] retry is not called after close()', async () => {
    const retry = vi.fn(() => 1)
    const { source, respond, clock, calls } = createTestEventSource({ retry })
    await respond('data: 1\n\n')
    source.close()
    await advance(clock, 10_000)
    expect([retry.mock.calls.length, calls.length]).toEqual([0, 1])
  })

  test('[F35] an error thrown by retry is reported, and the default delay applies', async () => {
    const reported = vi.spyOn(console, 'error').mockImplementation(() => {})
    const { respond, clock, received } = createTestEventSource({
      retry() {
        throw new Error('callback failed')
      },
    })
    const body = await respond('')
    body.close()
    await flushTasks()
    expect([received, clock.pendingDelays]).toEqual([['open 1', 'error 0'], [3_000]])
    expect(reported).toHaveBeenCalledWith(expect.objectContaining({ message: 'callback failed' }))
  })

  test.each([NaN, -1, Infinity, '500', true, {}])(
    'an invalid delay returned by retry is replaced by the default: %s',
    async (value) => {
      const { respond, clock } = createTestEventSource({ retry: () => value as number })
      const body = await respond('retry: 700\n\n')
      body.close()
      await flushTasks()
      expect(clock.pendingDelays).toEqual([700])
    },
  )

  test('[P3.4] an invalid delay repeats neither a refused request nor a POST', async () => {
    for (const [method, status] of [
      ['GET', 404],
      ['POST', 200],
    ] as const) {
      const { respond, clock, source } = createTestEventSource({ method, retry: () => NaN })
      const body = await respond('', { status, headers: { 'content-type': 'text/event-stream' } })
      if (status === 200) body.close()
      await flushTasks()
      expect([source.readyState, clock.pendingDelays]).toEqual([2, []])
    }
  })

  test('from the third attempt in a row without progress on, a delay is at least 100 ms', async () => {
    const { calls, clock } = createTestEventSource({ retry: () => 0 })
    const delays: number[] = []
    for (let attempt = 0; attempt < 5; attempt++) {
      await flushTasks()
      calls.at(-1)!.fail(new TypeError('refused'))
      await flushTasks()
      delays.push(...clock.pendingDelays)
      await advance(clock, 100)
    }
    expect(delays).toEqual([0, 0, 100, 100, 100])
  })

  test('an id that a header cannot carry is kept, and the request is sent without it', async () => {
    const { respond, clock, calls, source } = createTestEventSource()
    const ids: string[] = []
    source.addEventListener('message', ({ lastEventId }) => ids.push(lastEventId))
    const body = await respond('id: a\u0001\ndata: 1\n\n')
    body.close()
    await advance(clock, 3_000)
    await respond('data: 2\n\n')
    expect(calls.map(({ headers }) => headers.get('last-event-id'))).toEqual([null, null])
    expect(ids).toEqual(['a\u0001', 'a\u0001'])
  })

  test('[F19] a new last event ID, or a connection that stays open for 10 s, resets the attempt number', async () => {
    const attempts: number[] = []
    const { respond, clock } = createTestEventSource({
      retry({ attempt }) {
        attempts.push(attempt)
        return 1
      },
    })
    for (const [text, open] of [
      ['data: 1\n\n', 0],
      ['id: 1\n\n', 0],
      ['id: 1\ndata: again\n\n', 0],
      ['', 10_000],
      ['', 9_999],
    ] as const) {
      const body = await respond(text)
      await advance(clock, open)
      body.close()
      await advance(clock, 1)
    }
    expect(attempts).toEqual([1, 1, 2, 1, 2])
  })

  test('[F4] [F5] a connection that is silent for idleTimeout fails, and comments restart the timeout', async () => {
    const { respond, clock, received, errors } = createTestEventSource({ idleTimeout: 1_000 })
    const body = await respond('')
    await advance(clock, 900)
    body.write(': still here\n\n')
    await advance(clock, 999)
    expect(received).toEqual(['open 1'])
    await advance(clock, 1)
    expect([received, errors.map(({ code }) => code)]).toEqual([['open 1', 'error 0'], ['idle']])
  })

  test('[F4] an open EventSource sets no timer if idleTimeout is not set', async () => {
    const { respond, clock } = createTestEventSource()
    await respond('data: 1\n\n')
    expect(clock.pendingDelays).toEqual([])
  })

  test('[F6] an attempt that gets no response headers within connectTimeout fails', async () => {
    const { clock, received, errors } = createTestEventSource({ connectTimeout: 5_000 })
    await advance(clock, 5_000)
    expect([received, errors.map(({ code }) => code)]).toEqual([['error 0'], ['network']])
  })

  test('[F28] an event above maxEventSize closes the source', async () => {
    const { respond, received, errors } = createTestEventSource({ maxEventSize: 10 })
    await respond(`data: 1\n\ndata: ${'x'.repeat(11)}\n\n`)
    expect([received, errors.map(({ code }) => code)]).toEqual([['open 1', 'message 1 1', 'error 2'], ['too-large']])
  })

  test('[F36] close() in onError prevents the error event', async () => {
    const { source, respond, received, clock } = createTestEventSource({ onError: () => source.close() })
    const body = await respond('')
    body.close()
    await flushTasks()
    expect([received, source.readyState, clock.pendingDelays]).toEqual([['open 1'], 2, []])
  })
})

test('close() in retry prevents the next attempt', async () => {
  const { source, calls, clock, received } = createTestEventSource({
    retry() {
      source.close()
      return 1_000
    },
  })
  await flushTasks()
  calls[0]!.fail(new TypeError('refused'))
  await flushTasks()
  expect(clock.pendingDelays).toEqual([])
  await advance(clock, 10_000)
  expect([calls.length, received]).toEqual([1, []])
})
