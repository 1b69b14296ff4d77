/** The parser of floor 1 against the reference: any bytes, any text, any life, any limit. */
import { deepStrictEqual, fail, strictEqual } from 'node:assert/strict'
import * as fc from 'fast-check'
import { isStreamError } from '../../src/base/errors.ts'
import { type Block, type ParserOptions, createParser } from '../../src/sse/parse.ts'
import { utf8 } from '../sse/parse-chunks.ts'
import { type Reading, readReference } from '../sse/reference.ts'
import { createLender, cut, litter, sizes } from './chunks.ts'
import { blocksOf, readExpected } from './expected.ts'
import { byteStream, join, shortStream, textStream, wideStream } from './streams.ts'
import { type Task, task } from './task.ts'

/** A parser that is fed from a lent buffer, and what it said. */
function createSubject(
  filler: number,
  options: { [Key in keyof ParserOptions]?: ParserOptions[Key] | undefined } = {},
) {
  const reading: Reading = { blocks: [], retries: [], comments: [] }
  const lender = createLender(filler)
  const parser = createParser({
    onBlock: (block) => reading.blocks.push(block),
    onRetry: (ms) => reading.retries.push(ms),
    onComment: (text) => reading.comments.push(text),
    ...options,
  } as ParserOptions)
  return {
    reading,
    end: parser.end,
    reset: parser.reset,
    push(chunk: Uint8Array | string) {
      try {
        parser.push(typeof chunk === 'string' ? chunk : lender.lend(chunk))
      } finally {
        lender.takeBack()
      }
    },
  }
}

/** The code of the `StreamError` that it throws, if it does. */
function codeOf(action: () => void): string | undefined {
  try {
    action()
  } catch (error) {
    return isStreamError(error) ? error.code : fail(error as Error)
  }
  return undefined
}

const bytes = fc.property(byteStream, sizes, litter, (stream, list, filler) => {
  const { push, reading } = createSubject(filler)
  for (const chunk of cut(stream, list)) push(chunk)
  deepStrictEqual(reading, readReference(stream))
})

/** Without the callbacks that may be absent, and with another name for events that have none. */
const options = fc.property(
  byteStream,
  sizes,
  litter,
  fc.string(),
  fc.boolean(),
  fc.boolean(),
  (stream, list, filler, defaultType, noRetries, noComments) => {
    const absent = { ...(noRetries && { onRetry: undefined }), ...(noComments && { onComment: undefined }) }
    const subject = createSubject(filler, { type: defaultType, ...absent })
    cut(stream, list).forEach(subject.push)
    const expected = readReference(stream)
    // The reference cannot tell a block without name from one that says `message`: an empty default can.
    const named = createSubject(filler, { type: '' })
    named.push(stream)
    const withDefault = (type: string) => named.reading.blocks.map((block) => ({ ...block, type: block.type || type }))
    deepStrictEqual(withDefault('message'), expected.blocks)
    deepStrictEqual(subject.reading, {
      blocks: withDefault(defaultType),
      retries: noRetries ? [] : expected.retries,
      comments: noComments ? [] : expected.comments,
    })
  },
)

/** UTF-8 has no lone surrogates: in a string they may stay, where bytes would be U+FFFD. */
const encodable = (text: string): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(utf8(text))
const anyText = fc
  .array(fc.oneof(textStream, fc.constantFrom('\uD83D', '\uDE00', '\uDE00\uD83D')), { maxLength: 4 })
  .map((parts) => parts.join(''))

const text = fc.property(anyText, sizes, fc.boolean(), (stream, list, empty) => {
  const { push, reading } = createSubject(0)
  if (empty) push('')
  for (const chunk of cut(stream, list)) push(chunk)
  deepStrictEqual(
    {
      blocks: reading.blocks.map(({ type, data, id }) => ({
        type: encodable(type),
        data: data === undefined ? data : encodable(data),
        id: id === undefined ? id : encodable(id),
      })),
      retries: reading.retries,
      comments: reading.comments.map(encodable),
    },
    readReference(utf8(stream)),
  )
})

