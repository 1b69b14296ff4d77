/** Tests of pending writes when the page is hidden, and of the listeners that detect this. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { persist } from '../../src/persist.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { createRecordedStore } from './stores.ts'

/** Stands in for the window. */
let page: EventTarget
let listeners: string[]

beforeEach(() => {
  page = new EventTarget()
  listeners = []
  vi.stubGlobal('addEventListener', (type: string, listener: () => void, capture: boolean) => {
    listeners.push(`${type} ${capture}`)
    page.addEventListener(type, listener, capture)
  })
  vi.stubGlobal('removeEventListener', (type: string, listener: () => void, capture: boolean) => {
    listeners.splice(listeners.indexOf(`${type} ${capture}`), 1)
    page.removeEventListener(type, listener, capture)
  })
})
afterEach(() => vi.unstubAllGlobals())

const feedAt = (position: number) => ({ url: '/api/stream', lastEventId: String(position) })

test.each(['pagehide', 'visibilitychange', 'freeze'])('[F41] [F42] pending cursors are written on %s', (eventType) => {
  const storage = createRecordedStore()
  const clock = createManualClock()
  const persistence = persist({ key: 'a', storage, clock })
  const other = persist({ key: 'b', storage, clock })
  for (const each of [persistence, other]) {
    each.save(feedAt(1))
    each.save(feedAt(2))
  }
  expect([...storage.items.values()]).toEqual([JSON.stringify(feedAt(1)), JSON.stringify(feedAt(1))])
  page.dispatchEvent(new Event(eventType))
  expect([...storage.items.values()]).toEqual([JSON.stringify(feedAt(2)), JSON.stringify(feedAt(2))])
  expect(clock.pendingDelays).toEqual([])
})

test('listeners and timers exist only while a write is pending', async () => {
  const storage = createRecordedStore()
  const clock = createManualClock()
  const persistence = persist({ key: 'a', storage, clock })
  expect(listeners).toEqual([])
  persistence.save(feedAt(1))
  expect(listeners).toEqual([])
  persistence.save(feedAt(2))
  expect(listeners).toEqual(['pagehide true', 'visibilitychange true', 'freeze true'])
  persistence.save(feedAt(3))
  expect(listeners).toHaveLength(3)
  await clock.advance(250)
  expect(listeners).toEqual([])
  persistence.save(feedAt(4))
  persistence.clear()
  expect(listeners).toEqual([])
  page.dispatchEvent(new Event('pagehide'))
  expect(storage.items.size).toBe(0)
})
