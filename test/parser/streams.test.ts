/** Event streams as transform stream and as async iterable: back-pressure, ends, failures, and letting go. */
import { describe, expect, test } from 'vitest'
import {
  EventStreamDecoderStream,
  type ParsedEvent,
  encodeEvent,
  isStreamError,
  parseEventStream,
} from '../../src/parser.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'

/** A body that a test writes, and that tells what was asked of it. */
function createBody() {
  let controller!: ReadableStreamDefaultController<Uint8Array>
  let pulls = 0
  let cancelled = 0
  const body = new ReadableStream<Uint8Array>(
    {
      start: (given) => void (controller = given),
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
  test('reads a response, a stream of bytes, and one of text', async () => {
    expect(await collect(parseEventStream(new Response(text)))).toEqual(events)
    expect(await collect(parseEventStream(new Response(text).body!))).toEqual(events)
    expect(await collect(parseEventStream(new Response(text).body!.pipeThrough(new TextDecoderStream())))).toEqual(
      events,
    )
    expect(await collect(parseEventStream(new Response(null)))).toEqual([])
  })

  test('tells comments and retry', async () => {
    const received: unknown[] = []
    const options = {
      onComment: (comment: string) => received.push(comment),
      onRetry: (ms: number) => received.push(ms),
    }
    expect(await collect(parseEventStream(new Response(': hi\nretry: 5\n\n'), options))).toEqual([])
    expect(received).toEqual(['hi', 5])
  })

  test('[F33] reads only when it is asked', async () => {
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

  test('[F34] break lets go of the stream', async () => {
    const source = createBody()
    source.write(text)
    for await (const event of parseEventStream(source.body)) {
      expect(event).toEqual(events[0])
      break
    }
    expect(source.cancelled).toBe(1)
  })

  test('[F39] return() settles what waits, also twice', async () => {
    const source = createBody()
    const stream = parseEventStream(source.body)
    const waiting = [stream.next(), stream.next()]
    expect(await stream.return!()).toEqual({ value: undefined, done: true })
    expect(await stream.return!()).toEqual({ value: undefined, done: true })
    expect(await Promise.all(waiting)).toEqual([
      { value: undefined, done: true },
      { value: undefined, done: true },
    ])
    expect(await stream.next()).toEqual({ value: undefined, done: true })
  })

  test('several may wait: each gets its own, in order', async () => {
    const source = createBody()
    const stream = parseEventStream(source.body)
    const waiting = [stream.next(), stream.next(), stream.next()]
    source.write(text)
    source.close()
    expect((await Promise.all(waiting)).map(({ value }) => value as unknown)).toEqual([...events, undefined])
  })

  test('who asks later does not overtake who waits', async () => {
    const source = createBody()
    const stream = parseEventStream(source.body)
    const first = stream.next()
    const second = stream.next()
    const third = first.then(() => stream.next())
    source.write('data: 1\n\ndata: 2\n\ndata: 3\n\n')
    expect((await Promise.all([first, second, third])).map(({ value }) => value!.data)).toEqual(['1', '2', '3'])
  })

  test('a failure is thrown once, after the events before it', async () => {
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

  test('[F28] too large an event: what was whole before it, then the error, and the stream is let go', async () => {
    const source = createBody()
    source.write(`data: 1\n\ndata: ${'x'.repeat(11)}\n\n`)
    const stream = parseEventStream(source.body, { maxEventSize: 10 })
    expect((await stream.next()).value).toMatchObject({ data: '1' })
    await expect(stream.next()).rejects.toSatisfy((error) => isStreamError(error, 'too-large'))
    expect(source.cancelled).toBe(1)
  })

  test('a stream that somebody else reads is refused at once', () => {
    const { body } = new Response(text)
    body!.getReader()
    expect(() => parseEventStream(body!)).toThrow(TypeError)
  })
})

describe('EventStreamDecoderStream', () => {
  test('makes events of bytes and of text', async () => {
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

  test('[F33] takes a chunk only when the events of the last one were read', async () => {
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

  test('[F28] too large an event errors it', async () => {
    const reader = new Response(`data: ${'x'.repeat(11)}\n\n`)
      .body!.pipeThrough(new EventStreamDecoderStream({ maxEventSize: 10 }))
      .getReader()
    await expect(reader.read()).rejects.toSatisfy((error) => isStreamError(error, 'too-large'))
  })

  test('its errors come at once: events that still wait in it are dropped', async () => {
    const reader = new Response(`data: 1\n\ndata: 2\n\ndata: ${'x'.repeat(11)}\n\n`)
      .body!.pipeThrough(new EventStreamDecoderStream({ maxEventSize: 10 }))
      .getReader()
    const first = reader.read()
    await flushMicrotasks()
    expect((await first).value).toMatchObject({ data: '1' })
    await expect(reader.read()).rejects.toSatisfy((error) => isStreamError(error, 'too-large'))
  })

  test('an event that has no end is dropped', async () => {
    const reader = new Response('data: 1\n\ndata: 2').body!.pipeThrough(new EventStreamDecoderStream()).getReader()
    expect((await reader.read()).value).toMatchObject({ data: '1' })
    expect((await reader.read()).done).toBe(true)
  })
})
