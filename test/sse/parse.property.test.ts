/** Property tests: the parser agrees with the reference parser on random streams and chunk sizes. */
import { expect, test } from 'vitest'
import { isStreamError } from '../../src/base/errors.ts'
import { fc } from '../support/fast-check.ts'
import { parseChunks, utf8 } from './parse-chunks.ts'
import { parseReference } from './reference.ts'

/** Fragments of streams, mostly awkward ones. */
const piece = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('\n', '\r', '\r\n', '\n\n', '\r\r', '\r\n\r\n') },
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      'data',
      'event',
      'id',
      'retry',
      'data: ',
      'event: ',
      'id: ',
      'retry: ',
      'data:',
      ':',
      ': ',
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom('\0', ' ', '\uFEFF', 'dat', 'datas', 'e', 'i', 'r', '123', '1e3', 'message'),
  },
  { weight: 3, arbitrary: fc.string({ unit: 'binary', maxLength: 8, size: 'max' }) },
  {
    weight: 1,
    arbitrary: fc.string({
      unit: fc.constantFrom('a', 'é', '你', '😀', '\u2028'),
      minLength: 40,
      maxLength: 700,
      size: 'max',
    }),
  },
)
const textStream = fc.array(piece, { maxLength: 40, size: 'max' }).map((pieces) => utf8(pieces.join('')))

/** Streams of complete events, so that most of the text is valid. */
const line = fc.string({ unit: fc.constantFrom('a', 'b', ' ', ':', '{', 'é', '你', '😀'), maxLength: 60, size: 'max' })
const newline = fc.constantFrom('\n', '\r', '\r\n')
const eventStream = fc
  .array(
    fc.tuple(
      fc.array(fc.tuple(fc.constantFrom('data: ', 'data:', 'id: ', 'event: ', ': ', 'retry: 1'), line, newline), {
        maxLength: 5,
        size: 'max',
      }),
      newline,
    ),
    { maxLength: 8, size: 'max' },
  )
  .map((events) => utf8(events.map(([fields, end]) => fields.map((field) => field.join('')).join('') + end).join('')))

/** Bytes that may be invalid UTF-8. */
const byteStream = fc.oneof(
  fc.uint8Array({ maxLength: 200, size: 'max' }),
  fc
    .array(fc.oneof(textStream, fc.uint8Array({ maxLength: 4, size: 'max' })), { maxLength: 6, size: 'max' })
    .map((parts) => Uint8Array.from(parts.flatMap((part) => [...part]))),
)
const stream = fc.oneof(textStream, eventStream, byteStream)

/** Chunk sizes, used in turn. Their range includes all thresholds inside the parser. */
const sizes = fc
  .oneof(
    fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 8, size: 'max' }),
    fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 8, size: 'max' }),
  )
  .filter((list) => list.some((size) => size > 0))

function cut(bytes: Uint8Array, list: number[]): Uint8Array[] {
  const chunks: Uint8Array[] = []
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const size = list[n % list.length]!
    chunks.push(bytes.slice(at, at + size))
    at += size
  }
  return chunks
}

test('bytes are parsed as the standard requires, however they are chunked', () => {
  fc.assert(
    fc.property(stream, sizes, (bytes, list) => {
      expect(parseChunks(cut(bytes, list))).toEqual(parseReference(bytes))
    }),
    { numRuns: 4000 },
  )
})

test('text is parsed like the same text encoded as UTF-8, however it is chunked', () => {
  fc.assert(
    fc.property(fc.oneof(textStream, eventStream), sizes, (bytes, list) => {
      const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
      const chunks: string[] = []
      for (let at = 0, n = 0; at < text.length; n++) {
        const size = list[n % list.length]!
        chunks.push(text.slice(at, at + size))
        at += size
      }
      expect(parseChunks(chunks)).toEqual(parseReference(bytes))
    }),
    { numRuns: 1000 },
  )
})

test('[F28] whether a stream exceeds maxEventSize does not depend on how it is chunked', () => {
  fc.assert(
    fc.property(
      fc.oneof(textStream, eventStream),
      sizes,
      sizes,
      fc.integer({ min: 1, max: 200 }),
      (bytes, first, second, maxEventSize) => {
        const one = parseChunks(cut(bytes, first), { maxEventSize })
        const other = parseChunks(cut(bytes, second), { maxEventSize })
        expect(other.blocks).toEqual(one.blocks)
        expect(isStreamError(other.error, 'too-large')).toBe(isStreamError(one.error, 'too-large'))
        // The reported blocks are the first blocks of the stream.
        const all = parseReference(bytes)
        expect(all.blocks.slice(0, one.blocks.length)).toEqual(one.blocks)
        if (!one.error) expect(one).toEqual(all)
      },
    ),
    { numRuns: 2000 },
  )
})
