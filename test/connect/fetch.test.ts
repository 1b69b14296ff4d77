/** The default `Connect`, with a scripted `fetch`. */
import { describe, expect, test, vi } from 'vitest'
import { isStreamError } from '../../src/base/errors.ts'
import type { Batch, ConnectRequest, Connection } from '../../src/connect/connect.ts'
import { fetchConnect } from '../../src/connect/fetch.ts'
import { MAX_SLICE_BYTES } from '../../src/connect/read-body.ts'
import { createScriptedFetch } from '../support/scripted-fetch.ts'
import { trapUnhandled } from '../support/unhandled.ts'

trapUnhandled()

const request = (overrides: Partial<ConnectRequest> = {}): ConnectRequest => ({
  url: 'https://api.test/stream?key=SECRET',
  method: 'GET',
  headers: [['accept', 'text/event-stream']],
  credentialHeaders: [],
  maxEventSize: 1_000_000,
  signal: new AbortController().signal,
  ...overrides,
})

const open = async (overrides: Partial<ConnectRequest> = {}, response?: ResponseInit) => {
  const { fetch, calls } = createScriptedFetch()
  const connecting = fetchConnect(fetch)(request(overrides))
  const call = calls[0]!
  const body = call.respond(response)
  return { call, body, connection: await connecting }
}

/** Reads all batches of a connection. */
const readAll = async (connection: Connection): Promise<Batch[]> => {
  const batches: Batch[] = []
  for (let batch = await connection.read(); batch; batch = await connection.read()) batches.push(batch)
  return batches
}

describe('the request', () => {
  test('URL, method, headers and body are passed to fetch', async () => {
    const headers: ConnectRequest['headers'] = [
      ['x-a', '1'],
      ['authorization', 'Bearer t'],
    ]
    const { call } = await open({ method: 'POST', headers, body: '{"a":1}' })
    expect(call.url).toBe('https://api.test/stream?key=SECRET')
    expect(call.init).toMatchObject({ method: 'POST', body: '{"a":1}', cache: 'no-store' })
    expect([...call.headers]).toEqual([
      ['authorization', 'Bearer t'],
      ['x-a', '1'],
    ])
  })

  test('fetch options are passed through and override the cache mode', async () => {
    const { call } = await open({ init: { credentials: 'include', mode: 'cors', cache: 'reload' } })
    expect(call.init).toMatchObject({ credentials: 'include', mode: 'cors', cache: 'reload' })
  })

  test.each([
    ['42', '42'],
    ['é', 'Ã©'],
    ['日本', 'æ\u0097¥æ\u009c¬'],
    ['😀', 'ð\u009f\u0098\u0080'],
  ])('[F22] Last-Event-ID is sent as the UTF-8 bytes of %s', async (lastEventId, sent) => {
    const { call } = await open({ lastEventId })
    expect(call.headers.get('last-event-id')).toBe(sent)
    expect(new TextDecoder().decode(Uint8Array.from(sent, (char) => char.charCodeAt(0)))).toBe(lastEventId)
  })

  test.each(['x', 'é'])('[F22] an ID of 300,000 characters is sent as its UTF-8 bytes: %s', async (character) => {
    const { call } = await open({ lastEventId: character.repeat(300_000) })
    const sent = call.headers.get('last-event-id')!
    expect(new TextDecoder().decode(Uint8Array.from(sent, (char) => char.charCodeAt(0)))).toBe(
      character.repeat(300_000),
    )
  })

  test.each([undefined, ''])('no Last-Event-ID header is sent for %j', async (lastEventId) => {
    expect((await open({ lastEventId })).call.headers.has('last-event-id')).toBe(false)
  })

  test('the global fetch is looked up for each request', async () => {
    const connect = fetchConnect()
    const { fetch, calls } = createScriptedFetch()
    vi.stubGlobal('fetch', fetch)
    const connecting = connect(request())
    calls[0]!.respond({ status: 418 }).close()
    expect((await connecting).status).toBe(418)
  })

  test('[F14] the SDK handles redirects itself if the platform might not strip a credential header', async () => {
    expect((await open({ credentialHeaders: ['x-api-key'] })).call.init.redirect).toBe('manual')
    expect((await open({ credentialHeaders: ['authorization'] })).call.init.redirect).toBe('manual')
    // A page: the browser strips `Authorization`, and hides redirects.
    vi.stubGlobal('location', new URL('https://page.test/'))
    expect((await open({ credentialHeaders: ['authorization'] })).call.init.redirect).not.toBe('manual')
    expect((await open({ credentialHeaders: ['authorization', 'x-api-key'] })).call.init.redirect).toBe('manual')
    expect((await open()).call.init.redirect).not.toBe('manual')
    expect((await open({ credentialHeaders: ['x-api-key'], init: { redirect: 'error' } })).call.init.redirect).toBe(
      'error',
    )
  })

  test('[F14] an opaque redirect, which browsers return, is a final error with code redirect', async () => {
    const opaque = Object.defineProperties(new Response(null), {
      type: { value: 'opaqueredirect' },
      status: { value: 0 },
    })
    const connecting = fetchConnect(async () => opaque)(request({ credentialHeaders: ['x-api-key'] }))
    await expect(connecting).rejects.toMatchObject({
      code: 'redirect',
      retryable: false,
      message: 'Redirect not followed, a browser would send x-api-key to any origin: GET https://api.test/stream',
    })
  })
})

