/** One stream's cursor in a store that takes its time, fails, or never answers. */
import { expect, test } from 'vitest'
import { persist } from '../../src/persist.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { settled } from '../support/flush-microtasks.ts'
import { trapUnhandled } from '../support/unhandled.ts'
import { createSlowStore } from './stores.ts'

trapUnhandled()

const feedAt = (position: number) => ({ url: '/api/stream', lastEventId: String(position) })
const set = (position: number): string => `set rivulet:a ${JSON.stringify(feedAt(position))}`

function createKept(stored: Record<string, string> = {}) {
  const clock = createManualClock()
  const storage = createSlowStore(stored)
  const names = (): string[] => storage.underWay.map(({ name }) => name)
  return { clock, storage, names, kept: persist({ key: 'a', storage, clock }) }
}

test('load() waits for the store', async () => {
  const { clock, storage, kept } = createKept({ 'rivulet:a': JSON.stringify(feedAt(7)) })
  const loaded = kept.load()
  await storage.underWay[0]!.settle()
  expect(await loaded).toEqual(feedAt(7))
  expect(clock.due).toEqual([])
})

test('load() takes a store that fails for an empty one', async () => {
  const { clock, storage, kept } = createKept({ 'rivulet:a': JSON.stringify(feedAt(7)) })
  const loaded = kept.load()
  await storage.underWay[0]!.fail(new Error('The database is gone'))
  expect(await loaded).toBeUndefined()
  expect(clock.due).toEqual([])
})

test('load() takes a store that says nothing for two seconds for an empty one, and what it says later for nothing', async () => {
  const { clock, storage, kept } = createKept({ 'rivulet:a': JSON.stringify(feedAt(7)) })
  let outcome: unknown = 'waiting'
  void Promise.resolve(kept.load()).then((cursor) => (outcome = cursor))
  await clock.advance(1_999)
  expect(outcome).toBe('waiting')
  await clock.advance(1)
  expect(outcome).toBeUndefined()
  await storage.underWay[0]!.settle()
  await settled()
  expect(outcome).toBeUndefined()
})

test('one write is under way, and the newest cursor is next, an interval later', async () => {
  const { clock, storage, names, kept } = createKept()
  kept.save(feedAt(1))
  expect(names()).toEqual([set(1)])
  kept.save(feedAt(2))
  await clock.advance(10_000)
  kept.save(feedAt(3))
  expect(names()).toEqual([set(1)])
  await storage.underWay[0]!.settle()
  await settled()
  expect(names()).toEqual([set(3)])
  kept.save(feedAt(4))
  await storage.underWay[0]!.settle()
  await settled()
  expect(names()).toEqual([])
  await clock.advance(250)
  expect(names()).toEqual([set(4)])
  await storage.underWay[0]!.settle()
  expect(storage.items.get('rivulet:a')).toBe(JSON.stringify(feedAt(4)))
  await settled()
  expect(clock.due).toEqual([])
})

test('clear() comes after the write that is under way, and is the last word', async () => {
  const { clock, storage, names, kept } = createKept()
  kept.save(feedAt(1))
  kept.save(feedAt(2))
  kept.clear()
  expect(names()).toEqual([set(1)])
  await storage.underWay[0]!.settle()
  await settled()
  expect(names()).toEqual(['remove rivulet:a'])
  await storage.underWay[0]!.settle()
  await clock.advance(10_000)
  expect(storage.items.size).toBe(0)
  expect(names()).toEqual([])
})

test('load() knows what the store has not confirmed yet', async () => {
  const { storage, kept } = createKept()
  kept.save(feedAt(1))
  expect(kept.load()).toEqual(feedAt(1))
  kept.save(feedAt(2))
  expect(kept.load()).toEqual(feedAt(2))
  kept.clear()
  expect(kept.load()).toBeUndefined()
  await storage.underWay[0]!.settle()
  await settled()
  expect(kept.load()).toBeUndefined()
})

test('a write that fails is told to nobody, and the next one is tried', async () => {
  const { clock, storage, names, kept } = createKept()
  kept.save(feedAt(1))
  await storage.underWay[0]!.fail(new DOMException('Full', 'QuotaExceededError'))
  await settled()
  kept.save(feedAt(2))
  await clock.advance(250)
  expect(names()).toEqual([set(2)])
})

test('a write that never ends is never overtaken', async () => {
  const { clock, names, kept } = createKept()
  kept.save(feedAt(1))
  for (let position = 2; position < 100; position++) {
    kept.save(feedAt(position))
    await clock.advance(1_000)
  }
  kept.clear()
  await clock.advance(100_000)
  expect(names()).toEqual([set(1)])
})
