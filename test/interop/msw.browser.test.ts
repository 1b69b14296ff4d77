/** MSW in a service worker: the mock's handlers serve `fetch` and the native `EventSource` in a page. */
import { type SetupWorker, setupWorker } from 'msw/browser'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type MswMock, createMock } from '../../mock-server/msw/handlers.ts'
import { dataOf, textOf } from '../mock-server/support/blocks.ts'
import { openStreamReader } from '../mock-server/support/stream-reader.ts'

/**
 * Whether MSW's service worker gets a response as it is written. Where the browser cannot transfer a stream (WebKit), MSW
 * waits for its end.
 */
function transfersStreams(): boolean {
  const stream = new ReadableStream()
  try {
    structuredClone(stream, { transfer: [stream] })
    return true
  } catch {
    return false
  }
}
const buffering = 'this browser cannot transfer a ReadableStream: MSW buffers responses (docs/platforms.md)'

const ANSWER = '你好，世界 🧑‍🚀'
let mock: MswMock
let worker: SetupWorker

beforeAll(async () => {
  mock = createMock({ answers: [ANSWER] })
  mock.run('/api/chat', { text: '0123456789', fault: 'truncate-after:4,once' })
  worker = setupWorker(...mock.handlers())
  await worker.start({ quiet: true, onUnhandledRequest: 'bypass' })
})
afterAll(async () => {
  worker.stop()
  mock.close()
  // It would also control the pages of later test files, whose requests WebKit then sends without preflights.
  for (const registration of await navigator.serviceWorker.getRegistrations()) await registration.unregister()
})

describe('fetch', () => {
  test.each(['GET', 'POST'])('fetch reads a run requested by %s', async (method) => {
    const { events, error } = await (
      await openStreamReader(
        `/api/generate${method === 'GET' ? '?prompt=x' : ''}`,
        method === 'GET' ? {} : { method, body: '{"prompt":"x"}' },
      )
    ).readToEnd()
    expect(error).toBeUndefined()
    expect(textOf(events)).toBe(ANSWER)
  })

  test('fetch resumes a run that was cut', async ({ skip }) => {
    skip(!transfersStreams(), buffering)
    const first = await (await openStreamReader('/api/chat?prompt=x')).readToEnd()
    expect(first.error).toBeDefined()
    // A failing body discards chunks that have not been read yet, so any number of events up to four is correct.
    expect(first.events.length).toBeLessThanOrEqual(4)
    const resume = `/api/chat/${mock.runs.at(-1)!.id}`
    for (const start of first.events.slice(0, 1)) expect(dataOf(start)).toMatchObject({ resume })
    const lastId = first.events.at(-1)?.id
    const rest = await (
      await openStreamReader(resume, { headers: { ...(lastId !== undefined && { 'last-event-id': lastId }) } })
    ).readToEnd()
    expect(textOf([...first.events, ...rest.events])).toBe('0123456789')
  })

  test('fetch reads a live feed', async ({ skip }) => {
    skip(!transfersStreams(), buffering)
    const reader = await openStreamReader('/api/stream')
    await reader.readEvents(1)
    mock.feed().send({ type: 'tick', data: { n: 1 } })
    expect((await reader.readEvents(2))[1]).toMatchObject({ type: 'tick', data: '{"n":1}' })
    reader.close()
  })

  test('fetch receives the status that a fault sets', async () => {
    expect((await fetch('/api/stream?fault=status:503')).status).toBe(503)
  })
})

describe('EventSource', () => {
  test('EventSource reads a feed', async ({ skip }) => {
    skip(!transfersStreams(), buffering)
    const source = new EventSource('/api/stream')
    const waitForEvent = (type: string): Promise<MessageEvent<string>> =>
      new Promise((resolve) => source.addEventListener(type, resolve as (event: Event) => void, { once: true }))
    await waitForEvent('connected')
    const received = waitForEvent('tick')
    const id = mock.feed().send({ type: 'tick', data: '你好' })
    const { data, lastEventId } = await received
    expect([data, lastEventId]).toEqual(['"你好"', id])
    source.close()
  })
})