describe('the response', () => {
  test('a connection has the status, headers and URL of a response of any status', async () => {
    const { connection } = await open({}, { status: 418, headers: { 'x-a': '1' } })
    expect(connection.status).toBe(418)
    expect(connection.headers.get('x-a')).toBe('1')
    expect(connection.url).toBe('https://api.test/stream?key=SECRET')
  })

  test('each chunk becomes a batch of blocks', async () => {
    const { body, connection } = await open()
    body.write('id: 1\ndata: a\n\ndata: b\n\n')
    body.write(': heartbeat\n\n')
    body.write('retry: 500\n')
    body.write('data: c')
    body.close()
    expect(await readAll(connection)).toEqual([
      {
        blocks: [
          { type: 'message', data: 'a', id: '1' },
          { type: 'message', data: 'b', id: undefined },
        ],
        bytes: 24,
      },
      { blocks: [], bytes: 13 },
      { blocks: [], bytes: 11, retry: 500 },
      { blocks: [], bytes: 7 },
      { blocks: [], bytes: 0, unfinished: { type: 'message', data: 'c', id: undefined } },
    ])
  })

  test('a body cut at any byte yields the same blocks', async () => {
    const bytes = new TextEncoder().encode('\uFEFFevent: é\r\nid: 日\r\ndata: 😀\r\ndata: b\r\n\r\n: c\n\ndata: z\n\n')
    for (let at = 1; at < bytes.length; at++) {
      const { body, connection } = await open()
      body.write(bytes.subarray(0, at))
      body.write(bytes.subarray(at))
      body.close()
      const blocks = (await readAll(connection)).flatMap((batch) => batch.blocks)
      expect(blocks).toEqual([
        { type: 'é', data: '😀\nb', id: '日' },
        { type: 'message', data: 'z', id: undefined },
      ])
    }
  })

  test('a large chunk is delivered completely, in slices', async () => {
    const { body, connection } = await open()
    const events = Array.from({ length: 20_000 }, (_, index) => `data: event ${index}\n\n`)
    body.write(events.join(''))
    body.close()
    const batches = await readAll(connection)
    expect(batches.length).toBeGreaterThan(1)
    expect(Math.max(...batches.map(({ bytes }) => bytes))).toBeLessThanOrEqual(MAX_SLICE_BYTES)
    expect(batches.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(events.join('').length)
    expect(batches.flatMap(({ blocks }) => blocks.map(({ data }) => data))).toEqual(
      events.map((_, index) => `event ${index}`),
    )
  })

  /** A comment large enough that the rest is read into a reused buffer; the tests send `tail` after it. */
  const flood = new TextEncoder().encode(`: ${'.'.repeat(MAX_SLICE_BYTES)}\n`)
  const tail = new TextEncoder().encode('event: é\r\nid: 日\r\ndata: 😀\r\ndata: b\r\n\r\n: c\n\ndata: z\n\n')
  const reported = [
    { type: 'é', data: '😀\nb', id: '日' },
    { type: 'message', data: 'z', id: undefined },
  ]

  test('a busy byte stream is read into a reused buffer without corrupting data', async () => {
    for (let at = 1; at < tail.length; at++) {
      const pieces = [tail.subarray(0, at), tail.subarray(at)]
      const capacities: number[] = []
      const stream = new ReadableStream({
        type: 'bytes',
        start: (controller) => controller.enqueue(flood.slice()),
        pull(controller) {
          const request = controller.byobRequest
          if (!request) return
          const piece = pieces.shift()
          if (!piece) controller.close()
          else {
            const { buffer } = request.view!
            capacities.push(buffer.byteLength)
            // Overwrites the whole buffer, including the bytes after `piece`.
            new Uint8Array(buffer).fill(0x21).set(piece)
          }
          request.respond(piece?.length ?? 0)
        },
      })
      const connection = await fetchConnect(async () => new Response(stream))(request())
      expect((await readAll(connection)).flatMap((batch) => batch.blocks)).toEqual(reported)
      expect(capacities).toEqual([MAX_SLICE_BYTES, MAX_SLICE_BYTES])
    }
  })

  test('a busy stream that is not a byte stream is read with the default reader', async () => {
    for (let at = 1; at < tail.length; at++) {
      const { body, connection } = await open()
      body.write(flood)
      body.write(tail.subarray(0, at))
      body.write('')
      body.write(tail.subarray(at))
      body.close()
      const batches = await readAll(connection)
      expect(batches.flatMap(({ blocks }) => blocks)).toEqual(reported)
      expect(batches.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(flood.length + tail.length)
    }
  })

  test('a busy stream can be cancelled during a read', async () => {
    for (const type of [undefined, 'bytes'] as const) {
      const cancel = vi.fn()
      const source = {
        type,
        start: (controller: ReadableStreamController<Uint8Array>) => controller.enqueue(flood.slice()),
        cancel,
      }
      const connection = await fetchConnect(async () => new Response(new ReadableStream(source as UnderlyingSource)))(
        request(),
      )
      for (let bytes = 0; bytes < flood.length;) bytes += (await connection.read())!.bytes
      const reading = connection.read()
      connection.cancel()
      expect(await reading).toBeNull()
      expect(cancel).toHaveBeenCalledOnce()
    }
  })

  test('empty chunks yield no batch', async () => {
    const { body, connection } = await open()
    body.write('')
    body.write('data: a\n\n')
    body.close()
    expect(await readAll(connection)).toHaveLength(1)
  })

  test('a response without a body ends immediately', async () => {
    const connection = await fetchConnect(async () => new Response(null, { status: 200 }))(request())
    expect(await connection.read()).toBeNull()
    expect(await connection.readText(100)).toBe('')
    connection.cancel()
  })

  test('[F33] one read pulls at most one chunk, so not reading applies backpressure', async () => {
    const { body, connection } = await open()
    expect(body.pullCount).toBe(0)
    const reading = connection.read()
    body.write('data: a\n\n')
    body.write('data: b\n\n')
    await reading
    expect(body.pullCount).toBeLessThanOrEqual(1)
  })
})

describe('comments', () => {
  const text = ': a\ndata: 1\n\n:b\n: c\ndata: 2\n\ndata: 3\n\n: d\n'

  test('the comments of a batch have the number of blocks before them, if they are wanted', async () => {
    const { body, connection } = await open({ wantsComments: true })
    body.write(text)
    body.write('data: 4\n\n')
    body.write(': e\n\n')
    body.close()
    const batches = await readAll(connection)
    expect(batches.map(({ comments }) => comments)).toEqual([
      [
        { position: 0, text: 'a' },
        { position: 1, text: 'b' },
        { position: 1, text: 'c' },
        { position: 3, text: 'd' },
      ],
      undefined,
      [{ position: 0, text: 'e' }],
    ])
    expect(batches.map(({ blocks }) => blocks.length)).toEqual([3, 1, 0])
  })

  test('without wantsComments, comments are not collected', async () => {
    const { body, connection } = await open()
    body.write(text)
    body.close()
    expect((await readAll(connection)).map((batch) => 'comments' in batch)).toEqual([false])
  })

  test('comments before an event that is too large are delivered before the error', async () => {
    const { body, connection } = await open({ wantsComments: true, maxEventSize: 50 })
    body.write(`: a\ndata: ${'x'.repeat(100)}`)
    expect(await connection.read()).toMatchObject({ blocks: [], comments: [{ position: 0, text: 'a' }] })
    await expect(connection.read()).rejects.toMatchObject({ code: 'too-large' })
  })
})

describe('[F28] an event that is too large', () => {
  test('blocks before the oversized event are delivered, even from the same chunk', async () => {
    const { body, connection } = await open({ maxEventSize: 50 })
    body.write(`data: a\n\ndata: ${'x'.repeat(100)}`)
    expect((await connection.read())?.blocks).toEqual([{ type: 'message', data: 'a', id: undefined }])
    await expect(connection.read()).rejects.toMatchObject({ code: 'too-large', retryable: false })
    await expect(connection.read()).rejects.toMatchObject({ code: 'too-large' })
  })

  test.each(['', '\n\n'])('the error of an oversized event that ends with %j names the request', async (ending) => {
    const { body, connection } = await open({ maxEventSize: 50 })
    body.write(`data: ${'x'.repeat(100)}${ending}`)
    await expect(connection.read()).rejects.toMatchObject({
      message: 'Event exceeds 50 characters (maxEventSize): GET https://api.test/stream',
    })
  })

  test('a read that contains only an oversized event rejects with too-large', async () => {
    const { body, connection } = await open({ maxEventSize: 50 })
    body.write(`data: ${'x'.repeat(100)}`)
    await expect(connection.read()).rejects.toMatchObject({ code: 'too-large' })
  })
})

describe('[F11] a problem document', () => {
  test('a problem document is read as text', async () => {
    const { body, connection } = await open({}, { status: 400 })
    body.write('{"title":')
    body.write('"é"}')
    body.close()
    expect(await connection.readText(100)).toBe('{"title":"é"}')
  })

  test('an endless problem document is read up to the limit', async () => {
    const { body, connection } = await open({}, { status: 400 })
    for (let chunk = 0; chunk < 10; chunk++) body.write('x'.repeat(10))
    expect(await connection.readText(35)).toBe('x'.repeat(35))
    connection.cancel()
    expect(body.cancelled).toBeDefined()
  })
})

describe('failures', () => {
  test('[F18] a failed fetch is a retryable network error whose message omits the query', async () => {
    const { fetch, calls } = createScriptedFetch()
    const connecting = fetchConnect(fetch)(request({ method: 'POST' }))
    const cause = new TypeError('fetch failed')
    calls[0]!.fail(cause)
    const error: unknown = await connecting.catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'network', retryable: true, cause })
    expect(String(error)).toContain('POST https://api.test/stream')
    expect(String(error)).not.toContain('SECRET')
    expect(String(error)).not.toContain('CORS')
  })

  test('the error message of a failed request with Last-Event-ID mentions CORS', async () => {
    const { fetch, calls } = createScriptedFetch()
    const connecting = fetchConnect(fetch)(request({ lastEventId: '1' }))
    calls[0]!.fail(new TypeError('Failed to fetch'))
    await expect(connecting).rejects.toThrow(/CORS.*Last-Event-ID/)
  })

  test('a fetch that throws synchronously is a network error', async () => {
    const connect = fetchConnect(() => {
      throw new Error('not today')
    })
    await expect(connect(request())).rejects.toMatchObject({ code: 'network' })
  })

  test('[F1] a broken body is a network error after earlier chunks are delivered', async () => {
    const { body, connection } = await open()
    body.write('data: a\n\n')
    expect((await connection.read())?.blocks).toHaveLength(1)
    const reading = connection.read()
    body.error(new TypeError('terminated'))
    const error: unknown = await reading.catch((reason: unknown) => reason)
    expect(isStreamError(error, 'network')).toBe(true)
  })

  test('[F37] aborting before the request, while connecting or while reading rejects with the unwrapped reason', async () => {
    const reason = new Error('from the user')
    const before = fetchConnect(async (_, init) => {
      init?.signal?.throwIfAborted()
      return new Response()
    })
    await expect(before(request({ signal: AbortSignal.abort(reason) }))).rejects.toBe(reason)

    const controller = new AbortController()
    const { fetch } = createScriptedFetch()
    const connecting = fetchConnect(fetch)(request({ signal: controller.signal }))
    controller.abort(reason)
    await expect(connecting).rejects.toBe(reason)

    const another = new AbortController()
    const { connection } = await open({ signal: another.signal })
    const reading = connection.read()
    another.abort(reason)
    await expect(reading).rejects.toBe(reason)
  })
})

describe('cancel', () => {
  test('cancel() cancels the body, ends a pending read and is idempotent', async () => {
    const { body, connection } = await open()
    const reading = connection.read()
    connection.cancel()
    connection.cancel()
    expect(body.cancelled).toBeDefined()
    expect(await reading).toBeNull()
  })

  test('cancel() after a broken body causes no unhandled rejection', async () => {
    const { body, connection } = await open()
    body.error(new TypeError('terminated'))
    await expect(connection.read()).rejects.toMatchObject({ code: 'network' })
    connection.cancel()
  })
})
