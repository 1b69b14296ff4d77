/** Tests of `fetchEventSourceConnect` with the real @microsoft/fetch-event-source, beyond the contract suite. */
import { fetchEventSource } from '@microsoft/fetch-event-source'
import { describe, expect, test } from 'vitest'
import { isStreamError } from '../../src/base/errors.ts'
import type { ConnectRequest } from '../../src/connect/connect.ts'
import { fetchEventSourceConnect } from '../../src/fetch-event-source.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { createScriptedFetch } from '../support/scripted-fetch.ts'

function setUp(more: Partial<ConnectRequest> = {}) {
  const { fetch, calls } = createScriptedFetch()
  const controller = new AbortController()
  const connect = fetchEventSourceConnect(fetchEventSource, fetch)
  const request: ConnectRequest = {
    url: 'https://api.test/',
    method: 'GET',
    headers: [['x-own', '1']],
    credentialHeaders: [],
    maxEventSize: 1_000,
    signal: controller.signal,
    ...more,
  }
  return { calls, controller, connecting: connect(request) }
}

async function open(more?: Partial<ConnectRequest>, init?: ResponseInit) {
  const { calls, controller, connecting } = setUp(more)
  await flushMicrotasks()
  const body = calls[0]!.respond(init)
  return { body, call: calls[0]!, calls, controller, connection: await connecting }
}

describe('reading', () => {
  test('[F33] each read() reads one chunk and returns the number of bytes', async () => {
    const { body, connection } = await open()
    body.write('id: 1\ndata: 你好\n\ndata: b\n\nda')
    await flushMicrotasks()
    expect(body.pullCount).toBe(0)
    const first = await connection.read()
    expect(first).toEqual({
      blocks: [
        { type: 'message', data: '你好', id: '1' },
        { type: 'message', data: 'b', id: undefined },
      ],
      bytes: 31,
    })
    await flushMicrotasks()
    const before = body.pullCount
    body.write('ta: c\nretry: 20\nevent: x\n\n')
    await flushMicrotasks()
    expect(body.pullCount).toBe(before)
    expect(await connection.read()).toEqual({ blocks: [{ type: 'x', data: 'c', id: undefined }], bytes: 26, retry: 20 })
    body.write(': heartbeat\n\n')
    expect(await connection.read()).toEqual({ blocks: [], bytes: 13 })
    body.close()
    expect(await connection.read()).toBe(null)
    expect(await connection.read()).toBe(null)
  })

  test('[F1] when the connection breaks, complete events are read before the error', async () => {
    const { body, connection } = await open()
    body.write('data: a\n\ndata: par')
    expect((await connection.read())!.blocks).toHaveLength(1)
    body.error(new TypeError('terminated'))
    await expect(connection.read()).rejects.toSatisfy((error) => isStreamError(error, 'network'))
    await expect(connection.read()).rejects.toSatisfy((error) => isStreamError(error, 'network'))
  })

  test.each([
    ['in one line', `data: ${'x'.repeat(2_000)}`],
    ['in many lines', 'data: x\n'.repeat(300)],
    ['that is complete', `data: ${'x'.repeat(2_000)}\n\n`],
  ])('[F28] an event above maxEventSize %s rejects with too-large', async (_shape, text) => {
    const { body, connection } = await open()
    body.write('data: a\n\n')
    expect((await connection.read())!.blocks).toHaveLength(1)
    body.write(text)
    body.write('data: y\n')
    const reads = async (): Promise<void> => {
      while (await connection.read());
    }
    await expect(reads()).rejects.toSatisfy((error) => isStreamError(error, 'too-large'))
  })
})

test('[F28] maxEventSize counts characters, not bytes', async () => {
  const { body, connection } = await open()
  const data = '日👍é'.repeat(240) // 960 characters, 2,160 bytes
  body.write(`data: ${data}`)
  body.write('\n\n')
  const { blocks } = (await connection.read())!
  expect(blocks.length ? blocks : (await connection.read())!.blocks).toMatchObject([{ data }])
})

describe('the response', () => {
  test('a response with any status becomes a connection with a body that can be read as text', async () => {
    const { body, connection } = await open(
      {},
      { status: 503, headers: { 'content-type': 'application/problem+json', 'retry-after': '3' } },
    )
    expect([connection.status, connection.headers.get('retry-after')]).toEqual([503, '3'])
    body.write('{"title":')
    body.write('"busy"}and more')
    body.close()
    expect(await connection.readText(16)).toBe('{"title":"busy"}')
  })

  test('a failed request rejects once, because retries by the package are disabled', async () => {
    const { calls, connecting } = setUp()
    await flushMicrotasks()
    calls[0]!.fail(new TypeError('refused'))
    await expect(connecting).rejects.toSatisfy((error) => isStreamError(error, 'network'))
    expect(calls).toHaveLength(1)
  })
})

test('the package receives a real response', async () => {
  const { fetch, calls } = createScriptedFetch()
  let received: unknown
  const connect = fetchEventSourceConnect(
    (input, init) =>
      fetchEventSource(input, {
        ...init,
        fetch: async (url, requestInit) => (received = await init.fetch(url, requestInit)),
      }),
    fetch,
  )
  const { signal } = new AbortController()
  const connecting = connect({
    url: 'https://api.test/',
    method: 'GET',
    headers: [],
    credentialHeaders: [],
    maxEventSize: 1_000,
    signal,
  })
  await flushMicrotasks()
  calls[0]!.respond().close()
  expect(await (await connecting).read()).toBeNull()
  expect(received).toBeInstanceOf(Response)
})

describe('the request', () => {
  test('[F22] the request has only the given headers and the last event ID as UTF-8, and ignores visibility changes', async () => {
    const { call, calls } = await open({ lastEventId: '日' })
    expect(Object.fromEntries(call.headers)).toEqual({ 'x-own': '1', 'last-event-id': 'æ\u0097¥' })
    document.dispatchEvent(new Event('visibilitychange'))
    await flushMicrotasks()
    expect([calls.length, call.init.signal!.aborted]).toEqual([1, false])
  })

  test('[F37] an abort before the request, before the response or while reading rejects with the reason', async () => {
    const early = setUp()
    await flushMicrotasks()
    early.controller.abort(new Error('enough'))
    await expect(early.connecting).rejects.toThrow('enough')
    const { controller, connection, call } = await open()
    const reading = connection.read()
    controller.abort(new Error('later'))
    await expect(reading).rejects.toThrow('later')
    expect(call.init.signal!.aborted).toBe(true)
    const late = setUp({ signal: AbortSignal.abort(new Error('before')) })
    await expect(late.connecting).rejects.toThrow('before')
  })

  test('[F34] cancel() aborts the request and is idempotent', async () => {
    const { connection, call } = await open()
    connection.cancel()
    connection.cancel()
    await flushMicrotasks()
    expect(call.init.signal!.aborted).toBe(true)
  })
})
