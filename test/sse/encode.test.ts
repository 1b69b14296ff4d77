/** Writing blocks, read back by the parser. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeEvent } from '../../src/sse/encode.ts'
import type { EventFields } from '../../src/sse/encode.ts'
import { parseChunks, utf8 } from './parse-chunks.ts'

describe('fields', () => {
  for (const [name, fields, text] of [
    [
      'all of them',
      { type: 'price', data: '1', id: '7', retry: 500, comment: 'c' },
      ': c\nevent: price\nid: 7\nretry: 500\ndata: 1\n\n',
    ],
    ['data alone', { data: 'a' }, 'data: a\n\n'],
    ['empty data is an event', { data: '' }, 'data: \n\n'],
    ['a space at the start survives', { data: ' a', type: ' b', id: ' c' }, 'event:  b\nid:  c\ndata:  a\n\n'],
    ['an empty id', { id: '' }, 'id: \n\n'],
    ['nothing', {}, '\n'],
    [
      'absent and undefined are the same',
      { type: undefined, data: undefined, id: undefined, retry: undefined, comment: undefined },
      '\n',
    ],
    ['[P1.2] LF in data', { data: 'a\nb' }, 'data: a\ndata: b\n\n'],
    ['[P1.2] CR in data', { data: 'a\rb' }, 'data: a\ndata: b\n\n'],
    ['[P1.2] CRLF in data is one line end', { data: 'a\r\nb\n\rc' }, 'data: a\ndata: b\ndata: \ndata: c\n\n'],
    ['[P1.2] a line end at the end of data', { data: 'a\n' }, 'data: a\ndata: \n\n'],
    ['[P1.2] a heartbeat', { comment: 'heartbeat' }, ': heartbeat\n\n'],
  ] as [string, EventFields, string][]) {
    test(name, () => expect(encodeEvent(fields)).toBe(text))
  }
})

describe('[P1.2] [F44] what would inject a field is refused', () => {
  for (const field of ['type', 'id', 'comment'] as const) {
    for (const character of ['\r', '\n', '\r\n', '\0']) {
      test(`${JSON.stringify(character)} in ${field}`, () => {
        for (const value of [character, `a${character}`, `${character}data: b`]) {
          expect(() => encodeEvent({ [field]: value, data: 'a' })).toThrow(TypeError)
        }
      })
    }
  }

  test('a message names the field', () => {
    expect(() => encodeEvent({ comment: '\n' })).toThrow(/^comment: /)
    expect(() => encodeEvent({ type: '\n' })).toThrow(/^event: /)
  })

  for (const retry of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 1e21]) {
    test(`retry ${retry}`, () => expect(() => encodeEvent({ retry })).toThrow(TypeError))
  }
})

test('[P1.2] what is written is what is read', () => {
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
      // UTF-8 has no lone surrogates: those arrive as U+FFFD.
      const sent = (value: string): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(utf8(value))
      expect(parseChunks(chunks)).toEqual({
        blocks: events
          .filter(({ data, id }) => data !== undefined || id !== undefined)
          .map(({ type, data, id }) => ({
            type: sent(type || 'message'),
            data: data === undefined ? undefined : sent(data.replaceAll(/\r\n|\r/g, '\n')),
            id: id === undefined ? undefined : sent(id),
          })),
        retries: events.flatMap(({ retry }) => retry ?? []),
        comments: events.flatMap(({ comment }) => (comment === undefined ? [] : sent(comment))),
      })
    }),
    { numRuns: 500 },
  )
})
