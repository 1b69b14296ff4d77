/** How an `EventSource` connects, tells its events and reconnects: sections 9.2.3 to 9.2.6 of the standard, and the options beyond it. */
/* oxlint-disable unicorn/prefer-add-event-listener -- the handlers themselves are tested */
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { StreamError } from '../../src/base/errors.ts'
import { EventSource, type EventSourceOptions } from '../../src/event-source.ts'
import { type ManualClock, createManualClock } from '../support/manual-clock.ts'
import { createScriptedFetch } from '../support/scripted-fetch.ts'
import { flushMicrotasks as nextTask } from '../support/flush-microtasks.ts'

const ADDRESS = 'https://api.test/stream?secret=1'
/** Each event has a task of its own: as many tasks as any test here has events, and more. */
async function flushTasks(): Promise<void> {
  for (let task = 0; task < 20; task++) await nextTask()
}

/** As `clock.advance`, until all that follows is told. */
async function advance(clock: ManualClock, ms: number): Promise<void> {
  await clock.advance(ms)
  await flushTasks()
}

const opened: EventSource[] = []
afterEach(() => {
  for (const source of opened.splice(0)) source.close()
})

/** An `EventSource` whose time and network belong to the test, with what it has told. */
function createTestEventSource(options: EventSourceOptions = {}) {
  const clock = createManualClock()
  const { fetch, calls } = createScriptedFetch()
  const received: string[] = []
  const errors: StreamError[] = []
  const source = new EventSource(ADDRESS, { fetch, clock, onError: (error) => errors.push(error), ...options })
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
    heard: received,
    errors,
    /** Answers the last request. */
    async answer(text: string, init?: ResponseInit) {
      await flushTasks()
      const body = calls.at(-1)!.respond(init)
      if (text) body.write(text)
      await flushTasks()
      return body
    },
  }
}

