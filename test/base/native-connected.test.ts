/** Tests of isNativeConnected(): which events say that the server speaks PROTOCOL.md. */
import { expect, test } from 'vitest'
import { isNativeConnected } from '../../src/base/native-connected.ts'

test.each([
  ['{"protocol":1}', true],
  ['{"clientId":"c","message":"connected","heartbeat":30000,"protocol" : 1}', true],
  ['{"protocol":1.0}', true],
  ['{"protocol":2}', false],
  ['{"protocol":10}', false],
  ['{"protocol":"1"}', false],
  ['{"nested":{"protocol":1}}', false],
  ['{}', false],
  ['null', false],
  ['1', false],
  ['"protocol"', false],
  ['[1]', false],
  ['connected', false],
  ['{"protocol":1', false],
  ['', false],
  [undefined, false],
])('the data %s of a connected event: native is %s', (data, native) => {
  expect(isNativeConnected({ type: 'connected', data })).toBe(native)
})

test('an event of another type is not a native connected event', () => {
  for (const type of ['message', 'start', 'Connected', 'connected ']) {
    expect(isNativeConnected({ type, data: '{"protocol":1}' })).toBe(false)
  }
})
