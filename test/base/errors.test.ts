/** `StreamError`: its fields, and recognition by `isStreamError`. */
import { describe, expect, test, vi } from 'vitest'
import { StreamError, isStreamError } from '../../src/base/errors.ts'

describe('StreamError', () => {
  test('a StreamError is an Error with a name, a code and a message', () => {
    const error = new StreamError('network', 'Refused')
    expect(error).toBeInstanceOf(Error)
    expect(error).toBeInstanceOf(StreamError)
    expect(`${error}`).toBe('StreamError: Refused')
    expect(error.code).toBe('network')
    expect(error.retryable).toBe(false)
    expect(error.stack).toContain('errors.test')
  })

  test('details that are not given are not own keys of the error', () => {
    expect(Object.keys(new StreamError('gap', 'Missing')).sort()).toEqual(['code', 'retryable'])
    expect('cause' in new StreamError('gap', 'Missing')).toBe(false)
  })

  test('details are fields of the error', () => {
    const cause = new TypeError('fetch failed')
    const cursor = { url: 'https://api.test/r1', lastEventId: '7' }
    const error = new StreamError('truncated', 'Cut', {
      cause,
      retryable: true,
      lastEventId: '7',
      partial: 'Hel',
      cursor,
    })
    expect(error).toMatchObject({ retryable: true, lastEventId: '7', partial: 'Hel', cursor })
    expect(error.cause).toBe(cause)
  })

  test('the details survive JSON serialization', () => {
    const error = new StreamError('http', 'Status 503', {
      status: 503,
      headers: new Headers({ 'x-a': 'b' }),
      retryable: true,
    })
    expect(JSON.parse(JSON.stringify(error))).toMatchObject({ code: 'http', status: 503, retryable: true })
  })
})

describe('isStreamError', () => {
  test('isStreamError recognizes an error and its code', () => {
    const error: unknown = new StreamError('idle', 'Timed out')
    expect(isStreamError(error)).toBe(true)
    expect(isStreamError(error, 'idle')).toBe(true)
    expect(isStreamError(error, 'network')).toBe(false)
  })

  test.each([undefined, null, 0, 'idle', {}, { code: 'idle' }, new Error('idle'), Object.create(null)])(
    'isStreamError rejects %s',
    (value) => {
      expect(isStreamError(value)).toBe(false)
    },
  )

  test('isStreamError recognizes an error from another copy of the package', async () => {
    vi.resetModules()
    const other = await import('../../src/base/errors.ts')
    expect(other.StreamError).not.toBe(StreamError)
    const error = new other.StreamError('network', 'Refused')
    expect(error instanceof StreamError).toBe(false)
    expect(isStreamError(error, 'network')).toBe(true)
  })
})
