/** Properties of the readers in `rivulet/parser`: the transform stream and the async iterable. */
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'
import * as fc from 'fast-check'
import { EventStreamDecoderStream, type ParsedEvent, isStreamError, parseEventStream } from '../../src/parser.ts'
import { utf8 } from '../sse/parse-chunks.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { type BodyEnd, createBody, bodyEnd } from './body.ts'
import { splitIntoChunks, fillerByte, chunkSizes } from './chunks.ts'
import { eventsOf, inheritIds, readExpected } from './expected.ts'
import { byteStream, textStream } from './streams.ts'
import { type FuzzTask, createTask } from './task.ts'

/** A stream in chunks of bytes or of text, with the expected result under a size limit. */
const generatedStream = fc
  .record({
    stream: fc.oneof(byteStream, textStream),
    sizes: chunkSizes,
    filler: fillerByte,
    end: bodyEnd,
    // Ignored for byte streams.
    limit: fc.option(fc.nat(600), { nil: undefined }),
  })
  .map(({ stream, sizes, filler, end, limit }) => {
    const maxEventSize = typeof stream === 'string' ? limit : undefined
    const expected = readExpected(typeof stream === 'string' ? utf8(stream) : stream, maxEventSize)
    const options = maxEventSize === undefined ? {} : { maxEventSize }
    return { chunks: splitIntoChunks<Uint8Array | string>(stream, sizes), filler, end, options, expected }
  })

/** Asserts how the stream ended: with `too-large`, with the body's failure, or without an error. */
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
    ok(body.isClosed, 'the body was not closed')
    const expectedEvents = eventsOf(items)
    // Like every stream of the platform, the decoder stream drops its queued events when it fails.
    deepStrictEqual(events, error ? expectedEvents.slice(0, events.length) : expectedEvents)
    if (!error)
      deepStrictEqual(
        emitted,
        inheritIds(items).emitted.filter((output) => typeof output !== 'object'),
      )
  },
)

/** Bursts of concurrent `next()` calls, used in turn; each number is the pause after a call, in microtasks. */
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
    // Prevents an unhandled rejection until `allSettled` is called below.
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
  async ({ chunks, filler, end, options, expected: { items, tooLarge } }, patterns, stopAfter, asResponse) => {
    const body = createBody(chunks, end, filler)
    const comments: unknown[] = []
    const onComment = (text: string) => comments.push(text)
    const callbacks = { onComment, onRetry() {} }
    const iterator = parseEventStream(asResponse ? { body: body.stream } : body.stream, { ...options, ...callbacks })
    const expectedEvents = eventsOf(items)
    const events: ParsedEvent[] = []
    let error: unknown
    let isEnded = false
    for (let n = 0; !isEnded && events.length < stopAfter; n++) {
      for (const result of await readConcurrently(iterator, patterns[n % patterns.length]!)) {
        if (result.status === 'fulfilled' && !result.value.done) {
          ok(!isEnded, 'an event was delivered after the end')
          events.push(result.value.value)
        } else if (result.status === 'rejected') {
          ok(!isEnded, 'the iterator rejected after the end')
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
      // `return()` while `next()` calls are pending: each call settles, with an earlier event or with the end.
      const pendingReads = readConcurrently(iterator, patterns[0]!)
      await pause(patterns[0]![0]!)
      const emitted = comments.length
      deepStrictEqual(await iterator.return!(), { value: undefined, done: true })
      ok((await pendingReads).every(({ status }) => status === 'fulfilled' || end === 'fail' || tooLarge))
      await flushMicrotasks()
      strictEqual(comments.length, emitted, 'something was read after return()')
    }
    deepStrictEqual(await iterator.next(), { value: undefined, done: true })
    ok(body.isClosed, 'the body was not closed')
  },
)

export const readerTasks: FuzzTask[] = [
  createTask('readers/decoder-stream', 100, decoderStream),
  createTask('readers/iterable', 100, iterable),
]
