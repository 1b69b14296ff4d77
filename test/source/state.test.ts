/** Each cell of the state table: what every event does in every state. */
import { describe, expect, test } from 'vitest'
import { type Effect, type Status, type Trigger, initialState, transition } from '../../src/source/state.ts'

const statuses: Status[] = ['idle', 'connecting', 'refreshing', 'open', 'waiting', 'closed']
const triggers: Trigger[] = ['start', 'opened', 'progress', 'rejected', 'failed', 'due', 'ended', 'complete', 'close']

type Cell = { next: Status; attempt?: number; effects?: Effect[] }

/** What is not listed is a late event: it changes nothing. Every cell is entered at attempt 3. */
const cells: Record<Status, Partial<Record<Trigger, Cell>>> = {
  idle: {
    start: { next: 'connecting', effects: ['connect'] },
    close: { next: 'closed' },
  },
  connecting: {
    opened: { next: 'open' },
    rejected: { next: 'refreshing', effects: ['release', 'refresh'] },
    failed: { next: 'waiting', attempt: 4, effects: ['release', 'wait'] },
    ended: { next: 'closed', effects: ['release', 'settle'] },
    close: { next: 'closed', effects: ['release'] },
  },
  refreshing: {
    opened: { next: 'open' },
    rejected: { next: 'closed', effects: ['release', 'settle'] },
    failed: { next: 'waiting', attempt: 4, effects: ['release', 'wait'] },
    ended: { next: 'closed', effects: ['release', 'settle'] },
    close: { next: 'closed', effects: ['release'] },
  },
  open: {
    progress: { next: 'open', attempt: 1 },
    complete: { next: 'closed', effects: ['drain'] },
    failed: { next: 'waiting', attempt: 4, effects: ['release', 'wait'] },
    ended: { next: 'closed', effects: ['release', 'settle'] },
    close: { next: 'closed', effects: ['release'] },
  },
  waiting: {
    due: { next: 'connecting', effects: ['connect'] },
    close: { next: 'closed', effects: ['release'] },
  },
  closed: {},
}

describe.each(statuses)('%s', (status) => {
  test.each(triggers)('%s', (trigger) => {
    const before = { status, attempt: 3 }
    const cell = cells[status][trigger]
    const [after, effects] = transition(before, trigger)
    expect(after).toEqual(cell ? { status: cell.next, attempt: cell.attempt ?? 3 } : before)
    expect(effects).toEqual(cell?.effects ?? [])
  })
})

test('a stream begins idle, with its first attempt ahead', () => {
  expect(initialState).toEqual({ status: 'idle', attempt: 1 })
})

test('the state that is given is not changed', () => {
  const state = Object.freeze({ status: 'open', attempt: 5 } as const)
  for (const trigger of triggers) transition(state, trigger)
  expect(state).toEqual({ status: 'open', attempt: 5 })
})

test('[F36] nothing leads out of closed, and every state leads into it', () => {
  for (const trigger of triggers) expect(transition({ status: 'closed', attempt: 1 }, trigger)[0].status).toBe('closed')
  for (const status of statuses) expect(transition({ status, attempt: 1 }, 'close')[0].status).toBe('closed')
})

test('[F36] no close tells of its own end: only what ends by itself settles', () => {
  for (const status of statuses) expect(transition({ status, attempt: 1 }, 'close')[1]).not.toContain('settle')
})
