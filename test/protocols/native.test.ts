/** The native protocol, event by event (PROTOCOL.md, section 3). */
import { expect, test } from 'vitest'
import { native } from '../../src/protocols/native.ts'

const map = (type: string, data: unknown) => [native().map({ type, data: JSON.stringify(data), id: 'r:1' }, undefined)]

test('[P3.1] a start event has the resume URL and the heartbeat interval', () => {
  const start = { protocol: 1, streamId: 'r', prompt: 'p', timestamp: 0, resume: '/r', heartbeat: 30_000 }
  expect(map('start', start)).toMatchObject([{ type: 'start', resume: '/r', heartbeat: 30_000 }])
})

test('[P3.1] a delta keeps all its fields, including unknown ones', () => {
  expect(map('delta', { content: 'é', index: 4, extra: true })).toMatchObject([
    { type: 'delta', delta: { content: 'é', index: 4, extra: true }, index: 4 },
  ])
})

test('[P3.1] end and error events keep their fields', () => {
  expect(map('end', { finishReason: 'length', usage: { tokens: 3 } })).toMatchObject([
    { type: 'end', finishReason: 'length', usage: { tokens: 3 } },
  ])
  expect(map('error', { code: 'overloaded', message: 'Busy', retryable: true })).toMatchObject([
    { type: 'error', code: 'overloaded', message: 'Busy', retryable: true },
  ])
})

test.each(['message', 'tool_call', 'reasoning', 'constructor', '__proto__', 'toString'])(
  '[P3.1] [F31] an event named %s is only for listeners, with its data parsed once',
  (type) => expect(map(type, { any: 1 })).toEqual([{ type: 'pass', data: { any: 1 } }]),
)

test('[F31] the type of an event is not taken from its data', () => {
  const data = { type: 'end', content: 'a', index: 0 }
  expect(map('delta', data)).toEqual([{ type: 'pass', index: 0, data }])
})

test('[F31] a payload does not pollute prototypes', () => {
  native().map({ type: 'delta', data: '{"content":"a","index":0,"__proto__":{"polluted":1}}', id: '' }, undefined)
  expect(({} as { polluted?: number }).polluted).toBeUndefined()
})

test('[F30] data that is not JSON throws', () => {
  expect(() => native().map({ type: 'delta', data: '{', id: '' }, undefined)).toThrow(SyntaxError)
})

test.each([{ index: 0 }, { content: null }, { content: {} }, 'x', [], null, { type: 'text', content: 7 }])(
  '[P3.6] a text delta with the data %j throws',
  (data) => {
    expect(() => map('delta', data)).toThrow(TypeError)
  },
)

test.each(['start', 'end', 'error'])('[F31] an event named %s whose data is not an object throws', (type) => {
  for (const data of ['x', 1, null, [], true]) expect(() => map(type, data)).toThrow(TypeError)
})

test.each(['reasoning', 'refusal', 'tool-call', 'tool-result', 'source', 'data', 'a type of the future'])(
  '[P3.6] a delta of the type %s takes its index, but is not a delta of the loop',
  (type) => {
    const data = { type, block: 1, index: 3 }
    expect(map('delta', data)).toEqual([{ type: 'pass', index: 3, data }])
  },
)

test('[P3.7] a reset delta ends a run that reads only text', () => {
  expect(() => map('delta', { type: 'reset', from: 0, index: 3 })).toThrow(expect.objectContaining({ code: 'expired' }))
})

test('[P3.8] a delta keeps the number of deltas that it covers', () => {
  expect(map('delta', { content: 'abc', index: 2, count: 3 })).toMatchObject([{ type: 'delta', index: 2, count: 3 }])
})

test('the text of a delta is its content', () => {
  expect(native().text!({ content: '你好', index: 0 })).toBe('你好')
})

test('the native protocol can be resumed and cancelled, and a run without an end event is truncated', () => {
  expect(native()).toMatchObject({ idempotent: true, resume: { replays: 'after' } })
  expect(native().resume!.url('https://api.test/r')).toBe('https://api.test/r')
  expect(native().cancel!('https://api.test/r')).toEqual({ method: 'DELETE', url: 'https://api.test/r' })
  expect(native().eof ?? 'truncated').toBe('truncated')
})
