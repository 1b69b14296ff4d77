/** The parser of floor 1 against the reference: any bytes, any text, any life, any limit. */
import { deepStrictEqual, fail, strictEqual } from 'node:assert/strict'
import * as fc from 'fast-check'
import { isStreamError } from '../../src/base/errors.ts'
import { type Block, type BlockParserOptions, createBlockParser } from '../../src/sse/parse.ts'
import { utf8 } from '../sse/parse-chunks.ts'
import { type ParseResult, parseReference } from '../sse/reference.ts'
import { createReusedBuffer, splitIntoChunks, fillerByte, chunkSizes } from './chunks.ts'
import { blocksOf, readExpected } from './expected.ts'
import { byteStream, concatBytes, shortStream, textStream, wideStream } from './streams.ts'
import { type FuzzTask, createTask } from './task.ts'

/** A parser that is fed from a lent buffer, and what it said. */
function createParserUnderTest(
  filler: number,
  options: { [Key in keyof BlockParserOptions]?: BlockParserOptions[Key] | undefined } = {},
) {
  const reading: ParseResult = { blocks: [], retries: [], comments: [] }
  const lender = createReusedBuffer(filler)
  const parser = createBlockParser({
    onBlock: (block) => reading.blocks.push(block),
    onRetry: (ms) => reading.retries.push(ms),
    onComment: (text) => reading.comments.push(text),
    ...options,
  } as BlockParserOptions)
  return {
    reading,
    end: parser.end,
    reset: parser.reset,
    push(chunk: Uint8Array | string) {
      try {
        parser.push(typeof chunk === 'string' ? chunk : lender.write(chunk))
      } finally {
        lender.overwrite()
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

const bytes = fc.property(byteStream, chunkSizes, fillerByte, (stream, list, filler) => {
  const { push, reading } = createParserUnderTest(filler)
  for (const chunk of splitIntoChunks(stream, list)) push(chunk)
  deepStrictEqual(reading, parseReference(stream))
})

/** Without the callbacks that may be absent, and with another name for events that have none. */
const options = fc.property(
  byteStream,
  chunkSizes,
  fillerByte,
  fc.string(),
  fc.boolean(),
  fc.boolean(),
  (stream, list, filler, defaultType, noRetries, noComments) => {
    const absent = { ...(noRetries && { onRetry: undefined }), ...(noComments && { onComment: undefined }) }
    const parserUnderTest = createParserUnderTest(filler, { defaultType, ...absent })
    splitIntoChunks(stream, list).forEach(parserUnderTest.push)
    const expected = parseReference(stream)
    // The reference cannot tell a block without name from one that says `message`: an empty default can.
    const named = createParserUnderTest(filler, { defaultType: '' })
    named.push(stream)
    const withDefault = (type: string) => named.reading.blocks.map((block) => ({ ...block, type: block.type || type }))
    deepStrictEqual(withDefault('message'), expected.blocks)
    deepStrictEqual(parserUnderTest.reading, {
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

const text = fc.property(anyText, chunkSizes, fc.boolean(), (stream, list, empty) => {
  const { push, reading } = createParserUnderTest(0)
  if (empty) push('')
  for (const chunk of splitIntoChunks(stream, list)) push(chunk)
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
    parseReference(utf8(stream)),
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

const lifecyclePhase = fc.record({
  stream: shortStream,
  list: chunkSizes,
  /** Which of the chunks are pushed as strings, where they can be. */
  strings: fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
  after: fc.constantFrom('continue' as const, 'end' as const, 'reset' as const),
})

/** After each push everything whole has been told and nothing else; a parser that is used again is as a new one. */
const lifecycle = fc.property(
  fc.array(lifecyclePhase, { minLength: 1, maxLength: 5 }),
  fillerByte,
  (phases, filler) => {
    const parserUnderTest = createParserUnderTest(filler)
    let streamSoFar: Uint8Array = new Uint8Array()
    let before: Block[] = []
    for (const { stream, list, strings, after } of phases) {
      for (const [n, chunk] of splitIntoChunks(stream, list).entries()) {
        const string = strings[n % strings.length] && endsCharacter(streamSoFar) ? asText(chunk) : undefined
        const count = parserUnderTest.reading.blocks.length
        parserUnderTest.push(string ?? chunk)
        streamSoFar = concatBytes([streamSoFar, chunk])
        if (hasLineEnd(chunk))
          deepStrictEqual(parserUnderTest.reading.blocks, [...before, ...parseReference(streamSoFar).blocks])
        else strictEqual(parserUnderTest.reading.blocks.length, count)
      }
      if (after === 'continue') continue
      parserUnderTest[after]()
      before = [...parserUnderTest.reading.blocks]
      streamSoFar = new Uint8Array()
    }
  },
)

/** Characters about the most that the stream needs, or any number. */
const limit = fc.oneof(fc.record({ off: fc.integer({ min: -5, max: 1 }) }), fc.nat(64), fc.nat(1500))
const limitOf = (stream: Uint8Array, chosen: number | { off: number }): number =>
  typeof chosen === 'number' ? chosen : Math.max(0, readExpected(stream).largestChars + chosen.off)

const someStream = fc.oneof(textStream.map(utf8), wideStream, byteStream)

/** A limit is exact; beyond it the parser is unusable, and as new after `reset()`. */
const limits = fc.property(
  someStream,
  chunkSizes,
  limit,
  fillerByte,
  someStream,
  fc.constantFrom('end' as const, 'reset' as const),
  fc.boolean(),
  (stream, list, chosen, filler, second, restart, strings) => {
    const maxEventSize = limitOf(stream, chosen)
    const parserUnderTest = createParserUnderTest(filler, { maxEventSize })
    const { items, tooLarge } = readExpected(stream, maxEventSize)
    const whole = strings ? asText(stream) : undefined
    const chunks = splitIntoChunks<Uint8Array | string>(whole ?? stream, list)
    strictEqual(
      codeOf(() => chunks.forEach(parserUnderTest.push)),
      tooLarge ? 'too-large' : undefined,
    )
    deepStrictEqual(parserUnderTest.reading.blocks, blocksOf(items))
    if (tooLarge) {
      strictEqual(
        codeOf(() => parserUnderTest.push('data: x\n\n')),
        'too-large',
      )
      strictEqual(
        codeOf(() => parserUnderTest.push(new Uint8Array())),
        'too-large',
      )
      deepStrictEqual(parserUnderTest.reading.blocks, blocksOf(items))
    }
    parserUnderTest[restart]()
    const count = parserUnderTest.reading.blocks.length
    const after = readExpected(second, maxEventSize)
    strictEqual(
      codeOf(() => parserUnderTest.push(second)),
      after.tooLarge ? 'too-large' : undefined,
    )
    deepStrictEqual(parserUnderTest.reading.blocks.slice(count), blocksOf(after.items))
  },
)

export const sseTasks: FuzzTask[] = [
  createTask('wire/bytes', 400, bytes),
  createTask('wire/options', 200, options),
  createTask('wire/text', 200, text),
  createTask('wire/life', 100, lifecycle),
  createTask('wire/limits', 200, limits),
]
