/** The event log: positions, limit and watchers. */
import { expect, test } from 'vitest'
import { createEventLog } from '../../../mock-server/base/event-log.ts'
import { fc } from '../../support/fast-check.ts'

test('positions count from 1 and never change', () => {
  const log = createEventLog<string>(2)
  expect([log.first, log.head]).toEqual([1, 0])
  expect(['a', 'b', 'c'].map((item) => log.append(item))).toEqual([1, 2, 3])
  expect([log.first, log.head]).toEqual([2, 3])
  expect([1, 2, 3, 4].map((position) => log.at(position))).toEqual([undefined, 'b', 'c', undefined])
})

test('the log keeps the last `limit` items, for any limit', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.array(fc.nat(), { maxLength: 60 }), (limit, items) => {
      const log = createEventLog<number>(limit)
      for (const item of items) log.append(item)
      const kept = Array.from({ length: log.head - log.first + 1 }, (_, index) => log.at(log.first + index))
      expect(kept).toEqual(items.slice(-limit))
      expect(log.head).toBe(items.length)
    }),
  )
})

test('watchers are called on every append and on close, until they stop watching', () => {
  const log = createEventLog<string>()
  let received = 0
  const onUpdate = (): void => void received++
  const unwatch = log.watch(onUpdate)
  const unwatchSecond = log.watch(onUpdate)
  log.append('a')
  expect(received).toBe(2)
  unwatch()
  unwatch()
  log.close()
  expect(received).toBe(3)
  expect(log.state).toBe('closed')
  unwatchSecond()
  log.append('b')
  expect(received).toBe(3)
})

test('a watcher may stop watching while it is being called', () => {
  const log = createEventLog<string>()
  const received: string[] = []
  const first = log.watch(() => {
    received.push('first')
    first()
  })
  log.watch(() => received.push('second'))
  log.append('a')
  log.append('b')
  expect(received).toEqual(['first', 'second', 'second'])
})
