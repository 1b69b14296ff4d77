/** The state table, cell by cell: the effect of every trigger in every state. */
import { describe, expect, test } from 'vitest'
import { type StreamStatus, type Trigger, initialState, transition } from '../../src/source/state.ts'

const statuses: StreamStatus[] = ['idle', 'connecting', 'refreshing', 'open', 'waiting', 'closed']
const triggers: Trigger[] = [
  'start',
  'opened',
  'progress',
  'rejected',
  'failed',
  'offline',
  'retry',
  'reconnect',
  'ended',
  'finish',
  'close',
]

type Cell = { next: StreamStatus; attempt?: number }

/** Expected transitions from attempt 3. A trigger that is not listed changes nothing. */
const cells: Record<StreamStatus, Partial<Record<Trigger, Cell>>> = {
  idle: {
    start: { next: 'connecting' },
    close: { next: 'closed' },
  },
  connecting: {
    opened: { next: 'open' },
    rejected: { next: 'refreshing' },
    failed: { next: 'waiting', attempt: 4 },
    offline: { next: 'waiting' },
    ended: { next: 'closed' },
    close: { next: 'closed' },
  },
  refreshing: {
    opened: { next: 'open' },
    rejected: { next: 'closed' },
    failed: { next: 'waiting', attempt: 4 },
    offline: { next: 'waiting' },
    ended: { next: 'closed' },
    close: { next: 'closed' },
  },
  open: {
    progress: { next: 'open', attempt: 1 },
    reconnect: { next: 'connecting' },
    rejected: { next: 'refreshing' },
    finish: { next: 'closed' },
    failed: { next: 'waiting', attempt: 4 },
    offline: { next: 'waiting' },
    ended: { next: 'closed' },
    close: { next: 'closed' },
  },
  waiting: {
    retry: { next: 'connecting' },
    close: { next: 'closed' },
  },
  closed: {},
}

describe.each(statuses)('%s', (status) => {
  test.each(triggers)(`${status} handles the trigger %s`, (trigger) => {
    const before = { status, attempt: 3 }
    const cell = cells[status][trigger]
    const after = transition(before, trigger)
    expect(after).toEqual(cell ? { status: cell.next, attempt: cell.attempt ?? 3 } : before)
  })
})

test('the initial state is idle at attempt 1', () => {
  expect(initialState).toEqual({ status: 'idle', attempt: 1 })
})

test('transition() does not modify its argument', () => {
  const state = Object.freeze({ status: 'open', attempt: 5 } as const)
  for (const trigger of triggers) transition(state, trigger)
  expect(state).toEqual({ status: 'open', attempt: 5 })
})

test('[F36] closed is final and can be reached from every state', () => {
  for (const trigger of triggers) expect(transition({ status: 'closed', attempt: 1 }, trigger).status).toBe('closed')
  for (const status of statuses) expect(transition({ status, attempt: 1 }, 'close').status).toBe('closed')
})
