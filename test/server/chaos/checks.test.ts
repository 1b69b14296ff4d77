/** `checkClusterStream` reports what no kill justifies. */
import { expect, test } from 'vitest'
import { StreamError, type StreamErrorCode } from '../../../src/base/errors.ts'
import type { StreamItem } from '../../chaos/client.ts'
import { createAnswer } from '../../chaos/payloads.ts'
import type { StreamRecord } from '../../chaos/record.ts'
import { checkClusterStream } from './checks.ts'
import { drawStream, REDIS_KILLED } from './schedule.ts'

const DEAD = 1
const ALIVE = 2
const items: StreamItem[] = createAnswer(1).deltas.map((content, position) => ({ position, content }))

function check(generations: readonly number[], more: Partial<StreamRecord> = {}): readonly string[] {
  const record: StreamRecord = {
    items,
    ending: { end: 'complete' },
    errors: [],
    faults: new Map(),
    posts: 1,
    requests: 1,
    runs: 1,
    ...more,
  }
  return checkClusterStream(drawStream(1, 'run'), record, { generations, killedPids: new Set([DEAD]) }).violations
}

/** A record that ends after nine items with an error. */
function failedWith(code: StreamErrorCode, faults: StreamRecord['faults'] = new Map()): Partial<StreamRecord> {
  const error = new StreamError(code, 'x', { serverCode: 'producer-lost' })
  const attempts = { attemptsWithoutProgress: 1, attempts: 1, refusedRequests: 0, slowAttempts: 0 }
  return {
    items: items.slice(0, 9),
    ending: { end: 'error', error },
    errors: [{ error, faults, ...attempts }],
    faults,
  }
}

test('a complete run that was generated once is right', () => {
  expect(check([ALIVE])).toEqual([])
})

test('producer-lost is justified if the process of the run was killed, or Redis', () => {
  expect(check([DEAD], failedWith('server'))).toEqual([])
  expect(check([ALIVE], failedWith('server', new Map([[REDIS_KILLED, 1]])))).toEqual([])
  expect(check([ALIVE], failedWith('server'))).toEqual(['StreamError: x is not justified'])
})

test('no other error is justified', () => {
  expect(check([DEAD], failedWith('truncated'))).toEqual(['StreamError: x is not justified'])
})

test('only the answer of a process that was killed may be generated again', () => {
  expect(check([DEAD, ALIVE])).toEqual([])
  expect(check([ALIVE, DEAD])).toEqual(['the answer of a living process was generated again 1 times'])
  expect(check([])).toEqual(['no generation'])
})

test('a reset, a missing item and a truncated run that counts as complete are violations', () => {
  expect(check([ALIVE], { items: ['gap', ...items] })).toEqual(['a reset, although nothing was lost'])
  expect(check([ALIVE], { items: items.filter(({ position }) => position !== 7) })).toEqual(['1 lost', 'false success'])
  expect(check([ALIVE], { items: items.slice(0, 9) })).toEqual(['false success'])
})
