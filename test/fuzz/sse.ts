/** Properties of the block parser, compared with the reference parser: any bytes, text, lifecycle and limit. */
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

/** Creates a parser that is fed from a reused buffer, and collects its output. */
function createParserUnderTest(
  filler: number,
  options: { [Key in keyof BlockParserOptions]?: BlockParserOptions[Key] | undefined } = {},
) {
  const result: ParseResult = { blocks: [], retries: [], comments: [] }
  const buffer = createReusedBuffer(filler)
  const parser = createBlockParser({
    onBlock: (block) => result.blocks.push(block),
    onRetry: (ms) => result.retries.push(ms),
    onComment: (text) => result.comments.push(text),
    ...options,
  } as BlockParserOptions)
  return {
    result,
    end: parser.end,
    reset: parser.reset,
    push(chunk: Uint8Array | string) {
      try {
        parser.push(typeof chunk === 'string' ? chunk : buffer.write(chunk))
      } finally {
        buffer.overwrite()
      }
    },
  }
}

/** Returns the code of the `StreamError` that the action throws, if any. */
function codeOf(action: () => void): string | undefined {
  try {
    action()
  } catch (error) {
    return isStreamError(error) ? error.code : fail(error as Error)
  }
  return undefined
}

const bytes = fc.property(byteStream, chunkSizes, fillerByte, (stream, sizes, filler) => {
  const { push, result } = createParserUnderTest(filler)
  for (const chunk of splitIntoChunks(stream, sizes)) push(chunk)
  deepStrictEqual(result, parseReference(stream))
})

/** Optional callbacks may be absent, and events without a name get the given default name. */
const options = fc.property(
  byteStream,
  chunkSizes,
  fillerByte,
  fc.string(),
  fc.boolean(),
  fc.boolean(),
  (stream, sizes, filler, defaultType, noRetries, noComments) => {
    const absent = { ...(noRetries && { onRetry: undefined }), ...(noComments && { onComment: undefined }) }
    const parserUnderTest = createParserUnderTest(filler, { defaultType, ...absent })
    splitIntoChunks(stream, sizes).forEach(parserUnderTest.push)
    const expected = parseReference(stream)
    // The reference parser does not distinguish a block without a name from a block named `message`; a parser with an
    // empty default name does.
    const unnamed = createParserUnderTest(filler, { defaultType: '' })
    unnamed.push(stream)
    const withDefault = (type: string) => unnamed.result.blocks.map((block) => ({ ...block, type: block.type || type }))
    deepStrictEqual(withDefault('message'), expected.blocks)
    deepStrictEqual(parserUnderTest.result, {
      blocks: withDefault(defaultType),
      retries: noRetries ? [] : expected.retries,
      comments: noComments ? [] : expected.comments,
    })
  },
)

/** Replaces lone surrogates with U+FFFD, as encoding to UTF-8 does; a parser that is fed strings may keep lone surrogates. */
const encodable = (text: string): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(utf8(text))
const anyText = fc
  .array(fc.oneof(textStream, fc.constantFrom('\uD83D', '\uDE00', '\uDE00\uD83D')), { maxLength: 4 })
  .map((parts) => parts.join(''))

const text = fc.property(anyText, chunkSizes, fc.boolean(), (stream, sizes, empty) => {
  const { push, result } = createParserUnderTest(0)
  if (empty) push('')
  for (const chunk of splitIntoChunks(stream, sizes)) push(chunk)
  deepStrictEqual(
    {
      blocks: result.blocks.map(({ type, data, id }) => ({
        type: encodable(type),
        data: data === undefined ? data : encodable(data),
        id: id === undefined ? id : encodable(id),
      })),
      retries: result.retries,
      comments: result.comments.map(encodable),
    },
    parseReference(utf8(stream)),
  )
})

const hasLineEnd = (chunk: Uint8Array): boolean => chunk.includes(10) || chunk.includes(13)
/** Returns whether the stream ends with a complete character, so that a string may be pushed next. */
const endsCharacter = (stream: Uint8Array): boolean =>
  new TextDecoder().decode(stream, { stream: true }) === new TextDecoder().decode(stream)
