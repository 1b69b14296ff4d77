/** `EventSource` on platforms that lack parts of the standard, or differ from it. */
/* oxlint-disable unicorn/prefer-add-event-listener -- the handlers themselves are tested */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()
const STREAM = 'data:text/event-stream,id:7%0Adata:a%0A%0Adata:b%0A%0A'

afterEach(() => vi.resetModules())
/** Imports the class again, as it is defined on the platform that the test has set up. */
const importEventSource = async () => (await import('../../src/event-source.ts')).EventSource

test.each([
  ['MessageChannel', ['setImmediate']],
  ['setTimeout', ['setImmediate', 'MessageChannel']],
])('tasks are queued by %s where others are missing', async (_used, missing) => {
  const EventSource = await importEventSource()
  for (const name of missing) vi.stubGlobal(name, undefined)
  const received: string[] = []
  await new Promise<void>((resolve) => {
    const source = new EventSource(STREAM, { onError: () => source.close() })
    source.onopen = () => received.push('open')
    source.onmessage = ({ data }) => {
      received.push(data as string)
      queueMicrotask(() => received.push('microtask'))
      if (data !== 'b') return
      source.close()
      setTimeout(resolve, 0)
    }
  })
  vi.unstubAllGlobals()
  expect(received).toEqual(['open', 'a', 'microtask', 'b', 'microtask'])
})

test('[React Native] without MessageEvent, events have the same properties', async () => {
  const EventSource = await importEventSource()
  vi.stubGlobal('MessageEvent', undefined)
  const event = await new Promise<MessageEvent>((resolve) => {
    const source = new EventSource(STREAM)
    source.onmessage = (message) => {
      source.close()
      resolve(message)
    }
  })
  expect(event).toBeInstanceOf(Event)
  expect([event.type, event.data, event.lastEventId, event.origin]).toEqual(['message', 'a', '7', 'null'])
})

/** workerd's `EventTarget`: it calls the `on…` property of the target itself. */
class SelfCallingEventTarget extends EventTarget {
  override dispatchEvent(event: Event): boolean {
    const handler = (this as Record<string, unknown>)[`on${event.type}`]
    if (typeof handler === 'function') handler.call(this, event)
    return super.dispatchEvent(event)
  }
}

describe.each([
  ['the standard EventTarget', EventTarget],
  ['[workerd] an EventTarget that calls on… properties itself', SelfCallingEventTarget],
])('with %s', (_name, Target) => {
  test('each handler is called once per event, until it is set to null', async () => {
    vi.stubGlobal('EventTarget', Target)
    const EventSource = await importEventSource()
    const source = new EventSource(STREAM)
    const calls: unknown[] = []
    await new Promise<void>((resolve) => {
      source.onopen = function (event) {
        calls.push(['open', event.type, this === source])
      }
      source.onmessage = ({ data }) => {
        calls.push(data)
        if (data === 'a') source.onopen = null
      }
      source.addEventListener('message', ({ data }) => {
        if (data !== 'b') return
        source.dispatchEvent(new Event('open'))
        source.close()
        resolve()
      })
    })
    expect(calls).toEqual([['open', 'open', true], 'a', 'b'])
    expect([source.onopen, typeof source.onmessage]).toEqual([null, 'function'])
  })
})
