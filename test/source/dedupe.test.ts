/** What an earlier connection has brought is known again. */
import { describe, expect, test } from 'vitest'
import { type DedupeWindow, createDedupeWindow } from '../../src/source/dedupe.ts'

/** Receives an id as a feed does; returns whether it is a duplicate. */
function receive(window: DedupeWindow, id: string): boolean {
  if (window.isDuplicate(id)) return true
  window.remember(id)
  return false
}

describe('[F25] the window of ids', () => {
  test('an id is a duplicate on a later connection, never on its own', () => {
    const window = createDedupeWindow(10, undefined)
    window.beginConnection()
    expect([receive(window, '1'), receive(window, '1'), receive(window, '2')]).toEqual([false, false, false])
    window.beginConnection()
    expect([receive(window, '2'), receive(window, '1'), receive(window, '3'), receive(window, '1')]).toEqual([
      true,
      true,
      false,
      true,
    ])
  })

  test('what was had before the first connection counts', () => {
    const window = createDedupeWindow(10, '7')
    window.beginConnection()
    expect([receive(window, '7'), receive(window, '8')]).toEqual([true, false])
  })

  test('it holds the last ids, and no more', () => {
    const window = createDedupeWindow(3, undefined)
    window.beginConnection()
    for (const id of ['1', '2', '3', '4']) receive(window, id)
    window.beginConnection()
    expect(receive(window, '1')).toBe(false)
    // That one has taken the place of the oldest: it is known in the connection after this one.
    expect(['2', '3', '4'].map((id) => receive(window, id))).toEqual([true, true, true])
    window.beginConnection()
    expect(['1', '2'].map((id) => receive(window, id))).toEqual([true, false])
  })

  test('after as many new ids as it holds, a connection can repeat nothing of the others', () => {
    const window = createDedupeWindow(2, undefined)
    window.beginConnection()
    receive(window, '1')
    window.beginConnection()
    receive(window, '2')
    expect(receive(window, '1')).toBe(true)
    receive(window, '3')
    expect(receive(window, '1')).toBe(false)
  })

  test('cleared, it knows nothing', () => {
    const window = createDedupeWindow(10, '1')
    window.beginConnection()
    window.clear()
    expect(receive(window, '1')).toBe(false)
    window.beginConnection()
    expect(receive(window, '1')).toBe(true)
  })

  test('of size 0 it is off', () => {
    const window = createDedupeWindow(0, '1')
    for (const _ of [1, 2]) {
      window.beginConnection()
      expect([receive(window, '1'), receive(window, '2')]).toEqual([false, false])
    }
  })
})
