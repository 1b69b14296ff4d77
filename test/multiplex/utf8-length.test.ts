/** The length of text in UTF-8, counted without encoding it. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { utf8Length } from '../../src/multiplex/utf8-length.ts'

const encodedLength = (text: string): number => new TextEncoder().encode(text).length

test.each([
  '',
  'abc',
  'é',
  '\u07ff',
  '\u0800',
  '日本',
  '\ufeff',
  '\uffff',
  '👍',
  '👍👍a',
  'a\ud83d',
  '\udc4d',
  '\udc4d\ud83d',
  '\ud83d\ud83d\udc4d',
])('the length of %j is that of its encoding, in which a lone surrogate is U+FFFD', (text) =>
  expect(utf8Length(text)).toBe(encodedLength(text)),
)

test('the length of any text is that of its encoding', () => {
  const units = fc.array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0xd700, max: 0xe0ff })))
  fc.assert(
    fc.property(units, (codes) => {
      const text = String.fromCharCode(...codes)
      expect(utf8Length(text)).toBe(encodedLength(text))
    }),
  )
})
