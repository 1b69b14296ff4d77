/**
 * Tests of behavior of the drop-in `fetchEventSource` that cannot be compared with the package: no document, retry
 * delays, and cleanup. The numbers are those of the rows in docs/from-fetch-event-source.md.
 */
import { fetchEventSource as theirs } from '@microsoft/fetch-event-source'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createClient } from '../../src/client/client.ts'
import { type FetchEventSourceInit, fetchEventSource, fetchEventSourceConnect } from '../../src/fetch-event-source.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { createScriptedFetch } from '../support/scripted-fetch.ts'

const controllers: AbortController[] = []
afterEach(() => {
  for (const controller of controllers.splice(0)) controller.abort()
})

function open(init: FetchEventSourceInit = {}, input = 'https://api.test/') {
  const controller = new AbortController()
  controllers.push(controller)
  const { fetch, calls } = createScriptedFetch()
  const outcome: string[] = []
  const promise = fetchEventSource(input, { signal: controller.signal, fetch, ...init }).then(
    () => outcome.push('resolved'),
    (error: unknown) => outcome.push(String(error)),
  )
  return { calls, controller, outcome, promise }
}

describe('20. without a document', () => {
  test('our fetchEventSource works, as in Node and workers', async () => {
    const { calls, outcome, promise } = open()
    await flushMicrotasks()
    const body = calls[0]!.respond()
    body.write('data: a\n\n')
    body.close()
    await promise
    expect(outcome).toEqual(['resolved'])
  })

  test('fetchEventSourceConnect fails once, with an error that says that a document is required', async () => {
    const { fetch, calls } = createScriptedFetch()
    const client = createClient({
      baseUrl: 'https://api.test',
      connect: fetchEventSourceConnect(theirs, fetch),
      onError: () => {},
    })
    const error = await client.subscribe('/').closed
    expect([error!.code, calls.length]).toEqual(['network', 0])
    expect(error!.message).toContain('requires a document')
  })

  test('the fetchEventSource of the package rejects', async () => {
    await expect(theirs('https://api.test/', { fetch: createScriptedFetch().fetch })).rejects.toThrow(
      'document is not defined',
    )
  })
})