describe('[spec] the constructor', () => {
  test('fetches at once: GET, cors, no-store, credentials of the same origin, and says what it accepts', async () => {
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

  test('sends credentials to other origins only if asked to', async () => {
    const { calls } = createTestEventSource({ withCredentials: true })
    await flushTasks()
    expect(calls[0]!.init.credentials).toBe('include')
  })

  test('[F36] closed in the task in which it was made, it sends nothing', async () => {
    const { source, calls, heard: received } = createTestEventSource()
    source.close()
    await flushTasks()
    expect([calls.length, received, source.readyState]).toEqual([0, [], 2])
  })
})

describe('[spec] announce the connection, dispatch the event', () => {
  test('each in a task of its own: microtasks run in between', async () => {
    const { source, heard: received, answer } = createTestEventSource()
    source.addEventListener(
      'message',
      ({ data }) => void Promise.resolve().then(() => received.push(`microtask ${data}`)),
    )
    source.addEventListener('message', ({ data }) =>
      queueMicrotask(() => queueMicrotask(() => received.push(`another ${data}`))),
    )
    await answer('data: 1\n\ndata: 2\n\nevent: custom\ndata: 3\n\n')
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

  test('nothing is told within the task in which it was read', async () => {
    const { heard: received, calls } = createTestEventSource()
    await flushTasks()
    calls[0]!.respond().write('data: 1\n\n')
    await Promise.resolve()
    expect(received).toEqual([])
  })

  test('[F33] the next chunk is not read before all events of the last one are told', async () => {
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

  test('events are real ones, with the origin of the URL that answered and the last event ID', async () => {
    const clock = createManualClock()
    const body = 'id: 7\ndata: a\n\ndata: b\n\nid\ndata: c\n\n'
    const response = Object.defineProperty(
      new Response(body, { headers: { 'content-type': 'text/event-stream' } }),
      'url',
      {
        value: 'https://elsewhere.test:8443/after/redirects',
      },
    )
    const source = new EventSource(ADDRESS, { clock, fetch: async () => response })
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

  test('[F31] events named like what it tells itself, and like what objects have, are events', async () => {
    const { source, heard: received, answer } = createTestEventSource()
    source.addEventListener('__proto__', ({ data }) => received.push(`proto ${data}`))
    await answer('event: error\ndata: 1\n\nevent: open\ndata: 2\n\nevent: __proto__\ndata: 3\n\n')
    expect(received).toEqual(['open 1', 'error 1 1', 'open 1 2', 'proto 3'])
    expect(source.readyState).toBe(1)
  })

  test.each([1, 2, 3])('[F36] close() in the handler of message %i of 3: nothing more is told', async (which) => {
    const { source, heard: received, answer, clock, calls } = createTestEventSource()
    source.addEventListener('message', ({ data }) => data === String(which) && source.close())
    await answer('data: 1\n\ndata: 2\n\ndata: 3\n\n')
    expect(received).toHaveLength(1 + which)
    expect(source.readyState).toBe(2)
    expect(calls[0]!.init.signal!.aborted).toBe(true)
    await advance(clock, 60_000)
    expect(calls).toHaveLength(1)
    expect(clock.pendingDelays).toEqual([])
  })

  test('[F36] close() in onopen', async () => {
    const { source, heard: received, answer } = createTestEventSource()
    source.onopen = () => source.close()
    await answer('data: 1\n\n')
    expect([received, source.readyState]).toEqual([['open 1'], 2])
  })
})

describe('[spec] reestablish the connection', () => {
  test.each([
    [
      'the end of the body',
      (testSource: ReturnType<typeof createTestEventSource>) => testSource.answer('').then((body) => body.close()),
    ],
    [
      'a cut',
      (testSource: ReturnType<typeof createTestEventSource>) =>
        testSource.answer('data: par').then((body) => body.error(new TypeError('terminated'))),
    ],
  ])('after %s: an error event, CONNECTING, 3 s', async (_what, end) => {
    const testSource = createTestEventSource()
    await end(testSource)
    await flushTasks()
    expect(testSource.heard).toEqual(['open 1', 'error 0'])
    expect(testSource.errors.map(({ code }) => code)).toEqual(['network'])
    expect(testSource.clock.pendingDelays).toEqual([3_000])
    await advance(testSource.clock, 2_999)
    expect(testSource.calls).toHaveLength(1)
    await advance(testSource.clock, 1)
    expect(testSource.calls).toHaveLength(2)
    await testSource.answer('data: again\n\n')
    expect(testSource.heard.slice(2)).toEqual(['open 1', 'message 1 again'])
  })

  test('[F18] [F19] a server that is away is asked for ever, at the same pace, with an error event each time', async () => {
    const { calls, clock, heard: received } = createTestEventSource()
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
  ])('[F20] format-field-retry: %j is %i ms', async (field, expected) => {
    const { answer, clock } = createTestEventSource()
    const body = await answer(`${field}\n\n`)
    body.close()
    await flushTasks()
    expect(clock.pendingDelays).toEqual([expected])
  })

  test('the reconnection time stays for the connections that follow', async () => {
    const { answer, clock } = createTestEventSource()
    for (let attempt = 0; attempt < 3; attempt++) {
      const body = await answer(attempt ? '' : 'retry: 500\n\n')
      body.close()
      await flushTasks()
      expect(clock.pendingDelays).toEqual([500])
      await advance(clock, 500)
    }
  })

  test('[F22] [F23] the last event ID is sent as UTF-8, kept over connections, and cleared by an empty one', async () => {
    const { answer, clock, calls } = createTestEventSource()
    const ids: (string | null)[] = []
    for (const text of ['id: 日本\n\n', 'data: 1\n\n', 'id: x\0\ndata: 2\n\n', 'id\n\n', '']) {
      const body = await answer(text)
      const sent = calls.at(-1)!.headers.get('last-event-id')
      ids.push(sent && new TextDecoder().decode(Uint8Array.from(sent, (character) => character.charCodeAt(0))))
      body.close()
      await advance(clock, 3_000)
    }
    expect(ids).toEqual([null, '日本', '日本', '日本', null])
  })

  test('[F1] the id of an event that was cut is not adopted', async () => {
    const { answer, clock, calls } = createTestEventSource()
    const body = await answer('id: 1\ndata: 1\n\nid: 2\ndata: 2\n')
    body.error(new TypeError('terminated'))
    await advance(clock, 3_000)
    expect(calls[1]!.headers.get('last-event-id')).toBe('1')
  })

  test('[F36] close() in the error event: no other request', async () => {
    const { source, answer, clock, calls, heard: received } = createTestEventSource()
    source.onerror = () => source.close()
    const body = await answer('')
    body.close()
    await advance(clock, 10_000)
    expect([calls.length, received, source.readyState, clock.pendingDelays]).toEqual([1, ['open 1', 'error 0'], 2, []])
  })

  test('[F36] close() while it waits', async () => {
    const { source, answer, clock, calls } = createTestEventSource()
    const body = await answer('')
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
    ['no type', { headers: {} }, 'content-type'],
  ])('%s: CLOSED, then an error event, and nothing more', async (_what, init, code) => {
    const { source, answer, clock, calls, heard: received, errors } = createTestEventSource()
    await answer('data: 1\n\n', init)
    expect([received, source.readyState]).toEqual([['error 2'], 2])
    expect(errors.map((error) => error.code)).toEqual([code])
    expect(errors[0]!.message).not.toContain('secret')
    expect(calls[0]!.init.signal!.aborted).toBe(true)
    await advance(clock, 600_000)
    expect([calls.length, clock.pendingDelays]).toEqual([1, []])
  })

  test('onError hears of the answer, but not of its cookies', async () => {
    const { answer, errors } = createTestEventSource()
    await answer('', { status: 403, headers: { 'set-cookie': 'session=secret', 'x-request': '7' } })
    expect(errors).toMatchObject([{ code: 'http', status: 403, retryable: false }])
    expect([...(errors[0] as StreamError & { code: 'http' }).headers]).toEqual([['x-request', '7']])
  })

  test('[F12] 204', async () => {
    const clock = createManualClock()
    const source = new EventSource(ADDRESS, { clock, fetch: async () => new Response(null, { status: 204 }) })
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
  ])('%s can be no request: an error event, later', async (url) => {
    const { fetch, calls } = createScriptedFetch()
    const source = new EventSource(url, { fetch })
    expect(source.readyState).toBe(0)
    await new Promise((resolve) => source.addEventListener('error', resolve))
    expect([source.readyState, calls.length]).toEqual([2, 0])
  })

  test('a data: URL is a stream that ends', async () => {
    const clock = createManualClock()
    const source = new EventSource('data:text/event-stream,data:hello%0A%0A', { clock })
    opened.push(source)
    const event = await new Promise<MessageEvent>((resolve) => source.addEventListener('message', resolve))
    expect([event.data, event.origin]).toEqual(['hello', 'null'])
  })
})

describe('beyond the standard', () => {
  test('headers, asked anew for each attempt', async () => {
    let asked = 0
    const { answer, clock, calls } = createTestEventSource({
      headers: async ({ attempt }) => ({ 'x-asked': `${++asked} ${attempt}` }),
    })
    const body = await answer('')
    body.close()
    await advance(clock, 3_000)
    expect(calls.map(({ headers }) => headers.get('x-asked'))).toEqual(['1 1', '2 2'])
    expect(calls[0]!.headers.get('accept')).toBe('text/event-stream')
  })

  test('[P3.4] a POST with a body, which is never sent twice', async () => {
    const {
      answer,
      clock,
      calls,
      heard: received,
      source,
    } = createTestEventSource({
      method: 'post',
      body: '{"a":1}',
      headers: { accept: '*/*', 'content-type': 'application/json' },
    })
    const body = await answer('data: 1\n\n')
    expect(calls[0]!.init).toMatchObject({ method: 'POST', body: '{"a":1}' })
    expect(calls[0]!.headers.get('accept')).toBe('*/*')
    body.close()
    await advance(clock, 60_000)
    expect([calls.length, received, source.readyState]).toEqual([1, ['open 1', 'message 1 1', 'error 2'], 2])
  })

  test('options that only fetch knows', async () => {
    const { calls } = createTestEventSource({ referrerPolicy: 'no-referrer', cache: 'default', priority: 'high' })
    await flushTasks()
    expect(calls[0]!.init).toMatchObject({ referrerPolicy: 'no-referrer', cache: 'default', priority: 'high' })
  })

  test('lastEventId: where to go on', async () => {
    const { calls } = createTestEventSource({ lastEventId: '41' })
    await flushTasks()
    expect(calls[0]!.headers.get('last-event-id')).toBe('41')
  })

  test('retry: false', async () => {
    const { answer, clock, heard: received } = createTestEventSource({ retry: false })
    const body = await answer('')
    body.close()
    await flushTasks()
    expect([received, clock.pendingDelays]).toEqual([['open 1', 'error 2'], []])
  })

  test('[F17] retry as a function: it is told the failure, and its answer is the delay', async () => {
    const reported: unknown[] = []
    const {
      answer,
      clock,
      heard: received,
    } = createTestEventSource({
      retry({ error, attempt, delay }) {
        reported.push([error.code, error.status, attempt, delay])
        return attempt < 3 ? delay * 2 ** attempt : undefined
      },
    })
    await answer('', { status: 503 })
    expect(clock.pendingDelays).toEqual([6_000])
    await advance(clock, 6_000)
    const body = await answer('retry: 200\n\n')
    body.close()
    await flushTasks()
    expect(clock.pendingDelays).toEqual([800])
    await advance(clock, 800)
    await answer('', { status: 404 })
    expect(reported).toEqual([
      ['http', 503, 1, 3_000],
      ['network', undefined, 2, 200],
      ['http', 404, 3, 200],
    ])
    expect(received).toEqual(['error 0', 'open 1', 'error 0', 'error 2'])
    expect(clock.pendingDelays).toEqual([])
  })

  test('[F36] after close() retry is not asked', async () => {
    const retry = vi.fn(() => 1)
    const { source, answer, clock, calls } = createTestEventSource({ retry })
    await answer('data: 1\n\n')
    source.close()
    await advance(clock, 10_000)
    expect([retry.mock.calls.length, calls.length]).toEqual([0, 1])
  })

  test('[F35] what retry throws is reported, and it reconnects as the standard says', async () => {
    const reported = vi.spyOn(console, 'error').mockImplementation(() => {})
    const {
      answer,
      clock,
      heard: received,
    } = createTestEventSource({
      retry() {
        throw new Error('of the callback')
      },
    })
    const body = await answer('')
    body.close()
    await flushTasks()
    expect([received, clock.pendingDelays]).toEqual([['open 1', 'error 0'], [3_000]])
    expect(reported).toHaveBeenCalledWith(expect.objectContaining({ message: 'of the callback' }))
  })

  test('[F19] a last event ID that advances, and 10 s open, make the next attempt the first again', async () => {
    const attempts: number[] = []
    const { answer, clock } = createTestEventSource({
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
      const body = await answer(text)
      await advance(clock, open)
      body.close()
      await advance(clock, 1)
    }
    expect(attempts).toEqual([1, 1, 2, 1, 2])
  })

  test('[F4] [F5] idleTimeout: silence is a failure, comments are none', async () => {
    const { answer, clock, heard: received, errors } = createTestEventSource({ idleTimeout: 1_000 })
    const body = await answer('')
    await advance(clock, 900)
    body.write(': still here\n\n')
    await advance(clock, 999)
    expect(received).toEqual(['open 1'])
    await advance(clock, 1)
    expect([received, errors.map(({ code }) => code)]).toEqual([['open 1', 'error 0'], ['idle']])
  })

  test('[F4] without idleTimeout there is no timer at all while it is open', async () => {
    const { answer, clock } = createTestEventSource()
    await answer('data: 1\n\n')
    expect(clock.pendingDelays).toEqual([])
  })

  test('[F6] connectTimeout', async () => {
    const { clock, heard: received, errors } = createTestEventSource({ connectTimeout: 5_000 })
    await advance(clock, 5_000)
    expect([received, errors.map(({ code }) => code)]).toEqual([['error 0'], ['network']])
  })

  test('[F28] maxEventSize ends it', async () => {
    const { answer, heard: received, errors } = createTestEventSource({ maxEventSize: 10 })
    await answer(`data: 1\n\ndata: ${'x'.repeat(11)}\n\n`)
    expect([received, errors.map(({ code }) => code)]).toEqual([['open 1', 'message 1 1', 'error 2'], ['too-large']])
  })

  test('[F36] close() in onError: the error event does not come', async () => {
    const { source, answer, heard: received, clock } = createTestEventSource({ onError: () => source.close() })
    const body = await answer('')
    body.close()
    await flushTasks()
    expect([received, source.readyState, clock.pendingDelays]).toEqual([['open 1'], 2, []])
  })
})

test('closed by what decides about another attempt, it makes none', async () => {
  const {
    source,
    calls,
    clock,
    heard: received,
  } = createTestEventSource({
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
