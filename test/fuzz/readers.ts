/** The readers of `rivulet/parser` over bodies in pieces: the transform stream and the async iterable. */
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'
import * as fc from 'fast-check'
import { EventStreamDecoderStream, type ParsedEvent, isStreamError, parseEventStream } from '../../src/parser.ts'
import { settled } from '../support/flush-microtasks.ts'
import { utf8 } from '../sse/parse-chunks.ts'
import { type Ending, createBody, ending } from './body.ts'
import { cut, litter, sizes } from './chunks.ts'
import { eventsOf, inherit, readExpected } from './expected.ts'
import { byteStream, textStream } from './streams.ts'
import { type Task, task } from './task.ts'

/** A stream in chunks of bytes, or of text where it is some, and what it says within a limit. */
const source = fc
  .record({
    stream: fc.oneof(byteStream, textStream),
    list: sizes,
    filler: litter,
    end: ending,
    // A limit is exact for text alone (see wire.ts).
    limit: fc.option(fc.nat(600), { nil: undefined }),
  })
  .map(({ stream, list, filler, end, limit }) => {
    const maxEventSize = typeof stream === 'string' ? limit : undefined
    const expected = readExpected(typeof stream === 'string' ? utf8(stream) : stream, maxEventSize)
    const options = maxEventSize === undefined ? {} : { maxEventSize }
    return { chunks: cut<Uint8Array | string>(stream, list), filler, end, options, expected }
  })

/** Whether this is how such a stream must end: too large, failed, or, without an error, closed. */
function checkEnd(error: unknown, tooLarge: boolean, end: Ending, failure: unknown): void {
  if (tooLarge) ok(isStreamError(error, 'too-large'), String(error))
  else strictEqual(error, end === 'fail' ? failure : undefined)
}

const decoderStream = fc.asyncProperty(
  source,
  async ({ chunks, filler, end, options, expected: { items, tooLarge } }) => {
    const told: (string | number)[] = []
    const body = createBody(chunks, end, filler)
    const hear = (value: string | number) => told.push(value)
    const reader = body.stream
      .pipeThrough(new EventStreamDecoderStream({ ...options, onComment: hear, onRetry: hear }))
      .getReader()
    const events: ParsedEvent[] = []
    let error: unknown
    try {
      for (let step = await reader.read(); !step.done; step = await reader.read()) events.push(step.value)
    } catch (thrown) {
      error = thrown
    }
    checkEnd(error, tooLarge, end, body.failure)
    await settled()
    ok(body.over, 'the stream was not let go')
    const wanted = eventsOf(items)
    // A stream that errors drops what waits in it, as all streams of the platform do.
    deepStrictEqual(events, error ? wanted.slice(0, events.length) : wanted)
    if (!error)
      deepStrictEqual(
        told,
        inherit(items).told.filter((one) => typeof one !== 'object'),
      )
  },
)

/** How many are asked for without waiting for an answer, a few microtasks apart; used in turn. */
const asks = fc.array(fc.array(fc.nat(9), { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 })
const pause = async (microtasks: number): Promise<void> => {
  for (let n = 0; n < microtasks; n++) await Promise.resolve()
}
type Results = PromiseSettledResult<IteratorResult<ParsedEvent, undefined>>[]

async function ask(iterator: AsyncIterator<ParsedEvent, undefined>, pauses: number[]): Promise<Results> {
  const answers: Promise<IteratorResult<ParsedEvent, undefined>>[] = []
  for (const microtasks of pauses) {
    answers.push(iterator.next())
    // Handled below, and not before: one that fails meanwhile is no unhandled rejection.
    answers.at(-1)!.catch(() => {})
    await pause(microtasks)
  }
  return Promise.allSettled(answers)
}

const iterable = fc.asyncProperty(
  source,
  asks,
  fc.option(fc.nat(6), { nil: Number.POSITIVE_INFINITY }),
  fc.boolean(),
  async ({ chunks, filler, end, options, expected: { items, tooLarge } }, list, stopAfter, response) => {
    const body = createBody(chunks, end, filler)
    const heard: unknown[] = []
    const onComment = (text: string) => heard.push(text)
    const iterator = parseEventStream(response ? { body: body.stream } : body.stream, { ...options, onComment })
    const wanted = eventsOf(items)
    const events: ParsedEvent[] = []
    let error: unknown
    let over = false
    for (let n = 0; !over && events.length < stopAfter; n++) {
      for (const result of await ask(iterator, list[n % list.length]!)) {
        if (result.status === 'fulfilled' && !result.value.done) {
          ok(!over, 'an event after the end')
          events.push(result.value.value)
        } else if (result.status === 'rejected') {
          ok(!over, 'a second end')
          error = result.reason
          over = true
        } else {
          over = true
        }
      }
    }
    if (over) {
      deepStrictEqual(events, wanted)
      checkEnd(error, tooLarge, end, body.failure)
    } else {
      deepStrictEqual(events, wanted.slice(0, events.length))
      // Let go with questions open: those are answered, with the end or with what was there before it.
      const waiting = ask(iterator, list[0]!)
      await pause(list[0]![0]!)
      const told = heard.length
      deepStrictEqual(await iterator.return!(), { value: undefined, done: true })
      ok((await waiting).every(({ status }) => status === 'fulfilled' || end === 'fail' || tooLarge))
      await settled()
      strictEqual(heard.length, told, 'something was read after return()')
    }
    deepStrictEqual(await iterator.next(), { value: undefined, done: true })
    ok(body.over, 'the stream was not let go')
  },
)

export const readerTasks: Task[] = [
  task('readers/decoder-stream', 100, decoderStream),
  task('readers/iterable', 100, iterable),
]
