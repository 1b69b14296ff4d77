/** Tests of which stored strings are valid cursors. */
import { expect, test } from 'vitest'
import { parseCursor } from '../../src/persist/parse-cursor.ts'
import { fc } from '../support/fast-check.ts'

test.each([
  { url: 'https://api.test/api/generate/r1' },
  { url: '/api/generate/r1?a=1' },
  { url: 'http://[::1]:3000/', lastEventId: '日本' },
  { url: '/x', lastEventId: '' },
  { url: '/x', lastEventId: 'a', heartbeat: 30_000 },
])('a valid cursor is parsed unchanged: %j', (cursor) => {
  expect(parseCursor(JSON.stringify(cursor))).toEqual(cursor)
})

test('unknown and invalid optional fields are dropped', () => {
  const stored =
    '{ "url": "/x", "heartbeat": -1, "__proto__": { "lastEventId": "evil" }, "method": "DELETE", "headers": {} }'
  const cursor = parseCursor(stored)
  expect(cursor).toEqual({ url: '/x' })
  expect(Object.keys(cursor!)).toEqual(['url'])
  expect(cursor!.lastEventId).toBeUndefined()
})

test.each([
  ['null as the stored value', null],
  ['undefined', undefined],
  ['an object', { url: '/x' }],
  ['an empty string', ''],
  ['truncated JSON', '{"url":"/x","lastEv'],
  ['JSON null', 'null'],
  ['a JSON number', '7'],
  ['a JSON string', '"/x"'],
  ['a JSON array', '[{"url":"/x"}]'],
  ['a missing URL', '{"lastEventId":"7"}'],
  ['an empty URL', '{"url":""}'],
  ['a URL that is a number', '{"url":7}'],
  ['a URL that is an array', '{"url":["https://api.test/"]}'],
  ['an invalid URL', '{"url":"https://"}'],
  ['a javascript: URL', '{"url":"javascript:alert(1)"}'],
  ['a data: URL', '{"url":"data:text/event-stream,data: 1"}'],
  ['a file: URL', '{"url":"file:///etc/passwd"}'],
  ['a blob: URL', '{"url":"blob:https://api.test/1"}'],
  ['a URL with credentials', '{"url":"https://user:secret@api.test/"}'],
  ['an id that is a number', '{"url":"/x","lastEventId":7}'],
  ['an id that is null', '{"url":"/x","lastEventId":null}'],
  ['an id with a line end', String.raw`{"url":"/x","lastEventId":"7\nX-Evil: 1"}`],
  ['an id with NUL', String.raw`{"url":"/x","lastEventId":"7\u0000"}`],
])('%s is not a valid cursor', (_description, stored) => {
  expect(parseCursor(stored)).toBeUndefined()
})

/** Generates JSON with the fields of a cursor and random values. */
const cursorLike = fc
  .record({ url: fc.oneof(fc.webUrl(), fc.jsonValue()), lastEventId: fc.jsonValue() })
  .map((value) => JSON.stringify(value))

test('parseCursor never throws, and returns only cursors that can be requested', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), cursorLike), (stored) => {
      const cursor = parseCursor(stored)
      if (!cursor) return
      expect(new URL(cursor.url, 'https://api.test').protocol).toMatch(/^https?:$/)
      if (cursor.lastEventId !== undefined) expect(cursor.lastEventId).toMatch(/^[^\0\r\n]*$/)
    }),
    { seed: 1, numRuns: 2_000 },
  )
})
