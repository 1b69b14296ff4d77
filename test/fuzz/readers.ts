/** The readers of `rivulet/parser` over bodies in pieces: the transform stream and the async iterable. */
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'
import * as fc from 'fast-check'
import { EventStreamDecoderStream, type ParsedEvent, isStreamError, parseEventStream } from '../../src/parser.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { utf8 } from '../sse/parse-chunks.ts'
import { type BodyEnd, createBody, bodyEnd } from './body.ts'
import { splitIntoChunks, fillerByte, chunkSizes } from './chunks.ts'
import { eventsOf, inheritIds, readExpected } from './expected.ts'
import { byteStream, textStream } from './streams.ts'
import { type FuzzTask, createTask } from './task.ts'

/** A stream in chunks of bytes, or of text where it is some, and what it says within a limit. */
const generatedStream = fc
  .record({
    stream: fc.oneof(byteStream, textStream),
    list: chunkSizes,
    filler: fillerByte,
    end: bodyEnd,
    // A limit is exact for text alone (see wire.ts).
    limit: fc.option(fc.nat(600), { nil: undefined }),
  })
  .map(({ stream, list, filler, end, limit }) => {
    const maxEventSize = typeof stream === 'string' ? limit : undefined
    const expected = readExpected(typeof stream === 'string' ? utf8(stream) : stream, maxEventSize)
    const options = maxEventSize === undefined ? {} : { maxEventSize }
    return { chunks: splitIntoChunks<Uint8Array | string>(stream, list), filler, end, options, expected }
  })

/** Whether this is how such a stream must end: too large, failed, or, without an error, closed. */
function checkEnd(error: unknown, tooLarge: boolean, end: BodyEnd, failure: unknown): void {
  if (tooLarge) ok(isStreamError(error, 'too-large'), String(error))
  else strictEqual(error, end === 'fail' ? failure : undefined)
}

const decoderStream = fc.asyncProperty(
  generatedStream,
  async ({ chunks, filler, end, options, expected: { items, tooLarge } }) => {
    const emitted: (string | number)[] = []
    const body = createBody(chunks, end, filler)
    const onOutput = (value: string | number) => emitted.push(value)
    const reader = body.stream
      .pipeThrough(new EventStreamDecoderStream({ ...options, onComment: onOutput, onRetry: onOutput }))
      .getReader()
    const events: ParsedEvent[] = []
    let error: unknown
    try {
      for (let step = await reader.read(); !step.done; step = await reader.read()) events.push(step.value)
    } catch (thrown) {
      error = thrown
    }
    checkEnd(error, tooLarge, end, body.failure)
    await flushMicrotasks()
    ok(body.isClosed, 'the stream was not let go')
    const expectedEvents = eventsOf(items)
    // A stream that errors drops what waits in it, as all streams of the platform do.
    deepStrictEqual(events, error ? expectedEvents.slice(0, events.length) : expectedEvents)
    if (!error)
      deepStrictEqual(
        emitted,
        inheritIds(items).emitted.filter((one) => typeof one !== 'object'),
      )
  },
)

/** How many are asked for without waiting for an answer, a few microtasks apart; used in turn. */
const readPatterns = fc.array(fc.array(fc.nat(9), { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 })
const pause = async (microtasks: number): Promise<void> => {
  for (let n = 0; n < microtasks; n++) await Promise.resolve()
}
type ReadResults = PromiseSettledResult<IteratorResult<ParsedEvent, undefined>>[]

async function readConcurrently(
  iterator: AsyncIterator<ParsedEvent, undefined>,
  pauses: number[],
): Promise<ReadResults> {
  const reads: Promise<IteratorResult<ParsedEvent, undefined>>[] = []
  for (const microtasks of pauses) {
    reads.push(iterator.next())
    // Handled below, and not before: one that fails meanwhile is no unhandled rejection.
    reads.at(-1)!.catch(() => {})
    await pause(microtasks)
  }
  return Promise.allSettled(reads)
}

const iterable = fc.asyncProperty(
  generatedStream,
  readPatterns,
  fc.option(fc.nat(6), { nil: Number.POSITIVE_INFINITY }),
  fc.boolean(),
  async ({ chunks, filler, end, options, expected: { items, tooLarge } }, list, stopAfter, response) => {
    const body = createBody(chunks, end, filler)
    const comments: unknown[] = []
    const onComment = (text: string) => comments.push(text)
    const iterator = parseEventStream(response ? { body: body.stream } : body.stream, { ...options, onComment })
    const expectedEvents = eventsOf(items)
    const events: ParsedEvent[] = []
    let error: unknown
    let isEnded = false
    for (let n = 0; !isEnded && events.length < stopAfter; n++) {
      for (const result of await readConcurrently(iterator, list[n % list.length]!)) {
        if (result.status === 'fulfilled' && !result.value.done) {
          ok(!isEnded, 'an event after the end')
          events.push(result.value.value)
        } else if (result.status === 'rejected') {
          ok(!isEnded, 'a second end')
          error = result.reason
          isEnded = true
        } else {
          isEnded = true
        }
      }
    }
    if (isEnded) {
      deepStrictEqual(events, expectedEvents)
      checkEnd(error, tooLarge, end, body.failure)
    } else {
      deepStrictEqual(events, expectedEvents.slice(0, events.length))
      // Let go with questions open: those are answered, with the end or with what was there before it.
      const waiting = readConcurrently(iterator, list[0]!)
      await pause(list[0]![0]!)
      const emitted = comments.length
      deepStrictEqual(await iterator.return!(), { value: undefined, done: true })
      ok((await waiting).every(({ status }) => status === 'fulfilled' || end === 'fail' || tooLarge))
      await flushMicrotasks()
      strictEqual(comments.length, emitted, 'something was read after return()')
    }
    deepStrictEqual(await iterator.next(), { value: undefined, done: true })
    ok(body.isClosed, 'the stream was not let go')
  },
)

export const readerTasks: FuzzTask[] = [
  createTask('readers/decoder-stream', 100, decoderStream),
  createTask('readers/iterable', 100, iterable),
]
