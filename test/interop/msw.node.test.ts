/** MSW in Node: the mock's handlers serve the global `fetch`. */
import { HttpResponse, http } from 'msw'
import { setupServer } from 'msw/node'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { createMock as createPlainMock } from '../../mock-server/mock/mock.ts'
import { type MswMock, createMock, handlers } from '../../mock-server/msw/handlers.ts'
import { dataOf, textOf } from '../mock-server/support/blocks.ts'
import {
  eventsOfItems,
  openChannelClient,
  openGetOperation,
  openRunOperation,
} from '../mock-server/support/channel-client.ts'
import { openStreamReader } from '../mock-server/support/stream-reader.ts'

const API = 'https://api.example.com'
let close = (): void => undefined
afterEach(() => close())

function intercept(mock: MswMock, ...others: Parameters<typeof setupServer>): void {
  const server = setupServer(...mock.handlers(), ...others)
  server.listen({ onUnhandledRequest: 'error' })
  close = () => {
    server.close()
    mock.close()
  }
}

describe('streams', () => {
  test.each(['GET', 'POST'])('fetch reads a run requested by %s', async (method) => {
    const mock = createMock({ answers: { 你好: '你好，世界 🧑‍🚀' } })
    intercept(mock)
    const url = `${API}/api/generate${method === 'GET' ? '?prompt=你好' : ''}`
    const reader = await openStreamReader(url, method === 'GET' ? {} : { method, body: '{"prompt":"你好"}' })
    expect(reader.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    const { events, error } = await reader.readToEnd()
    expect(error).toBeUndefined()
    expect(textOf(events)).toBe('你好，世界 🧑‍🚀')
    expect(mock.requests[0]!.url).toBe(new URL(url).href)
  })

  test('a feed delivers live events and can be resumed after the mock drops it', async () => {
    const mock = createMock()
    intercept(mock)
    const reader = await openStreamReader(`${API}/api/stream`)
    await reader.readEvents(1)
    const id = mock.feed().send({ type: 'tick', data: 1 })
    expect((await reader.readEvents(2))[1]).toMatchObject({ type: 'tick', data: '1', id })
    mock.feed().drop()
    expect((await reader.readToEnd()).error).toBeInstanceOf(Error)
    mock.feed().send({ type: 'tick', data: 2 })
    const again = await openStreamReader(`${API}/api/stream`, { headers: { 'last-event-id': id } })
    expect((await again.readEvents(2))[1]).toMatchObject({ type: 'tick', data: '2' })
    again.close()
  })

  test('[P5.2] a channel carries a run and a feed', async () => {
    const mock = createMock({ answers: { Hi: '你好' } })
    intercept(mock)
    const channel = await openChannelClient(API)
    await channel.post(openRunOperation('a'), openGetOperation('b'))
    expect(textOf(eventsOfItems(await channel.readUntilClosed('a')))).toBe('你好')
    mock.feed().send({ type: 'tick', data: 1 })
    await channel.readUntil('b', (all) => all.at(-1)?.type === 'tick')
    expect(mock.requests.map(({ method }) => method)).toEqual(['GET', 'POST', 'POST', 'GET'])
  })

  test('a run that was cut can be resumed and deleted', async () => {
    const mock = createMock({ answers: ['0123456789'] })
    mock.run('/api/chat', { text: '0123456789', fault: 'reset-after:4,once' })
    intercept(mock)
    const first = await (await openStreamReader(`${API}/api/chat?prompt=x`)).readToEnd()
    expect(first.error).toBeDefined()
    expect(first.events).toHaveLength(4)
    const resume = new URL(dataOf(first.events[0])['resume'] as string, API).href
    const rest = await (
      await openStreamReader(resume, { headers: { 'last-event-id': first.events[3]!.id! } })
    ).readToEnd()
    expect(textOf([...first.events, ...rest.events])).toBe('0123456789')
    expect((await fetch(resume, { method: 'DELETE' })).status).toBe(204)
  })
})

describe('faults', () => {
  test('faults produce a status, a redirect and a network error', async () => {
    const mock = createMock()
    intercept(mock)
    expect((await fetch(`${API}/api/stream?fault=status:503,retry-after:5`)).headers.get('retry-after')).toBe('5')
    expect((await fetch(`${API}/api/stream?fault=status:204`)).status).toBe(204)
    // Abort the request instead of canceling the body, because MSW would still wait for its clone of the body.
    const controller = new AbortController()
    const redirected = await fetch(`${API}/api/generate?prompt=x&fault=status:307,location:/api/stream`, {
      signal: controller.signal,
    })
    expect(redirected.url).toBe(`${API}/api/stream`)
    controller.abort()
    await expect(fetch(`${API}/api/stream?fault=refuse`)).rejects.toThrow(TypeError)
  })
})

describe('together with other handlers', () => {
  test('paths unknown to the mock fall through to other handlers', async () => {
    const mock = createMock()
    intercept(
      mock,
      http.get(`${API}/users`, () => HttpResponse.json(['me'])),
    )
    expect(await (await fetch(`${API}/users`)).json()).toEqual(['me'])
    expect(mock.requests).toEqual([])
  })

  test('a path added to the mock after its handlers were passed to MSW is served as well', async () => {
    const mock = createMock()
    intercept(mock)
    mock.run('/later', { text: 'late' })
    expect(textOf((await (await openStreamReader(`${API}/later?prompt=x`)).readToEnd()).events)).toBe('late')
  })

  test('handlers with an origin serve only that origin', async () => {
    const mock = createPlainMock()
    const server = setupServer(
      ...handlers(mock, { origin: API }),
      http.all('*', () => HttpResponse.text('other')),
    )
    server.listen()
    onTestFinished(() => {
      server.close()
      mock.close()
    })
    expect(await (await fetch('https://other.example.com/api/stream')).text()).toBe('other')
    expect((await fetch(`${API}/api/stream?fault=status:204`)).status).toBe(204)
  })
})
