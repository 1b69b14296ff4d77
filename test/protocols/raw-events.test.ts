/** The raw-events protocol: every event of a finite stream is a delta. */
import { expect, test } from 'vitest'
import { rawEvents } from '../../src/protocols/raw-events.ts'

test.each(['message', 'error', 'end', 'start', '__proto__'])('an event named %s becomes a delta unchanged', (type) => {
  const event = { type, data: 'not JSON', id: '7' }
  expect(rawEvents().map(event, undefined)).toEqual({ type: 'delta', delta: event })
})

test('the text of a delta is its data', () => {
  expect(rawEvents().text!({ type: 'message', data: 'a\nb', id: '' })).toBe('a\nb')
})

test('a run ends when the connection ends and is not resumable', () => {
  expect(rawEvents().eof).toBe('end')
  expect(rawEvents().resume).toBeUndefined()
})
