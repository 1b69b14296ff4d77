/** One stream's cursor in a store that answers at once. */
import { afterEach, expect, test, vi } from 'vitest'
import { persist } from '../../src/persist.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { trapUnhandled } from '../support/unhandled.ts'
import { createRecordedStore } from './stores.ts'

trapUnhandled()
afterEach(() => vi.unstubAllGlobals())

const feedAt = (position: number) => ({ url: 'https://api.test/api/stream', lastEventId: String(position) })
const textAt = (position: number): string => JSON.stringify(feedAt(position))

test('[F42] what was saved is there when the page is new', () => {
  const storage = createRecordedStore()
  const first = persist({ key: 'chat-42', storage })
  expect(first.load()).toBeUndefined()
  first.save({ url: 'https://api.test/api/generate/r1' })
  const second = persist({ key: 'chat-42', storage })
  expect(second.load()).toEqual({ url: 'https://api.test/api/generate/r1' })
  expect(persist({ key: 'chat-43', storage }).load()).toBeUndefined()
  second.clear()
  expect(persist({ key: 'chat-42', storage }).load()).toBeUndefined()
  expect(storage.items.size).toBe(0)
})

test('keys do not meet those of the page', () => {
  const storage = createRecordedStore({ prices: 'the page own' })
  const kept = persist({ key: 'prices', storage })
  kept.save(feedAt(1))
  kept.clear()
  expect([...storage.items]).toEqual([['prices', 'the page own']])
})

test('without a key it is misuse', () => {
  expect(() => persist({ key: '' })).toThrow(TypeError)
  expect(() => persist({} as { key: string })).toThrow(TypeError)
})

test('the default is sessionStorage, looked up when it is needed', () => {
  const kept = persist({ key: 'a' })
  const storage = createRecordedStore()
  vi.stubGlobal('sessionStorage', storage)
  kept.save(feedAt(1))
  expect(storage.items.get('rivulet:a')).toBe(textAt(1))
  expect(kept.load()).toEqual(feedAt(1))
})

test('where there is no sessionStorage nothing is kept, and nothing breaks', () => {
  vi.stubGlobal('sessionStorage', undefined)
  const kept = persist({ key: 'a' })
  kept.save(feedAt(1))
  expect(kept.load()).toBeUndefined()
  expect(kept.clear()).toBeUndefined()
})

test('where touching it throws nothing is kept, and nothing breaks', () => {
  let touched = 0
  const descriptor = {
    configurable: true,
    get() {
      touched++
      throw new DOMException('The operation is insecure.', 'SecurityError')
    },
  }
  const before = Object.getOwnPropertyDescriptor(globalThis, 'sessionStorage')
  Object.defineProperty(globalThis, 'sessionStorage', descriptor)
  try {
    const kept = persist({ key: 'a', clock: createManualClock() })
    expect(touched).toBe(0)
    kept.save(feedAt(1))
    expect(kept.load()).toBeUndefined()
    kept.clear()
    expect(touched).toBe(3)
  } finally {
    if (before) Object.defineProperty(globalThis, 'sessionStorage', before)
    else Reflect.deleteProperty(globalThis, 'sessionStorage')
  }
})

test('a store that is full is tried again with the next cursor', async () => {
  const clock = createManualClock()
  const storage = createRecordedStore()
  const full = vi.spyOn(storage, 'setItem').mockImplementationOnce(() => {
    throw new DOMException('The quota has been exceeded.', 'QuotaExceededError')
  })
  const kept = persist({ key: 'a', storage, clock })
  kept.save(feedAt(1))
  expect(kept.load()).toBeUndefined()
  await clock.advance(1_000)
  expect(full).toHaveBeenCalledTimes(1)
  kept.save(feedAt(2))
  expect(kept.load()).toEqual(feedAt(2))
})

test('what is no cursor is as good as nothing', () => {
  for (const stored of ['{', '7', '{"url":"javascript:alert(1)"}', '{"url":"/x","lastEventId":7}']) {
    expect(persist({ key: 'a', storage: createRecordedStore({ 'rivulet:a': stored }) }).load()).toBeUndefined()
  }
})

test('a store that returns something else than text is as good as empty', async () => {
  const storage = { ...createRecordedStore(), getItem: () => ({ url: '/x' }) as unknown as string }
  expect(await persist({ key: 'a', storage, clock: createManualClock() }).load()).toBeUndefined()
})

test('the first cursor is written at once, the next ones four times a second, the newest each time', async () => {
  const clock = createManualClock()
  const storage = createRecordedStore()
  const kept = persist({ key: 'a', storage, clock })
  for (let position = 0; position < 1_000; position++) {
    kept.save(feedAt(position))
    await clock.advance(1)
  }
  await clock.advance(10_000)
  expect(storage.calls).toEqual([0, 249, 499, 749, 999].map((position) => `set rivulet:a ${textAt(position)}`))
  expect(clock.pendingDelays).toEqual([])
})

test('a timer that is late, as in a page in the background, does not hold back what is due', async () => {
  let now = 0
  const storage = createRecordedStore()
  // No timer ever fires.
  const kept = persist({ key: 'a', storage, clock: { now: () => now, after: () => () => {} } })
  for (; now < 1_000; now += 10) kept.save(feedAt(now))
  expect(storage.calls).toHaveLength(4)
  expect(storage.items.get('rivulet:a')).toBe(textAt(750))
})

test('clear() takes what is still to be written with it', async () => {
  const clock = createManualClock()
  const storage = createRecordedStore()
  const kept = persist({ key: 'a', storage, clock })
  kept.save(feedAt(1))
  kept.save(feedAt(2))
  kept.clear()
  expect(storage.items.size).toBe(0)
  await clock.advance(1_000)
  expect(storage.items.size).toBe(0)
  expect(clock.pendingDelays).toEqual([])
})

test('after clear() a new cursor is kept', async () => {
  const clock = createManualClock()
  const storage = createRecordedStore()
  const kept = persist({ key: 'a', storage, clock })
  kept.save(feedAt(1))
  kept.clear()
  kept.save(feedAt(2))
  expect(kept.load()).toEqual(feedAt(2))
  await clock.advance(250)
  expect(storage.items.get('rivulet:a')).toBe(textAt(2))
})

test('what one stream has yet to write is there for the next one of the page', () => {
  const clock = createManualClock()
  const storage = createRecordedStore()
  const first = persist({ key: 'a', storage, clock })
  first.save(feedAt(1))
  first.save(feedAt(2))
  expect(storage.items.get('rivulet:a')).toBe(textAt(1))
  expect(persist({ key: 'a', storage, clock }).load()).toEqual(feedAt(2))
})
