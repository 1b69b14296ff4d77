/** What is written before a page goes, and what is left of that afterwards: no listener. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { persist } from '../../src/persist.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { createRecordedStore } from './stores.ts'

/** What a window is to this entry. */
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

test.each(['pagehide', 'visibilitychange', 'freeze'])(
  '[F41] [F42] what is not written yet is written at %s',
  (sign) => {
    const storage = createRecordedStore()
    const clock = createManualClock()
    const kept = persist({ key: 'a', storage, clock })
    const other = persist({ key: 'b', storage, clock })
    for (const each of [kept, other]) {
      each.save(feedAt(1))
      each.save(feedAt(2))
    }
    expect([...storage.items.values()]).toEqual([JSON.stringify(feedAt(1)), JSON.stringify(feedAt(1))])
    page.dispatchEvent(new Event(sign))
    expect([...storage.items.values()]).toEqual([JSON.stringify(feedAt(2)), JSON.stringify(feedAt(2))])
    expect(clock.pendingDelays).toEqual([])
  },
)

test('with nothing to write there is no listener, and no timer', async () => {
  const storage = createRecordedStore()
  const clock = createManualClock()
  const kept = persist({ key: 'a', storage, clock })
  expect(listeners).toEqual([])
  kept.save(feedAt(1))
  expect(listeners).toEqual([])
  kept.save(feedAt(2))
  expect(listeners).toEqual(['pagehide true', 'visibilitychange true', 'freeze true'])
  kept.save(feedAt(3))
  expect(listeners).toHaveLength(3)
  await clock.advance(250)
  expect(listeners).toEqual([])
  kept.save(feedAt(4))
  kept.clear()
  expect(listeners).toEqual([])
  page.dispatchEvent(new Event('pagehide'))
  expect(storage.items.size).toBe(0)
})