/** Returns the chunk as text if it is valid UTF-8. */
function asText(chunk: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(chunk)
  } catch {
    // Not UTF-8, so the chunk can only be pushed as bytes.
    return undefined
  }
}

const lifecyclePhase = fc.record({
  stream: shortStream,
  sizes: chunkSizes,
  /** Which chunks are pushed as strings, if possible. */
  strings: fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
  after: fc.constantFrom('continue' as const, 'end' as const, 'reset' as const),
})

/** Each push outputs all complete blocks and no others, and a reused parser behaves like a new one. */
const lifecycle = fc.property(
  fc.array(lifecyclePhase, { minLength: 1, maxLength: 5 }),
  fillerByte,
  (phases, filler) => {
    const parserUnderTest = createParserUnderTest(filler)
    let streamSoFar: Uint8Array = new Uint8Array()
    let before: Block[] = []
    for (const { stream, sizes, strings, after } of phases) {
      for (const [n, chunk] of splitIntoChunks(stream, sizes).entries()) {
        const string = strings[n % strings.length] && endsCharacter(streamSoFar) ? asText(chunk) : undefined
        const count = parserUnderTest.result.blocks.length
        parserUnderTest.push(string ?? chunk)
        streamSoFar = concatBytes([streamSoFar, chunk])
        if (hasLineEnd(chunk))
          deepStrictEqual(parserUnderTest.result.blocks, [...before, ...parseReference(streamSoFar).blocks])
        else strictEqual(parserUnderTest.result.blocks.length, count)
      }
      if (after === 'continue') continue
      parserUnderTest[after]()
      before = [...parserUnderTest.result.blocks]
      streamSoFar = new Uint8Array()
    }
  },
)

/** A limit near the largest event of the stream, or any number of characters. */
const limit = fc.oneof(fc.record({ offset: fc.integer({ min: -5, max: 1 }) }), fc.nat(64), fc.nat(1500))
const limitOf = (stream: Uint8Array, chosen: number | { offset: number }): number =>
  typeof chosen === 'number' ? chosen : Math.max(0, readExpected(stream).largestChars + chosen.offset)

const someStream = fc.oneof(textStream.map(utf8), wideStream, byteStream)

/** The limit is exact; once it is exceeded, the parser rejects every push until `reset()` or `end()`. */
const limits = fc.property(
  someStream,
  chunkSizes,
  limit,
  fillerByte,
  someStream,
  fc.constantFrom('end' as const, 'reset' as const),
  fc.boolean(),
  (stream, sizes, chosen, filler, second, restart, asStrings) => {
    const maxEventSize = limitOf(stream, chosen)
    const parserUnderTest = createParserUnderTest(filler, { maxEventSize })
    const { items, tooLarge } = readExpected(stream, maxEventSize)
    const decoded = asStrings ? asText(stream) : undefined
    const chunks = splitIntoChunks<Uint8Array | string>(decoded ?? stream, sizes)
    strictEqual(
      codeOf(() => chunks.forEach(parserUnderTest.push)),
      tooLarge ? 'too-large' : undefined,
    )
    deepStrictEqual(parserUnderTest.result.blocks, blocksOf(items))
    if (tooLarge) {
      strictEqual(
        codeOf(() => parserUnderTest.push('data: x\n\n')),
        'too-large',
      )
      strictEqual(
        codeOf(() => parserUnderTest.push(new Uint8Array())),
        'too-large',
      )
      deepStrictEqual(parserUnderTest.result.blocks, blocksOf(items))
    }
    parserUnderTest[restart]()
    const count = parserUnderTest.result.blocks.length
    const after = readExpected(second, maxEventSize)
    strictEqual(
      codeOf(() => parserUnderTest.push(second)),
      after.tooLarge ? 'too-large' : undefined,
    )
    deepStrictEqual(parserUnderTest.result.blocks.slice(count), blocksOf(after.items))
  },
)

export const sseTasks: FuzzTask[] = [
  createTask('wire/bytes', 400, bytes),
  createTask('wire/options', 200, options),
  createTask('wire/text', 200, text),
  createTask('wire/life', 100, lifecycle),
  createTask('wire/limits', 200, limits),
]
