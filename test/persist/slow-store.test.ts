/** Tests of a persisted cursor in an asynchronous store that is slow, fails, or never responds. */
import { expect, test } from 'vitest'
import { persist } from '../../src/persist.ts'
import { flushMicrotasks } from '../support/flush-microtasks.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { trapUnhandled } from '../support/unhandled.ts'
import { createSlowStore } from './stores.ts'

trapUnhandled()

const feedAt = (position: number) => ({ url: '/api/stream', lastEventId: String(position) })
const set = (position: number): string => `set rivulet:a ${JSON.stringify(feedAt(position))}`

function createPersistedCursor(stored: Record<string, string> = {}) {
  const clock = createManualClock()
  const storage = createSlowStore(stored)
  const names = (): string[] => storage.pending.map(({ name }) => name)
  return { clock, storage, names, persistence: persist({ key: 'a', storage, clock }) }
}

test('load() waits for the store', async () => {
  const { clock, storage, persistence } = createPersistedCursor({ 'rivulet:a': JSON.stringify(feedAt(7)) })
  const loaded = persistence.load()
  await storage.pending[0]!.complete()
  expect(await loaded).toEqual(feedAt(7))
  expect(clock.pendingDelays).toEqual([])
})

test('load() treats a store that fails as empty', async () => {
  const { clock, storage, persistence } = createPersistedCursor({ 'rivulet:a': JSON.stringify(feedAt(7)) })
  const loaded = persistence.load()
  await storage.pending[0]!.fail(new Error('The database was deleted'))
  expect(await loaded).toBeUndefined()
  expect(clock.pendingDelays).toEqual([])
})

test('load() treats a store that does not respond within two seconds as empty, and ignores a later response', async () => {
  const { clock, storage, persistence } = createPersistedCursor({ 'rivulet:a': JSON.stringify(feedAt(7)) })
  let outcome: unknown = 'waiting'
  void Promise.resolve(persistence.load()).then((cursor) => (outcome = cursor))
  await clock.advance(1_999)
  expect(outcome).toBe('waiting')
  await clock.advance(1)
  expect(outcome).toBeUndefined()
  await storage.pending[0]!.complete()
  await flushMicrotasks()
  expect(outcome).toBeUndefined()
})

test('only one write is in flight at a time, and the newest cursor is written next, once the interval has passed', async () => {
  const { clock, storage, names, persistence } = createPersistedCursor()
  persistence.save(feedAt(1))
  expect(names()).toEqual([set(1)])
  persistence.save(feedAt(2))
  await clock.advance(10_000)
  persistence.save(feedAt(3))
  expect(names()).toEqual([set(1)])
  await storage.pending[0]!.complete()
  await flushMicrotasks()
  expect(names()).toEqual([set(3)])
  persistence.save(feedAt(4))
  await storage.pending[0]!.complete()
  await flushMicrotasks()
  expect(names()).toEqual([])
  await clock.advance(250)
  expect(names()).toEqual([set(4)])
  await storage.pending[0]!.complete()
  expect(storage.items.get('rivulet:a')).toBe(JSON.stringify(feedAt(4)))
  await flushMicrotasks()
  expect(clock.pendingDelays).toEqual([])
})

test('clear() removes the cursor once the write in flight has completed', async () => {
  const { clock, storage, names, persistence } = createPersistedCursor()
  persistence.save(feedAt(1))
  persistence.save(feedAt(2))
  persistence.clear()
  expect(names()).toEqual([set(1)])
  await storage.pending[0]!.complete()
  await flushMicrotasks()
  expect(names()).toEqual(['remove rivulet:a'])
  await storage.pending[0]!.complete()
  await clock.advance(10_000)
  expect(storage.items.size).toBe(0)
  expect(names()).toEqual([])
})

test('load() returns a cursor that the store has not confirmed yet', async () => {
  const { storage, persistence } = createPersistedCursor()
  persistence.save(feedAt(1))
  expect(persistence.load()).toEqual(feedAt(1))
  persistence.save(feedAt(2))
  expect(persistence.load()).toEqual(feedAt(2))
  persistence.clear()
  expect(persistence.load()).toBeUndefined()
  await storage.pending[0]!.complete()
  await flushMicrotasks()
  expect(persistence.load()).toBeUndefined()
})

test('a failed write is ignored, and the next cursor is written', async () => {
  const { clock, storage, names, persistence } = createPersistedCursor()
  persistence.save(feedAt(1))
  await storage.pending[0]!.fail(new DOMException('Full', 'QuotaExceededError'))
  await flushMicrotasks()
  persistence.save(feedAt(2))
  await clock.advance(250)
  expect(names()).toEqual([set(2)])
})

test('a write that never completes blocks all later writes', async () => {
  const { clock, names, persistence } = createPersistedCursor()
  persistence.save(feedAt(1))
  for (let position = 2; position < 100; position++) {
    persistence.save(feedAt(position))
    await clock.advance(1_000)
  }
  persistence.clear()
  await clock.advance(100_000)
  expect(names()).toEqual([set(1)])
})
