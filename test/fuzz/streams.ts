/** Generators of unlikely streams: awkward pieces of the format in any order, valid UTF-8 or not. */
import * as fc from 'fast-check'
import { utf8 } from '../sse/parse-chunks.ts'
import { mutatedCorpus } from './corpora.ts'

/** Without this, fast-check generates at most about ten elements, whatever the `maxLength`. */
const FULL_SIZE = { size: 'max' } as const

const lineEnd = fc.constantFrom('\n', '\r', '\r\n', '\n\n', '\r\r', '\r\n\r\n', '\n\r', '\n\r\n', '\r\r\n')
const field = fc.constantFrom(
  'data',
  'event',
  'id',
  'retry',
  'data:',
  'event:',
  'id:',
  'retry:',
  'data: ',
  'event: ',
  'id: ',
  'retry: ',
  ':',
  ': ',
)
const nearMiss = fc.constantFrom(
  'dat',
  'datas',
  'data ',
  ' data:',
  'Data:',
  'DATA: ',
  'date: ',
  'even: ',
  'events: ',
  'evil: ',
  'eve',
  'i: ',
  'ids: ',
  'iD: ',
  'retr: 1',
  'retry : 1',
  'Retry: 1',
  'd\u0430ta: ',
  '\uFF44ata: ',
  '\uFEFFdata: ',
  '\uFEFFid: ',
  'data\0: ',
  '\0data: ',
)
const value = fc.constantFrom(
  '',
  ' ',
  '  ',
  '\t',
  ':',
  '::',
  ' :',
  '\0',
  'a\0b',
  '0',
  '007',
  '1e3',
  '+5',
  '-1',
  '5 ',
  ' 5',
  '1_0',
  '10ms',
  '0x10',
  '\u0663',
  '9'.repeat(25),
  '\u0085',
  '\u000B',
  '\u000C',
  '\u2028',
  '\u2029',
  '\uFEFF',
  'message',
  '__proto__',
  'constructor',
  '{"a":1}',
  '[DONE]',
)
/** Lengths on both sides of every threshold in the parser. */
const length = fc.oneof(
  fc.constantFrom(...[32, 128, 992, 1024].flatMap((edge) => [edge - 1, edge, edge + 1])),
  fc.integer({ min: 1, max: 3000 }),
)
const longText = fc
  .tuple(fc.constantFrom('a', 'é', '你', '😀', '\u2028', ':', ' ', '\0', '\uFEFF', 'aé'), length)
  .map(([unit, count]) => unit.repeat(Math.ceil(count / unit.length)))
const hugeId = fc
  .tuple(fc.constantFrom('id: ', 'id:'), longText, fc.constantFrom('\n', '\r', '\r\n', ''))
  .map((parts) => parts.join(''))

/** Truncated sequences, stray continuation bytes, surrogates, overlong forms and code points beyond Unicode. */
const invalidUtf8: fc.Arbitrary<Uint8Array> = fc
  .constantFrom(
    [0x80],
    [0xbf],
    [0xc0, 0xaf],
    [0xc3],
    [0xe4],
    [0xe4, 0xbd],
    [0xef],
    [0xef, 0xbb],
    [0xef, 0xbb, 0xbf],
    [0xf0],
    [0xf0, 0x9f],
    [0xf0, 0x9f, 0x98],
    [0xed, 0xa0, 0x80],
    [0xed, 0xbf, 0xbf],
    [0xe0, 0x80, 0x8a],
    [0xf4, 0x90, 0x80, 0x80],
    [0xf8, 0x88, 0x80, 0x80, 0x80],
    [0xfe],
    [0xff, 0xfe],
  )
  .map((bytes) => Uint8Array.from(bytes))

export function concatBytes(parts: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

const textPiece = fc.oneof(
  { weight: 8, arbitrary: lineEnd },
  { weight: 8, arbitrary: field },
  { weight: 3, arbitrary: nearMiss },
  { weight: 5, arbitrary: value },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 8 }) },
  { weight: 1, arbitrary: longText },
  { weight: 1, arbitrary: hugeId },
)

/** A byte order mark matters only at the start, where chance would seldom put one. */
const byteOrderMark = fc.constantFrom('', '', '', '\uFEFF', '\uFEFF\uFEFF')

/** Any text without lone surrogates. */
export const textStream: fc.Arbitrary<string> = fc
  .tuple(byteOrderMark, fc.array(textPiece, { maxLength: 60, ...FULL_SIZE }))
  .map(([first, pieces]) => first + pieces.join(''))

const piece = fc.oneof({ weight: 6, arbitrary: textPiece.map(utf8) }, { weight: 1, arbitrary: invalidUtf8 })

const brokenStream = fc.array(piece, { maxLength: 60, ...FULL_SIZE }).map(concatBytes)

/** A dense sequence of significant bytes. */
const denseBytes = fc
  .array(fc.constantFrom(...utf8('\r\n\r\n: datideventryretry019\0你😀\uFEFF'), 0xff, 0xc3), {
    maxLength: 300,
    ...FULL_SIZE,
  })
  .map((bytes) => Uint8Array.from(bytes))

/** Lines of multi-byte characters, so that most cuts split a character; the last character may be truncated. */
export const wideStream: fc.Arbitrary<Uint8Array> = fc
  .tuple(
    fc.array(fc.constantFrom('\n', '\n\n', 'data:', 'id:', 'é', '你', '😀', '你好世界', 'a'), {
      maxLength: 80,
      ...FULL_SIZE,
    }),
    fc.nat(3),
  )
  .map(([pieces, missing]) => utf8(`data:${pieces.join('')}`).slice(0, -missing || undefined))

const newline = fc.constantFrom('\n', '\r', '\r\n')
const wholeLine = fc.constantFrom(
  'data: a',
  'data:b',
  'data',
  'data: 你好',
  'id: 1',
  'id:2',
  'id',
  'id: 日本',
  'event: a',
  'event: b',
  'event',
  'event: message',
  'retry: 1',
  'retry:20',
  ': c',
  ':',
  'field: x',
  'id: \0',
)

/** Complete events that set, clear and repeat each of their fields. */
const eventStream = fc
  .array(fc.tuple(fc.array(fc.tuple(wholeLine, newline), { maxLength: 5 }), newline), { maxLength: 10 })
  .map((events) => utf8(events.map(([lines, end]) => lines.flat().join('') + end).join('')))

/** Any stream of bytes. */
export const byteStream: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 4, arbitrary: brokenStream },
  { weight: 2, arbitrary: textStream.map(utf8) },
  { weight: 2, arbitrary: denseBytes },
  { weight: 3, arbitrary: mutatedCorpus },
  { weight: 2, arbitrary: eventStream },
  { weight: 1, arbitrary: wideStream },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 400, ...FULL_SIZE }) },
)

/** Short streams, for checks that parse the whole stream again after each chunk. */
export const shortStream: fc.Arbitrary<Uint8Array> = fc.oneof(
  denseBytes,
  wideStream,
  eventStream,
  fc
    .tuple(byteOrderMark.map(utf8), fc.array(piece, { maxLength: 12, ...FULL_SIZE }).map(concatBytes))
    .map((parts) => concatBytes(parts).slice(0, 2000)),
)
