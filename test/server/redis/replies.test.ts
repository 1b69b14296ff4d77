/** Replies of scripts are checked: a client may be set to return something else than texts and numbers. */
import { expect, test } from 'vitest'
import { parseAppended, parseClaim, parsePage, parseRecord } from '../../../server/redis/replies.ts'

test.each([
  ['append', () => parseAppended([Buffer.from('appended'), 1, 'epoch'])],
  ['append', () => parseAppended(null)],
  ['claim', () => parseClaim(['producer', '1', 0])],
  ['find', () => parseRecord(['alice', 'open', true, 0, 0])],
  ['read', () => parsePage(['epoch', 1, 1, 'n', 'open', 1, 'n'], 0)],
])('an unexpected reply to %s is an error', (name, parse) => {
  expect(parse).toThrow(`Unexpected reply of Redis: ${name}`)
})
