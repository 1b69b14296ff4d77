/** Dedupe window: recognizes IDs that an earlier connection has delivered. */
import { describe, expect, test } from 'vitest'
import { type DedupeWindow, createDedupeWindow } from '../../src/source/dedupe.ts'

/** Receives an ID as a feed does; returns whether it is a duplicate. */
function receive(window: DedupeWindow, id: string): boolean {
  if (window.isDuplicate(id)) return true
  window.remember(id)
  return false
}

describe('[F25] dedupe window', () => {
  test('an ID is a duplicate on later connections but not on the connection that first delivered it', () => {
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

  test('the initial last event ID is a duplicate on the first connection', () => {
    const window = createDedupeWindow(10, '7')
    window.beginConnection()
    expect([receive(window, '7'), receive(window, '8')]).toEqual([true, false])
  })

  test('the window holds only the most recent IDs', () => {
    const window = createDedupeWindow(3, undefined)
    window.beginConnection()
    for (const id of ['1', '2', '3', '4']) receive(window, id)
    window.beginConnection()
    expect(receive(window, '1')).toBe(false)
    // ID 1 has replaced the oldest ID, 2. The change takes effect on the next connection.
    expect(['2', '3', '4'].map((id) => receive(window, id))).toEqual([true, true, true])
    window.beginConnection()
    expect(['1', '2'].map((id) => receive(window, id))).toEqual([true, false])
  })

  test('once a connection has received a full window of new IDs, older IDs are no longer recognized', () => {
    const window = createDedupeWindow(2, undefined)
    window.beginConnection()
    receive(window, '1')
    window.beginConnection()
    receive(window, '2')
    expect(receive(window, '1')).toBe(true)
    receive(window, '3')
    expect(receive(window, '1')).toBe(false)
  })

  test('clear() forgets all IDs', () => {
    const window = createDedupeWindow(10, '1')
    window.beginConnection()
    window.clear()
    expect(receive(window, '1')).toBe(false)
    window.beginConnection()
    expect(receive(window, '1')).toBe(true)
  })

  test('a window of size 0 recognizes no duplicates', () => {
    const window = createDedupeWindow(0, '1')
    for (const _ of [1, 2]) {
      window.beginConnection()
      expect([receive(window, '1'), receive(window, '2')]).toEqual([false, false])
    }
  })
})
