/** `EventSource` over the network, next to the browser's own. */
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { EventSource as RivuletEventSource } from '../../src/event-source.ts'
import { type TestServer, openTestServer } from '../contract/test-server.ts'
import { waitUntil } from '../contract/wait-until.ts'

let server: TestServer
beforeEach(async () => {
  server = await openTestServer({ scenario: { retry: 100 } })
})
afterEach(() => server.close())

describe.each([
  ['rivulet/event-source', RivuletEventSource],
  ['the EventSource of the browser', globalThis.EventSource],
])('%s', (_title, Source) => {
  test('receives events, reconnects with the last event ID, and is closed by 204', async () => {
    const source = new Source(`${server.url}/api/stream`)
    onTestFinished(() => source.close())
    const log: unknown[] = []
    source.addEventListener('open', () => log.push('open'))
    source.addEventListener('error', () => log.push(`error, state ${source.readyState}`))
    source.addEventListener('tick', ({ data, lastEventId }: MessageEvent<string>) => log.push([data, lastEventId]))
    source.addEventListener('connected', () => log.push('connected'))
    await waitUntil(() => log.includes('connected'))
    const first = await server.send({ type: 'tick', data: '日本' })
    await waitUntil(() => log.length === 3)
    await server.drop()
    await waitUntil(() => log.length === 4)
    const second = await server.send({ type: 'tick', data: 2 })
    await waitUntil(() => log.length === 7)
    await server.finish()
    await waitUntil(() => source.readyState === source.CLOSED)
    expect(log.slice(0, 7)).toEqual([
      'open',
      'connected',
      ['"日本"', first],
      'error, state 0',
      'open',
      'connected',
      ['2', second],
    ])
    expect(log.at(-1)).toBe('error, state 2')
    expect((await server.requests())[1]!.headers['last-event-id']).toBe(first)
  })
})
