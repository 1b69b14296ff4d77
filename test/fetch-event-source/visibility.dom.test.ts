/**
 * Tests how both `fetchEventSource` implementations behave when the page is hidden and shown again. Numbers in test
 * names refer to rows of the table in docs/from-fetch-event-source.md.
 */
import { fetchEventSource as theirs } from '@microsoft/fetch-event-source'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { type FetchEventSourceInit, fetchEventSource as ours } from '../../src/fetch-event-source.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { type FetchCall, createScriptedFetch } from '../support/scripted-fetch.ts'

let hidden: boolean
const show = async (shown: boolean): Promise<void> => {
  hidden = !shown
  document.dispatchEvent(new Event('visibilitychange'))
  await flushMicrotasks()
}
let controller: AbortController
beforeEach(() => {
  hidden = false
  controller = new AbortController()
  Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden })
})
afterEach(() => {
  controller.abort()
  Reflect.deleteProperty(document, 'hidden')
})

/** Opens a stream and sends it an event with the id 7. */
async function open(
  implementation: typeof ours,
  init: FetchEventSourceInit = {},
): Promise<{ calls: FetchCall[]; received: string[]; result: Promise<void> }> {
  const { fetch, calls } = createScriptedFetch()
  const received: string[] = []
  const result = implementation('https://api.test/', {
    fetch,
    signal: controller.signal,
    onmessage: ({ data }) => void received.push(data),
    onclose: () => void received.push('close'),
    onerror: (error: unknown) => void received.push(String(error)),
    ...init,
  })
  await flushMicrotasks()
  calls[0]!.respond().write('id: 7\ndata: a\n\n')
  await flushMicrotasks()
  return { calls, received, result }
}

describe.each([
  ['ours', ours],
  ['theirs', theirs],
])('%s', (_name, implementation) => {
  test('a GET is aborted when the page is hidden, and resumed from the last event ID when the page is shown', async () => {
    const { calls, received } = await open(implementation)
    await show(false)
    expect([calls.length, calls[0]!.init.signal!.aborted]).toEqual([1, true])
    await show(true)
    expect(calls).toHaveLength(2)
    expect(calls[1]!.headers.get('last-event-id')).toBe('7')
    calls[1]!.respond().write('data: b\n\n')
    await flushMicrotasks()
    expect(received).toEqual(['a', 'b'])
  })

  test('openWhenHidden keeps the connection while the page is hidden', async () => {
    const { calls } = await open(implementation, { openWhenHidden: true })
    await show(false)
    await show(true)
    expect([calls.length, calls[0]!.init.signal!.aborted]).toEqual([1, false])
  })

  test('an abort while the page is hidden resolves the promise', async () => {
    const { calls, result } = await open(implementation)
    await show(false)
    controller.abort()
    await result
    await show(true)
    expect(calls).toHaveLength(1)
  })
})

describe('documented differences', () => {
  test('17. [P3.4] [F41] a POST is neither aborted when the page is hidden nor sent again when the page is shown', async () => {
    const post = { method: 'POST', body: 'prompt' }
    const own = await open(ours, post)
    const other = await open(theirs, post)
    await show(false)
    await show(true)
    expect([own.calls.length, own.calls[0]!.init.signal!.aborted]).toEqual([1, false])
    expect([other.calls.length, other.calls[0]!.init.signal!.aborted]).toEqual([2, true])
  })

  test('18. a connection stays open when the page is shown without having been hidden', async () => {
    const [own, other] = [await open(ours), await open(theirs)]
    await show(true)
    expect([own.calls.length, other.calls.length]).toEqual([1, 2])
  })

  test.each([
    ['ours waits until the page is shown', ours, 1],
    ['theirs sends the request', theirs, 2],
  ])('19. when an attempt is due while the page is hidden, %s', async (_name, implementation, expected) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const { fetch, calls } = createScriptedFetch()
    void implementation('https://api.test/', { fetch, signal: controller.signal, onerror: () => 10 })
    await flushMicrotasks()
    calls[0]!.fail(new TypeError('refused'))
    await flushMicrotasks()
    await show(false)
    await vi.advanceTimersByTimeAsync(10)
    await flushMicrotasks()
    expect(calls).toHaveLength(expected)
    await show(true)
    expect(calls).toHaveLength(expected + 1)
  })
})
