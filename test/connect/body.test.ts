/** Bodies that are not a stream of bytes, as implementations of `fetch` other than the standard's return them. */
import { Readable } from 'node:stream'
import { describe, expect, test, vi } from 'vitest'
import type { ConnectRequest, Connection } from '../../src/connect/connect.ts'
import { fetchConnect } from '../../src/connect/fetch.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const request = (signal = new AbortController().signal): ConnectRequest => ({
  url: 'https://api.test/stream?key=SECRET',
  method: 'GET',
  headers: [],
  credentialHeaders: [],
  maxEventSize: 1_000,
  signal,
})
/** Connects with a `fetch` that resolves with `response`, which need not be a response. */
const connect = (response: unknown, signal?: AbortSignal): Promise<Connection> =>
  fetchConnect(async () => response as Response)(request(signal))
/** A response with this body, and with the methods of `Response` where the test gives some. */
const withBody = (body: unknown, rest: object = {}): unknown => ({
  status: 200,
  url: '',
  headers: new Headers({ 'content-type': 'text/event-stream' }),
  body,
  ...rest,
})
const unsupported = (reason: RegExp): unknown =>
  expect.objectContaining({
    code: 'unsupported',
    retryable: false,
    message: expect.stringMatching(new RegExp(`${reason.source}.*: GET https://api.test/stream$`)),
  })
const dataOf = async (connection: Connection): Promise<(string | undefined)[]> => {
  const data: (string | undefined)[] = []
  for (let batch = await connection.read(); batch; batch = await connection.read())
    data.push(...batch.blocks.map((block) => block.data))
  return data
}

describe('a response without a body property, as in React Native', () => {
  test('reading it is a final error with code unsupported', async () => {
    const connection = await connect(withBody(undefined))
    await expect(connection.read()).rejects.toEqual(unsupported(/this fetch does not stream/))
    await expect(connection.read()).rejects.toEqual(unsupported(/this fetch does not stream/))
    connection.cancel()
  })

  test('its status, headers and text can be read', async () => {
    const text = vi.fn(async () => '{"title":"no"} and more')
    const connection = await connect(withBody(undefined, { status: 403, text }))
    expect([connection.status, connection.headers.get('content-type')]).toEqual([403, 'text/event-stream'])
    expect(text).not.toHaveBeenCalled()
    expect(await connection.readText(14)).toBe('{"title":"no"}')
  })

  test('a text that cannot be read is a network error', async () => {
    const cause = new TypeError('Network request failed')
    const connection = await connect(withBody(undefined, { text: () => Promise.reject(cause) }))
    await expect(connection.readText(10)).rejects.toMatchObject({ code: 'network', cause })
  })

  test('without text(), reading the text is a final error', async () => {
    const connection = await connect(withBody(undefined))
    await expect(connection.readText(10)).rejects.toEqual(unsupported(/this fetch does not stream/))
  })
})

describe('a body that is an async iterable, as in node-fetch', () => {
  test('it is read where the platform has no ReadableStream, as in jsdom', async () => {
    vi.stubGlobal('ReadableStream', undefined)
    const body = Readable.from([utf8('data: a\n\n'), utf8('data: b\n\n')])
    expect(await dataOf(await connect(withBody(body)))).toEqual(['a', 'b'])
  })

  test('a stream of Node is read', async () => {
    const chunks = ['data: a\n\nda', 'ta: é', '\n\n'].map((text) => Buffer.from(text))
    const connection = await connect(withBody(Readable.from(chunks, { objectMode: false })))
    expect(await dataOf(connection)).toEqual(['a', 'é'])
  })

  test('a body cut at any byte yields the same events', async () => {
    const bytes = utf8('data: é\n\nid: 日\r\ndata: 😀\r\n\r\n')
    for (let at = 1; at < bytes.length; at++) {
      const chunks = [bytes.subarray(0, at), new Uint8Array(), bytes.subarray(at)]
      expect(await dataOf(await connect(withBody(Readable.from(chunks))))).toEqual(['é', '😀'])
    }
  })

  test('the text of a refused response is read up to the limit', async () => {
    const connection = await connect(withBody(Readable.from([Buffer.from('abc'), Buffer.from('def')]), { status: 400 }))
    expect(await connection.readText(4)).toBe('abcd')
  })

  test('each read takes one chunk, so not reading applies backpressure', async () => {
    let produced = 0
    async function* produce() {
      for (;;) yield utf8(`data: ${produced++}\n\n`)
    }
    const connection = await connect(withBody(produce()))
    await flushMicrotasks()
    expect(produced).toBe(0)
    await connection.read()
    expect(produced).toBe(1)
    connection.cancel()
  })

  test('a failure while reading is a retryable network error', async () => {
    const cause = new Error('Premature close')
    async function* fail() {
      yield utf8('data: a\n\n')
      throw cause
    }
    const connection = await connect(withBody(fail()))
    expect((await connection.read())?.blocks).toHaveLength(1)
    await expect(connection.read()).rejects.toMatchObject({ code: 'network', retryable: true, cause })
  })

  test('cancel() during a read ends the read, and destroys a stream of Node', async () => {
    const body = new Readable({ read() {} })
    const connection = await connect(withBody(body))
    const reading = connection.read()
    connection.cancel()
    connection.cancel()
    expect(await reading).toBeNull()
    expect(body.destroyed).toBe(true)
  })

  test('cancel() returns an iterator that is not a stream', async () => {
    const returned = vi.fn()
    async function* produce() {
      try {
        for (;;) yield utf8('data: a\n\n')
      } finally {
        returned()
      }
    }
    const connection = await connect(withBody(produce()))
    await connection.read()
    connection.cancel()
    await flushMicrotasks()
    expect(returned).toHaveBeenCalledOnce()
  })
})