const hasLineEnd = (chunk: Uint8Array): boolean => chunk.includes(10) || chunk.includes(13)
/** Whether a string may come next: half a character would have to be finished first. */
const endsCharacter = (stream: Uint8Array): boolean =>
  new TextDecoder().decode(stream, { stream: true }) === new TextDecoder().decode(stream)
/** The chunk as text, where its bytes are that and nothing else. */
function asText(chunk: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(chunk)
  } catch {
    // Not UTF-8: it can only be pushed as bytes.
    return undefined
  }
}

const chapter = fc.record({
  stream: shortStream,
  list: sizes,
  /** Which of the chunks are pushed as strings, where they can be. */
  strings: fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
  after: fc.constantFrom('go on' as const, 'end' as const, 'reset' as const),
})

/** After each push everything whole has been told and nothing else; a parser that is used again is as a new one. */
const life = fc.property(fc.array(chapter, { minLength: 1, maxLength: 5 }), litter, (chapters, filler) => {
  const subject = createSubject(filler)
  let sofar: Uint8Array = new Uint8Array()
  let before: Block[] = []
  for (const { stream, list, strings, after } of chapters) {
    for (const [n, chunk] of cut(stream, list).entries()) {
      const string = strings[n % strings.length] && endsCharacter(sofar) ? asText(chunk) : undefined
      const count = subject.reading.blocks.length
      subject.push(string ?? chunk)
      sofar = join([sofar, chunk])
      if (hasLineEnd(chunk)) deepStrictEqual(subject.reading.blocks, [...before, ...readReference(sofar).blocks])
      else strictEqual(subject.reading.blocks.length, count)
    }
    if (after === 'go on') continue
    subject[after]()
    before = [...subject.reading.blocks]
    sofar = new Uint8Array()
  }
})

/** Characters about the most that the stream needs, or any number. */
const limit = fc.oneof(fc.record({ off: fc.integer({ min: -5, max: 1 }) }), fc.nat(64), fc.nat(1500))
const limitOf = (stream: Uint8Array, chosen: number | { off: number }): number =>
  typeof chosen === 'number' ? chosen : Math.max(0, readExpected(stream).largest + chosen.off)

const someStream = fc.oneof(textStream.map(utf8), wideStream, byteStream)

/** A limit is exact; beyond it the parser is unusable, and as new after `reset()`. */
const limits = fc.property(
  someStream,
  sizes,
  limit,
  litter,
  someStream,
  fc.constantFrom('end' as const, 'reset' as const),
  fc.boolean(),
  (stream, list, chosen, filler, second, again, strings) => {
    const maxEventSize = limitOf(stream, chosen)
    const subject = createSubject(filler, { maxEventSize })
    const { items, tooLarge } = readExpected(stream, maxEventSize)
    const whole = strings ? asText(stream) : undefined
    const chunks = cut<Uint8Array | string>(whole ?? stream, list)
    strictEqual(
      codeOf(() => chunks.forEach(subject.push)),
      tooLarge ? 'too-large' : undefined,
    )
    deepStrictEqual(subject.reading.blocks, blocksOf(items))
    if (tooLarge) {
      strictEqual(
        codeOf(() => subject.push('data: x\n\n')),
        'too-large',
      )
      strictEqual(
        codeOf(() => subject.push(new Uint8Array())),
        'too-large',
      )
      deepStrictEqual(subject.reading.blocks, blocksOf(items))
    }
    subject[again]()
    const count = subject.reading.blocks.length
    const after = readExpected(second, maxEventSize)
    strictEqual(
      codeOf(() => subject.push(second)),
      after.tooLarge ? 'too-large' : undefined,
    )
    deepStrictEqual(subject.reading.blocks.slice(count), blocksOf(after.items))
  },
)

export const wireTasks: Task[] = [
  task('wire/bytes', 400, bytes),
  task('wire/options', 200, options),
  task('wire/text', 200, text),
  task('wire/life', 100, life),
  task('wire/limits', 200, limits),
]