describe('21. [F19] the default retry delays', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    vi.spyOn(Math, 'random').mockReturnValue(1)
  })
  afterEach(() => vi.useRealTimers())

  test('retry delays grow up to 30 s above the reconnection time', async () => {
    const { calls } = open()
    const delays: number[] = []
    for (let attempt = 0; attempt < 8; attempt++) {
      await flushMicrotasks()
      calls.at(-1)!.fail(new TypeError('refused'))
      await flushMicrotasks()
      let delay = 0
      for (const before = calls.length; calls.length === before; delay += 500) {
        await vi.advanceTimersByTimeAsync(500)
        await flushMicrotasks()
      }
      delays.push(delay)
    }
    expect(delays).toEqual([2_000, 3_000, 5_000, 9_000, 17_000, 31_000, 31_000, 31_000])
  })

  test.each([
    ['retry: 0', 100],
    ['retry: 10ms', 1_000],
    ['retry: 1e1', 1_000],
    ['retry: 2500', 2_500],
  ])('[F20] after `%s` the next attempt follows %i ms later', async (field, expected) => {
    vi.mocked(Math.random).mockReturnValue(0)
    const { calls } = open()
    await flushMicrotasks()
    const body = calls[0]!.respond()
    body.write(`${field}\n\n`)
    await flushMicrotasks()
    body.error(new TypeError('terminated'))
    await flushMicrotasks()
    await vi.advanceTimersByTimeAsync(expected - 1)
    await flushMicrotasks()
    expect(calls).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1)
    await flushMicrotasks()
    expect(calls).toHaveLength(2)
  })

  test('retry delays start over after a new last event ID, or after a connection that was open for 10 s', async () => {
    vi.spyOn(performance, 'now').mockImplementation(() => Date.now())
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
    const { calls } = open()
    const delays: number[] = []
    for (const [text, openMs] of [
      ['', 0],
      ['data: a\n\n', 0],
      ['id: 1\n\n', 0],
      ['data: b\n\n', 0],
      ['', 10_000],
    ] as const) {
      await flushMicrotasks()
      const body = calls.at(-1)!.respond()
      if (text) body.write(text)
      await flushMicrotasks()
      await vi.advanceTimersByTimeAsync(openMs)
      body.error(new TypeError('terminated'))
      await flushMicrotasks()
      let delay = 0
      for (const before = calls.length; calls.length === before; delay += 500) {
        await vi.advanceTimersByTimeAsync(500)
        await flushMicrotasks()
      }
      delays.push(delay)
    }
    expect(delays).toEqual([2_000, 3_000, 2_000, 3_000, 2_000])
  })

  test('[F36] an abort in onerror prevents the next attempt', async () => {
    const { calls, controller, outcome } = open({
      onerror() {
        controller.abort()
        return 1
      },
    })
    await flushMicrotasks()
    calls[0]!.fail(new TypeError('refused'))
    await flushMicrotasks()
    await vi.advanceTimersByTimeAsync(60_000)
    await flushMicrotasks()
    expect([calls.length, outcome]).toEqual([1, ['resolved']])
  })

  test('attempts delayed by onerror count toward the backoff', async () => {
    let errorCount = 0
    const { calls } = open({ onerror: () => (++errorCount < 4 ? 1 : undefined) })
    for (let attempt = 0; attempt < 4; attempt++) {
      await flushMicrotasks()
      calls.at(-1)!.fail(new TypeError('refused'))
      await flushMicrotasks()
      // From the third attempt in a row on, a delay is at least 100 ms.
      if (attempt < 3) await vi.advanceTimersByTimeAsync(attempt < 2 ? 1 : 100)
    }
    await vi.advanceTimersByTimeAsync(8_999)
    await flushMicrotasks()
    expect(calls).toHaveLength(4)
    await vi.advanceTimersByTimeAsync(1)
    await flushMicrotasks()
    expect(calls).toHaveLength(5)
  })

  test.each([NaN, -1, Infinity, '5', true])(
    'an invalid delay returned by onerror is replaced by the default: %s',
    async (value) => {
      vi.mocked(Math.random).mockReturnValue(0)
      const { calls } = open({ onerror: () => value as number })
      await flushMicrotasks()
      calls[0]!.fail(new TypeError('refused'))
      await flushMicrotasks()
      await vi.advanceTimersByTimeAsync(999)
      await flushMicrotasks()
      expect(calls).toHaveLength(1)
      await vi.advanceTimersByTimeAsync(1)
      await flushMicrotasks()
      expect(calls).toHaveLength(2)
    },
  )

  test('[P3.4] an invalid delay does not repeat a POST', async () => {
    const { calls, promise, outcome } = open({ method: 'post', onerror: () => NaN })
    await flushMicrotasks()
    calls[0]!.fail(new TypeError('refused'))
    await promise
    expect([outcome, calls.length]).toEqual([['TypeError: refused'], 1])
  })

  test('an id that a header cannot carry is left out of the next request', async () => {
    const { calls } = open({ onerror: () => 1 })
    await flushMicrotasks()
    const body = calls[0]!.respond()
    body.write('id: a\u0001\ndata: a\n\n')
    await flushMicrotasks()
    body.error(new TypeError('terminated'))
    await flushMicrotasks()
    await vi.advanceTimersByTimeAsync(1)
    await flushMicrotasks()
    expect(calls.map(({ headers }) => headers.has('last-event-id'))).toEqual([false, false])
  })

  test('a delay returned by onerror is used unchanged', async () => {
    const { calls } = open({ onerror: () => 5 })
    await flushMicrotasks()
    calls[0]!.fail(new TypeError('refused'))
    await flushMicrotasks()
    await vi.advanceTimersByTimeAsync(4)
    await flushMicrotasks()
    expect(calls).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1)
    await flushMicrotasks()
    expect(calls).toHaveLength(2)
  })
})

test('22. [F10] the body of a response that onopen rejects is canceled', async () => {
  const { calls, outcome, promise } = open({
    async onopen() {
      throw new Error('refused')
    },
    onerror(error) {
      throw error
    },
  })
  await flushMicrotasks()
  const body = calls[0]!.respond()
  await promise
  expect(outcome).toEqual(['Error: refused'])
  expect(body.cancelled).toBeTruthy()
})

describe('a fetch that is not that of the standard', () => {
  test.each([
    ['no response', undefined, 'fetch returned no response: GET https://api.test/'],
    [
      'no body',
      { status: 200, headers: new Headers({ 'content-type': 'text/event-stream' }), url: '', body: undefined },
      'Cannot read the response, this fetch does not stream: GET https://api.test/',
    ],
  ])(
    'with %s, the promise rejects with an error that names the request, and nothing is retried',
    async (_kind, response, message) => {
      const fetch = vi.fn(async () => response as unknown as Response)
      const onerror = vi.fn()
      const { outcome, promise } = open({ fetch, onerror }, 'https://api.test/?key=SECRET')
      await promise
      expect(outcome).toEqual([`StreamError: ${message}`])
      expect(onerror).toHaveBeenCalledOnce()
      expect(fetch).toHaveBeenCalledOnce()
    },
  )
})

test('23. [F28] an event above 16 MiB fails with too-large', async () => {
  const errors: unknown[] = []
  const { calls, promise, outcome } = open({
    onerror(error) {
      errors.push((error as { code: string }).code)
      throw error
    },
  })
  await flushMicrotasks()
  const body = calls[0]!.respond()
  body.write(`data: ${'x'.repeat(0x1000001)}`)
  await promise
  expect([errors, outcome.length]).toEqual([['too-large'], 1])
})

test('[F36] the abort listener is removed when the stream ends', async () => {
  const { calls, controller, promise } = open()
  const removed = vi.spyOn(controller.signal, 'removeEventListener')
  await flushMicrotasks()
  calls[0]!.respond().close()
  await promise
  expect(removed).toHaveBeenCalled()
})