describe('a body that cannot be read as bytes is a final error with code unsupported', () => {
  test('a locked body', async () => {
    const response = new Response('data: a\n\n')
    response.body!.getReader()
    const connection = await connect(response)
    expect(connection.status).toBe(200)
    await expect(connection.read()).rejects.toEqual(unsupported(/locked or already used/))
    await expect(connection.readText(10)).rejects.toEqual(unsupported(/locked or already used/))
    connection.cancel()
  })

  test('a body that was read before', async () => {
    const response = new Response('data: a\n\n')
    await response.text()
    const connection = await connect(response)
    await expect(connection.read()).rejects.toEqual(unsupported(/locked or already used/))
  })

  test.each([
    ['a stream of strings', () => new ReadableStream({ start: (controller) => controller.enqueue('data: a\n\n') })],
    ['a stream of empty strings', () => new ReadableStream({ start: (controller) => controller.enqueue('') })],
    ['a stream of Node with an encoding', () => Readable.from([Buffer.from('data: a\n\n')]).setEncoding('utf8')],
  ])('%s, which is canceled', async (_kind, create) => {
    const body = create()
    const connection = await connect(withBody(body))
    const cancel = vi.spyOn(body as Readable, body instanceof Readable ? 'destroy' : ('getReader' as never))
    await expect(connection.read()).rejects.toEqual(unsupported(/not bytes/))
    if (body instanceof Readable) expect(cancel).toHaveBeenCalled()
    connection.cancel()
  })

  test.each([['a string'], [42], [{}], [new Blob(['data: a\n\n'])]])('a body that is %j', async (body) => {
    const connection = await connect(withBody(body))
    await expect(connection.read()).rejects.toEqual(unsupported(/this fetch does not stream/))
  })
})

test.each([undefined, null, 'text', {}, { ok: true, json: async () => ({}) }, { status: 200, headers: {} }])(
  'a fetch that resolves with %j instead of a response is a final error with code unsupported',
  async (response) => {
    await expect(connect(response)).rejects.toEqual(unsupported(/fetch returned no response/))
  },
)

test('a fetch that returns nothing is a final error, also when redirects are followed by hand', async () => {
  const connecting = fetchConnect((() => {}) as unknown as typeof fetch)({
    ...request(),
    credentialHeaders: ['x-api-key'],
  })
  await expect(connecting).rejects.toEqual(unsupported(/fetch returned no response/))
})

test('a body that is null is empty', async () => {
  const connection = await connect(withBody(null))
  expect(await connection.read()).toBeNull()
  expect(await connection.readText(10)).toBe('')
  connection.cancel()
})

describe('an abort rejects the read with the reason and cancels the body, even if fetch ignores the signal', () => {
  const cancelled = vi.fn()
  const kinds: [name: string, create: () => unknown][] = [
    ['a stream of bytes', () => new ReadableStream({ type: 'bytes', cancel: cancelled })],
    ['a stream', () => new ReadableStream({ cancel: cancelled })],
    ['a stream of Node', () => new Readable({ read() {} }).on('close', cancelled)],
    [
      'an async iterator whose next() never settles',
      () => ({
        [Symbol.asyncIterator]: () => ({
          next: () => new Promise(() => {}),
          return: async () => {
            cancelled()
            return { done: true }
          },
        }),
      }),
    ],
  ]
  test.each(kinds)('%s', async (_name, create) => {
    for (const isReading of [true, false]) {
      cancelled.mockClear()
      const controller = new AbortController()
      const reason = new Error('enough')
      const connection = await connect(withBody(create()), controller.signal)
      const reading = isReading && connection.read()
      controller.abort(reason)
      await expect(reading || connection.read()).rejects.toBe(reason)
      await flushMicrotasks()
      expect(cancelled).toHaveBeenCalledOnce()
      connection.cancel()
    }
  })

  test('a body that cannot be read, and one that is empty', async () => {
    for (const body of [undefined, null]) {
      const controller = new AbortController()
      const connection = await connect(withBody(body), controller.signal)
      controller.abort(new Error('enough'))
      await expect(connection.read()).rejects.toThrow('enough')
    }
  })
})
