/** The options of `multiplex` that are numbers. */
import { describe, expect, test } from 'vitest'
import { multiplex } from '../../src/multiplex.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { createTestMultiplex, promiseState } from './test-multiplex.ts'

describe('an invalid option', () => {
  test.each([NaN, -1, '5' as never, null as never, 5n as never])(
    'of %s makes multiplex() throw a TypeError that names it',
    (value) => {
      expect(() => multiplex('/channel', { linger: value })).toThrow(
        new TypeError('linger: expected a number of milliseconds, at least 0'),
      )
      expect(() => multiplex('/channel', { timeout: value })).toThrow(
        new TypeError('timeout: expected a number of milliseconds, at least 0'),
      )
      expect(() => multiplex('/channel', { window: value })).toThrow(
        new TypeError('window: expected a finite number of bytes above 0'),
      )
    },
  )

  test.each([0, Infinity])(
    'includes a window of %s, with which a server can send nothing, or JSON has no value',
    (window) => {
      expect(() => multiplex('/channel', { window })).toThrow('window')
    },
  )

  test.each([{}, { linger: 0, timeout: 0, window: 1 }, { linger: Infinity, timeout: Infinity }])(
    'is not %o',
    (options) => {
      expect(() => multiplex('/channel', options)).not.toThrow()
    },
  )
})

test('a timeout of 0 sets no time limit for the channel and its operations', async () => {
  const testMultiplex = createTestMultiplex({ timeout: 0 })
  const { connection } = testMultiplex.requestStream()
  await testMultiplex.clock.advance(3_600_000)
  expect(await promiseState(connection)).toBe('pending')
  testMultiplex.respondToOperations('hang')
  await testMultiplex.openChannel()
  await testMultiplex.clock.advance(3_600_000)
  expect([await promiseState(connection), testMultiplex.clock.pendingDelays]).toEqual(['pending', []])
})

test('a linger of 0 closes the channel as soon as it has no streams', async () => {
  const testMultiplex = createTestMultiplex({ linger: 0 })
  const { channel, streams } = await testMultiplex.open()
  streams[0]!.cancel()
  await testMultiplex.clock.advance(0)
  await flushMicrotasks()
  expect(channel.cancelled).toBe(true)
})
