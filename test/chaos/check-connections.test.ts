/** `checkConnections` distinguishes what a server without replay never sent from what the client lost or did not report. */
import { expect, test } from 'vitest'
import { checkConnections } from './check-connections.ts'
import { checkStream } from './checks.ts'
import type { ServerConnection, StreamItem } from './client.ts'
import type { StreamRecord } from './record.ts'
import { ITEM_COUNTS } from './schedule.ts'
import { drawThirdPartySchedule } from './third-party-schedule.ts'

/** Returns the items at the positions from `from` to `to`, sent on a connection that began at `from` or earlier. */
function itemsOn(number: number, from: number, to: number, first = from): StreamItem[] {
  const connection: ServerConnection = { number, first }
  return Array.from({ length: to - from + 1 }, (_, index) => ({ position: from + index, connection }))
}

function createRecord(items: StreamRecord['items'], tailConnection: ServerConnection): StreamRecord {
  return {
    items,
    tailConnection,
    ending: { end: 'complete' },
    errors: [],
    faults: new Map(),
    posts: 0,
    requests: 1,
    runs: 0,
  }
}

const tail = (number: number, first: number): ServerConnection => ({ number, first })

const CASES: [name: string, record: StreamRecord, result: ReturnType<typeof checkConnections>][] = [
  [
    'what the server sent before the first connection is skipped',
    createRecord(itemsOn(1, 3, 9), tail(1, 3)),
    { skipped: 3, lost: 0, unreported: 0 },
  ],
  [
    'what the server sent between two connections is skipped, if a reset is reported between them',
    createRecord([...itemsOn(1, 0, 2), 'gap', ...itemsOn(2, 5, 9)], tail(2, 5)),
    { skipped: 2, lost: 0, unreported: 0 },
  ],
  [
    'a new connection without a reset is unreported, even if the server skipped nothing',
    createRecord([...itemsOn(1, 0, 2), ...itemsOn(2, 3, 9)], tail(2, 3)),
    { skipped: 0, lost: 0, unreported: 1 },
  ],
  [
    'a reset counts for one connection only',
    createRecord([...itemsOn(1, 0, 2), 'gap', ...itemsOn(2, 3, 5), ...itemsOn(3, 6, 9)], tail(3, 6)),
    { skipped: 0, lost: 0, unreported: 1 },
  ],
  [
    'an early reset counts for the connection that follows, because a queue delays the events',
    createRecord(['gap', ...itemsOn(1, 0, 5), ...itemsOn(2, 6, 9)], tail(2, 6)),
    { skipped: 0, lost: 0, unreported: 0 },
  ],
  [
    'an event missing in the middle of a connection is lost',
    createRecord([...itemsOn(1, 0, 2), ...itemsOn(1, 4, 9, 0)], tail(1, 0)),
    { skipped: 0, lost: 1, unreported: 0 },
  ],
  [
    'an event missing at the beginning of a connection is lost',
    createRecord([...itemsOn(1, 0, 2), 'gap', ...itemsOn(2, 6, 9, 4)], tail(2, 4)),
    { skipped: 1, lost: 2, unreported: 0 },
  ],
  [
    'an event missing before the `tail` event of the same connection is lost',
    createRecord(itemsOn(1, 0, 7), tail(1, 0)),
    { skipped: 0, lost: 2, unreported: 0 },
  ],
  [
    'what the server sent before the connection of the `tail` event is skipped',
    createRecord([...itemsOn(1, 0, 7), 'gap'], tail(2, 10)),
    { skipped: 2, lost: 0, unreported: 0 },
  ],
]
test.each(CASES)('%s', (_, record, result) => {
  expect(checkConnections(record, 10)).toEqual(result)
})

test('after more events than the window of the client holds, the next connection need not be reported', () => {
  const items = [...itemsOn(1, 0, 1_499), ...itemsOn(2, 1_500, 1_999)]
  expect(checkConnections(createRecord(items, tail(2, 1_500)), 2_000)).toEqual({ skipped: 0, lost: 0, unreported: 0 })
})

const schedule = drawThirdPartySchedule(1, 'per-connection')
const last = ITEM_COUNTS.feed - 1

test('a feed counts as complete if only the server skipped events', () => {
  const items = [...itemsOn(1, 0, 99), 'gap' as const, ...itemsOn(2, 150, last)]
  expect(checkStream(schedule, createRecord(items, tail(2, 150)))).toMatchObject({
    outcome: 'complete',
    skipped: 50,
    violations: [],
  })
})

test('lost, repeated and unreported events of a server without replay are violations', () => {
  const items = [...itemsOn(1, 0, 99), ...itemsOn(1, 99, 99, 0), ...itemsOn(2, 151, last, 150)]
  expect(checkStream(schedule, createRecord(items, tail(2, 150))).violations).toEqual([
    '1 lost',
    '1 connections not reported',
    '1 repeated',
    'false success',
  ])
})
