/** Tests of `EventStreamDecoderStream` and `parseEventStream`: backpressure, ends, errors and cancellation. */
import { describe, expect, test, vi } from 'vitest'
import {
  EventStreamDecoderStream,
  type ParsedEvent,
  encodeEvent,
  isStreamError,
  parseEventStream,
} from '../../src/parser.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'

/** Creates a body that the test writes to and that counts pulls and cancellations. */
function createBody() {
  let controller!: ReadableStreamDefaultController<Uint8Array>
  let pulls = 0
  let cancelled = 0
  const body = new ReadableStream<Uint8Array>(
    {
      start: (streamController) => void (controller = streamController),
      pull: () => void pulls++,
      cancel: () => void cancelled++,
    },
    { highWaterMark: 0 },
  )
  return {
    body,
    write: (text: string) => controller.enqueue(new TextEncoder().encode(text)),
    close: () => controller.close(),
    fail: (error: unknown) => controller.error(error),
    get pulls() {
      return pulls
    },
    get cancelled() {
      return cancelled
    },
  }
}

const text = encodeEvent({ data: '1', id: 'a' }) + encodeEvent({ type: 'other', data: '2\n3' })
const events: ParsedEvent[] = [
  { type: 'message', data: '1', id: 'a' },
  { type: 'other', data: '2\n3', id: 'a' },
]

async function collect(stream: AsyncIterable<ParsedEvent>): Promise<ParsedEvent[]> {
  const found: ParsedEvent[] = []
  for await (const event of stream) found.push(event)
  return found
}

describe('parseEventStream', () => {
  test('parseEventStream reads a response, a byte stream, a text stream, and a response without a body', async () => {
    expect(await collect(parseEventStream(new Response(text)))).toEqual(events)
    expect(await collect(parseEventStream(new Response(text).body!))).toEqual(events)
    expect(await collect(parseEventStream(new Response(text).body!.pipeThrough(new TextDecoderStream())))).toEqual(
      events,
    )
    expect(await collect(parseEventStream(new Response(null)))).toEqual([])
  })

  test('parseEventStream calls onComment and onRetry', async () => {
    const received: unknown[] = []
    const options = {
      onComment: (comment: string) => received.push(comment),
      onRetry: (ms: number) => received.push(ms),
    }
    expect(await collect(parseEventStream(new Response(': hi\nretry: 5\n\n'), options))).toEqual([])
    expect(received).toEqual(['hi', 5])
  })

  test('[F33] the stream is read only when next() needs more events', async () => {
    const source = createBody()
    const stream = parseEventStream(source.body)
    await flushMicrotasks()
    expect(source.pulls).toBe(0)
    const first = stream.next()
    await flushMicrotasks()
    expect(source.pulls).toBe(1)
    source.write(text + text)
    expect((await first).value).toEqual(events[0])
    for (let count = 1; count < 4; count++) await stream.next()
    await flushMicrotasks()
    expect(source.pulls).toBe(1)
    void stream.next()
    await flushMicrotasks()
    expect(source.pulls).toBe(2)
  })

  test('[F34] leaving the loop with break cancels the stream', async () => {
    const source = createBody()
    source.write(text)
    for await (const event of parseEventStream(source.body)) {
      expect(event).toEqual(events[0])
      break
    }
    expect(source.cancelled).toBe(1)
  })

  test('[F39] return() settles pending next() calls and is idempotent', async () => {
    const source = createBody()
    const stream = parseEventStream(source.body)
    const pending = [stream.next(), stream.next()]
    expect(await stream.return!()).toEqual({ value: undefined, done: true })
    expect(await stream.return!()).toEqual({ value: undefined, done: true })
    expect(await Promise.all(pending)).toEqual([
      { value: undefined, done: true },
      { value: undefined, done: true },
    ])
    expect(await stream.next()).toEqual({ value: undefined, done: true })
  })

  test('concurrent next() calls are served in order', async () => {
    const source = createBody()
    const stream = parseEventStream(source.body)
    const pending = [stream.next(), stream.next(), stream.next()]
    source.write(text)
    source.close()
    expect((await Promise.all(pending)).map(({ value }) => value as unknown)).toEqual([...events, undefined])
  })

  test('a later next() call does not overtake a pending call', async () => {
    const source = createBody()
    const stream = parseEventStream(source.body)
    const first = stream.next()
    const second = stream.next()
    const third = first.then(() => stream.next())
    source.write('data: 1\n\ndata: 2\n\ndata: 3\n\n')
    expect((await Promise.all([first, second, third])).map(({ value }) => value!.data)).toEqual(['1', '2', '3'])
  })

  test('a stream error is thrown once, after the events before it', async () => {
    const source = createBody()
    const stream = parseEventStream(source.body)
    const first = stream.next()
    source.write(text)
    await first
    source.fail(new TypeError('terminated'))
    expect((await stream.next()).value).toEqual(events[1])
    await expect(stream.next()).rejects.toThrow('terminated')
    expect(await stream.next()).toEqual({ value: undefined, done: true })
  })

  test('[F28] a too-large error is thrown after the complete events before it, and the stream is canceled', async () => {
    const source = createBody()
    source.write(`data: 1\n\ndata: ${'x'.repeat(11)}\n\n`)
    const stream = parseEventStream(source.body, { maxEventSize: 10 })
    expect((await stream.next()).value).toMatchObject({ data: '1' })
    await expect(stream.next()).rejects.toSatisfy((error) => isStreamError(error, 'too-large'))
    expect(source.cancelled).toBe(1)
  })

  test('parseEventStream throws if the stream is locked', () => {
    const { body } = new Response(text)
    body!.getReader()
    expect(() => parseEventStream(body!)).toThrow(TypeError)
  })
})

