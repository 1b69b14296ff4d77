/** Any finite stream: every event is a delta. */
import { expect, test } from 'vitest'
import { rawEvents } from '../../src/protocols/raw-events.ts'

test.each(['message', 'error', 'end', 'start', '__proto__'])('each event is a delta, as it came: %s', (type) => {
  const event = { type, data: 'not JSON', id: '7' }
  expect(rawEvents().map(event, {})).toEqual([{ type: 'delta', delta: event }])
})

test('its text is the data', () => {
  expect(rawEvents().text!({ type: 'message', data: 'a\nb', id: '' })).toBe('a\nb')
})

test('ends with the connection, and nobody resumes it', () => {
  expect(rawEvents().eof).toBe('end')
  expect(rawEvents().resumable ?? false).toBe(false)
})
