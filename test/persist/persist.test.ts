/** Tests of a persisted cursor in a synchronous store. */
import { afterEach, expect, test, vi } from 'vitest'
import { persist } from '../../src/persist.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { trapUnhandled } from '../support/unhandled.ts'
import { createRecordedStore, createSlowStore } from './stores.ts'

trapUnhandled()
afterEach(() => vi.unstubAllGlobals())

const feedAt = (position: number) => ({ url: 'https://api.test/api/stream', lastEventId: String(position) })
const textAt = (position: number): string => JSON.stringify(feedAt(position))

test('[F42] a saved cursor is loaded after a page reload', () => {
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

test('keys do not collide with keys that the page uses', () => {
  const storage = createRecordedStore({ prices: 'the page own' })
  const persistence = persist({ key: 'prices', storage })
  persistence.save(feedAt(1))
  persistence.clear()
  expect([...storage.items]).toEqual([['prices', 'the page own']])
})

test('an empty or missing key throws a TypeError', () => {
  expect(() => persist({ key: '' })).toThrow(TypeError)
  expect(() => persist({} as { key: string })).toThrow(TypeError)
})

test('the default store is sessionStorage, looked up on each use', () => {
  const persistence = persist({ key: 'a' })
  const storage = createRecordedStore()
  vi.stubGlobal('sessionStorage', storage)
  persistence.save(feedAt(1))
  expect(storage.items.get('rivulet:a')).toBe(textAt(1))
  expect(persistence.load()).toEqual(feedAt(1))
})

test('without sessionStorage, nothing is stored and nothing throws', () => {
  vi.stubGlobal('sessionStorage', undefined)
  const persistence = persist({ key: 'a' })
  persistence.save(feedAt(1))
  expect(persistence.load()).toBeUndefined()
  expect(persistence.clear()).toBeUndefined()
})

test('nothing is stored and nothing throws if access to sessionStorage is denied', () => {
  let accessCount = 0
  const descriptor = {
    configurable: true,
    get() {
      accessCount++
      throw new DOMException('The operation is insecure.', 'SecurityError')
    },
  }
  const before = Object.getOwnPropertyDescriptor(globalThis, 'sessionStorage')
  Object.defineProperty(globalThis, 'sessionStorage', descriptor)
  try {
    const persistence = persist({ key: 'a', clock: createManualClock() })
    expect(accessCount).toBe(0)
    persistence.save(feedAt(1))
    expect(persistence.load()).toBeUndefined()
    persistence.clear()
    expect(accessCount).toBe(3)
  } finally {
    if (before) Object.defineProperty(globalThis, 'sessionStorage', before)
    else Reflect.deleteProperty(globalThis, 'sessionStorage')
  }
})

test('after a write to a full store fails, the next cursor is written', async () => {
  const clock = createManualClock()
  const storage = createRecordedStore()
  const full = vi.spyOn(storage, 'setItem').mockImplementationOnce(() => {
    throw new DOMException('The quota has been exceeded.', 'QuotaExceededError')
  })
  const persistence = persist({ key: 'a', storage, clock })
  persistence.save(feedAt(1))
  expect(persistence.load()).toBeUndefined()
  await clock.advance(1_000)
  expect(full).toHaveBeenCalledTimes(1)
  persistence.save(feedAt(2))
  expect(persistence.load()).toEqual(feedAt(2))
})

test('an invalid stored cursor is treated as missing', () => {
  for (const stored of ['{', '7', '{"url":"javascript:alert(1)"}', '{"url":"/x","lastEventId":7}']) {
    expect(persist({ key: 'a', storage: createRecordedStore({ 'rivulet:a': stored }) }).load()).toBeUndefined()
  }
})

test('a store that returns something other than text is treated as empty', async () => {
  const storage = { ...createRecordedStore(), getItem: () => ({ url: '/x' }) as unknown as string }
  expect(await persist({ key: 'a', storage, clock: createManualClock() }).load()).toBeUndefined()
})

test('the first cursor is written at once, and after that the newest cursor at most four times a second', async () => {
  const clock = createManualClock()
  const storage = createRecordedStore()
  const persistence = persist({ key: 'a', storage, clock })
  for (let position = 0; position < 1_000; position++) {
    persistence.save(feedAt(position))
    await clock.advance(1)
  }
  await clock.advance(10_000)
  expect(storage.calls).toEqual([0, 249, 499, 749, 999].map((position) => `set rivulet:a ${textAt(position)}`))
  expect(clock.pendingDelays).toEqual([])
})

test('save() performs a due write even if the timer is delayed, as timers are in a background page', async () => {
  let now = 0
  const storage = createRecordedStore()
  // This clock's timers never fire.
  const persistence = persist({ key: 'a', storage, clock: { now: () => now, after: () => () => {} } })
  for (; now < 1_000; now += 10) persistence.save(feedAt(now))
  expect(storage.calls).toHaveLength(4)
  expect(storage.items.get('rivulet:a')).toBe(textAt(750))
})

test('clear() also discards the pending write', async () => {
  const clock = createManualClock()
  const storage = createRecordedStore()
  const persistence = persist({ key: 'a', storage, clock })
  persistence.save(feedAt(1))
  persistence.save(feedAt(2))
  persistence.clear()
  expect(storage.items.size).toBe(0)
  await clock.advance(1_000)
  expect(storage.items.size).toBe(0)
  expect(clock.pendingDelays).toEqual([])
})

test('a cursor can be saved after clear()', async () => {
  const clock = createManualClock()
  const storage = createRecordedStore()
  const persistence = persist({ key: 'a', storage, clock })
  persistence.save(feedAt(1))
  persistence.clear()
  persistence.save(feedAt(2))
  expect(persistence.load()).toEqual(feedAt(2))
  await clock.advance(250)
  expect(storage.items.get('rivulet:a')).toBe(textAt(2))
})

test('a pending cursor of one stream is loaded by the next stream on the page', () => {
  const clock = createManualClock()
  const storage = createRecordedStore()
  const first = persist({ key: 'a', storage, clock })
  first.save(feedAt(1))
  first.save(feedAt(2))
  expect(storage.items.get('rivulet:a')).toBe(textAt(1))
  expect(persist({ key: 'a', storage, clock }).load()).toEqual(feedAt(2))
})

test('a cursor that was saved for another request is not loaded: load() throws expired and names the key', async () => {
  const storage = createRecordedStore()
  persist({ key: 'answer', storage }).save({ url: '/r1' }, 'POST /generate {"prompt":"first"}')
  expect(storage.items.get('rivulet:answer')).not.toContain('first')
  const asynchronous = { ...storage, getItem: async (key: string) => storage.items.get(key) }
  for (const store of [storage, asynchronous]) {
    const later = persist({ key: 'answer', storage: store })
    expect(await later.load('POST /generate {"prompt":"first"}')).toEqual({ url: '/r1' })
    expect(await later.load()).toEqual({ url: '/r1' })
    await expect((async () => later.load('POST /generate {"prompt":"second"}'))()).rejects.toMatchObject({
      code: 'expired',
      message: 'The stored run belongs to another request; each answer needs its own key: answer',
    })
  }
})

test('a request is compared with that of a write that has not finished', () => {
  const later = persist({ key: 'answer', storage: createSlowStore() })
  later.save({ url: '/r1' }, 'first')
  expect(later.load('first')).toEqual({ url: '/r1' })
  expect(() => later.load('second')).toThrow('belongs to another request')
})

test('a cursor that was stored without a request belongs to every request', () => {
  const storage = createRecordedStore({ 'rivulet:answer': '{"url":"/r1"}' })
  expect(persist({ key: 'answer', storage }).load('any')).toEqual({ url: '/r1' })
})
