/** Tests of the encoder, including a round trip through the parser. */
import { describe, expect, test } from 'vitest'
import { encodeEvent } from '../../src/sse/encode.ts'
import type { EventFields } from '../../src/sse/encode.ts'
import { fc } from '../support/fast-check.ts'
import { parseChunks, utf8 } from './parse-chunks.ts'

describe('encodeEvent', () => {
  for (const [name, fields, text] of [
    [
      'encodes all fields',
      { type: 'price', data: '1', id: '7', retry: 500, comment: 'c' },
      ': c\nevent: price\nid: 7\nretry: 500\ndata: 1\n\n',
    ],
    ['encodes a block with data only', { data: 'a' }, 'data: a\n\n'],
    ['encodes empty data as an event', { data: '' }, 'data: \n\n'],
    ['keeps leading spaces in values', { data: ' a', type: ' b', id: ' c' }, 'event:  b\nid:  c\ndata:  a\n\n'],
    ['encodes an empty id', { id: '' }, 'id: \n\n'],
    ['encodes no fields as a blank line', {}, '\n'],
    [
      'encodes undefined fields like missing ones',
      { type: undefined, data: undefined, id: undefined, retry: undefined, comment: undefined },
      '\n',
    ],
    ['[P1.2] encodes LF in data as two lines', { data: 'a\nb' }, 'data: a\ndata: b\n\n'],
    ['[P1.2] encodes CR in data as two lines', { data: 'a\rb' }, 'data: a\ndata: b\n\n'],
    ['[P1.2] encodes CRLF in data as one line end', { data: 'a\r\nb\n\rc' }, 'data: a\ndata: b\ndata: \ndata: c\n\n'],
    ['[P1.2] encodes a trailing line end as an empty last line', { data: 'a\n' }, 'data: a\ndata: \n\n'],
    ['[P1.2] encodes a heartbeat comment', { comment: 'heartbeat' }, ': heartbeat\n\n'],
  ] as [string, EventFields, string][]) {
    test(name, () => expect(encodeEvent(fields)).toBe(text))
  }
})

describe('[P1.2] [F44] encodeEvent rejects values that would inject a field', () => {
  for (const field of ['type', 'id', 'comment'] as const) {
    for (const character of ['\r', '\n', '\r\n', '\0']) {
      test(`${JSON.stringify(character)} in ${field} is rejected`, () => {
        for (const value of [character, `a${character}`, `${character}data: b`]) {
          expect(() => encodeEvent({ [field]: value, data: 'a' })).toThrow(TypeError)
        }
      })
    }
  }

  test('the error message names the field', () => {
    expect(() => encodeEvent({ comment: '\n' })).toThrow(/^comment: /)
    expect(() => encodeEvent({ type: '\n' })).toThrow(/^event: /)
  })

  for (const retry of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 1e21]) {
    test(`retry ${retry} is rejected`, () => expect(() => encodeEvent({ retry })).toThrow(TypeError))
  }
})

test('[P1.2] the parser reads what the encoder writes', () => {
  const text = fc.string({
    unit: fc.oneof(
      fc.constantFrom('\r', '\n', ':', ' ', '\uFEFF'),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    ),
  })
  const line = text.map((value) => value.replaceAll(/[\r\n\0]/g, '-'))
  const fields = fc.record(
    { type: line, data: text, id: line, retry: fc.maxSafeNat(), comment: line },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(fc.array(fields, { minLength: 1, maxLength: 5, size: 'max' }), fc.nat(7), (events, size) => {
      const bytes = utf8(events.map(encodeEvent).join(''))
      const chunks = size
        ? Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) => bytes.slice(n * size, (n + 1) * size))
        : [bytes]
      // UTF-8 cannot encode lone surrogates: they arrive as U+FFFD.
      const toUnicode = (value: string): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(utf8(value))
      expect(parseChunks(chunks)).toEqual({
        blocks: events
          .filter(({ data, id }) => data !== undefined || id !== undefined)
          .map(({ type, data, id }) => ({
            type: toUnicode(type || 'message'),
            data: data === undefined ? undefined : toUnicode(data.replaceAll(/\r\n|\r/g, '\n')),
            id: id === undefined ? undefined : toUnicode(id),
          })),
        retries: events.flatMap(({ retry }) => retry ?? []),
        comments: events.flatMap(({ comment }) => (comment === undefined ? [] : toUnicode(comment))),
      })
    }),
    { numRuns: 500 },
  )
})
