/** What is taken for a cursor, and what is not, of all that a store may hold. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseCursor } from '../../src/persist/stored-cursor.ts'

test.each([
  { url: 'https://api.test/api/generate/r1' },
  { url: '/api/generate/r1?a=1' },
  { url: 'http://[::1]:3000/', lastEventId: '日本' },
  { url: '/x', lastEventId: '' },
  { url: '/x', lastEventId: 'a', heartbeat: 30_000 },
])('a cursor comes back as it was: %j', (cursor) => {
  expect(parseCursor(JSON.stringify(cursor))).toEqual(cursor)
})

test('what a cursor does not have is left out', () => {
  const stored =
    '{ "url": "/x", "heartbeat": -1, "__proto__": { "lastEventId": "evil" }, "method": "DELETE", "headers": {} }'
  const cursor = parseCursor(stored)
  expect(cursor).toEqual({ url: '/x' })
  expect(Object.keys(cursor!)).toEqual(['url'])
  expect(cursor!.lastEventId).toBeUndefined()
})

test.each([
  ['nothing', null],
  ['nothing at all', undefined],
  ['an object', { url: '/x' }],
  ['an empty string', ''],
  ['half a cursor', '{"url":"/x","lastEv'],
  ['null', 'null'],
  ['a number', '7'],
  ['a string', '"/x"'],
  ['a list', '[{"url":"/x"}]'],
  ['no address', '{"lastEventId":"7"}'],
  ['an empty address', '{"url":""}'],
  ['an address that is a number', '{"url":7}'],
  ['an address that is a list', '{"url":["https://api.test/"]}'],
  ['an address that is none', '{"url":"https://"}'],
  ['a script', '{"url":"javascript:alert(1)"}'],
  ['a stream in the address itself', '{"url":"data:text/event-stream,data: 1"}'],
  ['a file', '{"url":"file:///etc/passwd"}'],
  ['a blob', '{"url":"blob:https://api.test/1"}'],
  ['credentials in the address', '{"url":"https://user:secret@api.test/"}'],
  ['an id that is a number', '{"url":"/x","lastEventId":7}'],
  ['an id that is null', '{"url":"/x","lastEventId":null}'],
  ['an id over two lines', String.raw`{"url":"/x","lastEventId":"7\nX-Evil: 1"}`],
  ['an id with NUL', String.raw`{"url":"/x","lastEventId":"7\u0000"}`],
])('%s is no cursor', (_what, stored) => {
  expect(parseCursor(stored)).toBeUndefined()
})

/** JSON of something that has the fields of a cursor. */
const likely = fc
  .record({ url: fc.oneof(fc.webUrl(), fc.jsonValue()), lastEventId: fc.jsonValue() })
  .map((value) => JSON.stringify(value))

test('whatever is stored, it does not throw, and what it returns can be requested', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), likely), (stored) => {
      const cursor = parseCursor(stored)
      if (!cursor) return
      expect(new URL(cursor.url, 'https://api.test').protocol).toMatch(/^https?:$/)
      if (cursor.lastEventId !== undefined) expect(cursor.lastEventId).toMatch(/^[^\0\r\n]*$/)
    }),
    { seed: 1, numRuns: 2_000 },
  )
})