describe('EventStreamDecoderStream', () => {
  test('EventStreamDecoderStream accepts bytes and text', async () => {
    expect(
      await collect(
        new Response(text).body!.pipeThrough(new EventStreamDecoderStream()) as unknown as AsyncIterable<ParsedEvent>,
      ),
    ).toEqual(events)
    const { readable, writable } = new EventStreamDecoderStream()
    const writer = writable.getWriter()
    void writer.write(text.slice(0, 7))
    void writer.write(text.slice(7))
    void writer.close()
    expect(await collect(readable as unknown as AsyncIterable<ParsedEvent>)).toEqual(events)
  })

  test('[F33] a chunk is accepted only after the events of the previous chunk have been read', async () => {
    const source = createBody()
    const reader = source.body.pipeThrough(new EventStreamDecoderStream()).getReader()
    await flushMicrotasks()
    source.write(text)
    source.write(text)
    await flushMicrotasks()
    await flushMicrotasks()
    const before = source.pulls
    source.write(text)
    await flushMicrotasks()
    expect(source.pulls).toBe(before)
    for (let count = 0; count < 6; count++) expect((await reader.read()).value).toEqual(events[count % 2])
    await flushMicrotasks()
    expect(source.pulls).toBeGreaterThan(before)
  })

  test('[F28] an event above maxEventSize errors the stream', async () => {
    const reader = new Response(`data: ${'x'.repeat(11)}\n\n`)
      .body!.pipeThrough(new EventStreamDecoderStream({ maxEventSize: 10 }))
      .getReader()
    await expect(reader.read()).rejects.toSatisfy((error) => isStreamError(error, 'too-large'))
  })

  test('an error takes effect at once and discards unread events', async () => {
    const reader = new Response(`data: 1\n\ndata: 2\n\ndata: ${'x'.repeat(11)}\n\n`)
      .body!.pipeThrough(new EventStreamDecoderStream({ maxEventSize: 10 }))
      .getReader()
    const first = reader.read()
    await flushMicrotasks()
    expect((await first).value).toMatchObject({ data: '1' })
    await expect(reader.read()).rejects.toSatisfy((error) => isStreamError(error, 'too-large'))
  })

  test('an unfinished event at the end of the stream is dropped', async () => {
    const reader = new Response('data: 1\n\ndata: 2').body!.pipeThrough(new EventStreamDecoderStream()).getReader()
    expect((await reader.read()).value).toMatchObject({ data: '1' })
    expect((await reader.read()).done).toBe(true)
  })
})

test('where TransformStream is missing, the entry can be imported, and only EventStreamDecoderStream throws', async () => {
  vi.resetModules()
  vi.stubGlobal('TransformStream', undefined)
  const entry = await import('../../src/parser.ts')
  const data: string[] = []
  entry.createParser({ onEvent: (event) => data.push(event.data) }).push('data: a\n\n')
  expect(data).toEqual(['a'])
  expect(() => new entry.EventStreamDecoderStream()).toThrow(new TypeError('This platform has no TransformStream'))
})
