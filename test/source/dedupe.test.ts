/** What an earlier connection has brought is known again. */
import { describe, expect, test } from 'vitest'
import { createDuplicateWindow } from '../../src/source/dedupe.ts'

describe('[F25] the window of ids', () => {
  test('an id is a duplicate on a later connection, never on its own', () => {
    const window = createDuplicateWindow(10, undefined)
    window.opened()
    expect([window.has('1'), window.has('1'), window.has('2')]).toEqual([false, false, false])
    window.opened()
    expect([window.has('2'), window.has('1'), window.has('3'), window.has('1')]).toEqual([true, true, false, true])
  })

  test('what was had before the first connection counts', () => {
    const window = createDuplicateWindow(10, '7')
    window.opened()
    expect([window.has('7'), window.has('8')]).toEqual([true, false])
  })

  test('it holds the last ids, and no more', () => {
    const window = createDuplicateWindow(3, undefined)
    window.opened()
    for (const id of ['1', '2', '3', '4']) window.has(id)
    window.opened()
    expect(window.has('1')).toBe(false)
    // That one has taken the place of the oldest: it is known in the connection after this one.
    expect(['2', '3', '4'].map((id) => window.has(id))).toEqual([true, true, true])
    window.opened()
    expect(['1', '2'].map((id) => window.has(id))).toEqual([true, false])
  })

  test('after as many new ids as it holds, a connection can repeat nothing of the others', () => {
    const window = createDuplicateWindow(2, undefined)
    window.opened()
    window.has('1')
    window.opened()
    window.has('2')
    expect(window.has('1')).toBe(true)
    window.has('3')
    expect(window.has('1')).toBe(false)
  })

  test('cleared, it knows nothing', () => {
    const window = createDuplicateWindow(10, '1')
    window.opened()
    window.clear()
    expect(window.has('1')).toBe(false)
    window.opened()
    expect(window.has('1')).toBe(true)
  })

  test('of size 0 it is off', () => {
    const window = createDuplicateWindow(0, '1')
    for (const _ of [1, 2]) {
      window.opened()
      expect([window.has('1'), window.has('2')]).toEqual([false, false])
    }
  })
})
