/** Reporting of errors that no caller can catch. */
import { expect, test, vi } from 'vitest'
import { callSafely, reportUncaughtError } from '../../src/base/report-error.ts'

test('an uncaught error is passed to `reportError` on platforms that have it', () => {
  const reportError = vi.fn()
  vi.stubGlobal('reportError', reportError)
  const error = new Error('of a listener')
  reportUncaughtError(error)
  expect(reportError.mock.calls).toEqual([[error]])
})

test('an uncaught error is printed on platforms without `reportError`', () => {
  vi.stubGlobal('reportError', undefined)
  const print = vi.spyOn(console, 'error').mockImplementation(() => {})
  const error = new Error('of a listener')
  reportUncaughtError(error)
  expect(print.mock.calls).toEqual([[error]])
})

test('callSafely calls the callback with the value and reports an error that the callback throws', () => {
  const reportError = vi.fn()
  vi.stubGlobal('reportError', reportError)
  const callback = vi.fn((one: number) => {
    throw new Error(`${one}`)
  })
  callSafely(callback, 1)
  callSafely(undefined, 1)
  expect(callback.mock.calls).toEqual([[1]])
  expect(reportError.mock.calls).toEqual([[new Error('1')]])
})
