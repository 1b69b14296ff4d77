/** `checkStream` reports every broken guarantee, and accepts the errors that a schedule justifies. */
import { expect, test } from 'vitest'
import { StreamError, type StreamErrorCode } from '../../src/base/errors.ts'
import { checkStream } from './checks.ts'
import type { StreamItem } from './client.ts'
import { createAnswer } from './payloads.ts'
import type { StreamRecord } from './record.ts'
import {
  type ExpectedOutcome,
  type StreamKind,
  MAX_ATTEMPTS_WITHOUT_PROGRESS,
  type Schedule,
  drawSchedule,
  ITEM_COUNTS,
} from './schedule.ts'

const createSchedule = (kind: StreamKind, expectedOutcome: ExpectedOutcome = 'complete'): Schedule => ({
  ...drawSchedule(1, kind),
  expectedOutcome,
})
const { deltas } = createAnswer(1)
const allItems = (kind: StreamKind): StreamItem[] =>
  Array.from({ length: ITEM_COUNTS[kind] }, (_, position) => ({
    position,
    ...(kind === 'run' && { content: deltas[position]! }),
  }))

function createRecord(kind: StreamKind, more: Partial<StreamRecord> = {}): StreamRecord {
  return {
    items: allItems(kind),
    ending: { end: 'complete' },
    errors: [],
    faults: new Map(),
    posts: 1,
    requests: 1,
    runs: 1,
    ...more,
  }
}

function createFailedRecord(
  code: StreamErrorCode,
  faultCounts: Record<string, number>,
  attempts: Partial<{ attemptsWithoutProgress: number; attempts: number; refusedRequests: number }> = {},
) {
  const error = new StreamError(code, 'x', { status: 403 })
  const faults = new Map(Object.entries(faultCounts))
  const interruption = {
    error,
    faults,
    attemptsWithoutProgress: 1,
    attempts: 1,
    refusedRequests: 0,
    slowAttempts: 0,
    ...attempts,
  }
  return createRecord('run', {
    items: allItems('run').slice(0, 9),
    ending: { end: 'error', error },
    errors: [interruption],
    faults,
  })
}

test.each(['run', 'feed'] as const)(
  'a %s delivered completely and in order counts as complete and has no violations',
  (kind) => {
    expect(checkStream(createSchedule(kind), createRecord(kind))).toMatchObject({
      outcome: 'complete',
      delivered: ITEM_COUNTS[kind],
      violations: [],
    })
  },
)

const VIOLATIONS: [name: string, items: (all: StreamItem[]) => StreamRecord['items'], violation: RegExp][] = [
  ['an event lost in the middle', (all) => all.filter(({ position }) => position !== 7), /^1 lost$/],
  ['a repeated event', (all) => [...all.slice(0, 9), all[8]!, ...all.slice(9)], /^1 repeated$/],
  ['an event out of order', (all) => [...all.slice(0, 8), all[9]!, all[8]!, ...all.slice(10)], /^1 out of order$/],
  ['a missing last event', (all) => all.slice(0, -1), /^false success$/],
  ['success without any event', () => [], /^false success$/],
  [
    'an event reported lost that the server still has',
    (all) => [...all.slice(0, 8), 'gap', ...all.slice(9)],
    /^1 reported lost/,
  ],
]
test.each(VIOLATIONS)('%s is a violation', (_, items, violation) => {
  for (const kind of ['run', 'feed'] as const) {
    expect(
      checkStream(createSchedule(kind), createRecord(kind, { items: items(allItems(kind)) })).violations,
    ).toContainEqual(expect.stringMatching(violation))
  }
})

test('wrong content, a second run and a hung stream are violations', () => {
  const violationsOf = (more: Partial<StreamRecord>): readonly string[] =>
    checkStream(createSchedule('run'), createRecord('run', more)).violations
  expect(violationsOf({ items: [{ position: 0, content: 'wrong' }, ...allItems('run').slice(1)] })).toEqual([
    '1 with wrong content',
  ])
  expect(violationsOf({ runs: 2 })).toEqual(['2 runs were started'])
  expect(violationsOf({ ending: { end: 'hung' } })).toEqual(['hung'])
  expect(violationsOf({ ending: { end: 'stopped' }, items: [] })).toEqual(['false success'])
})

test('events that a feed reports as lost after the server lost its log are not a violation', () => {
  const all = allItems('feed')
  const faults = new Map([['restart, log lost', 1]])
  const items = [...all.slice(0, 100), 'gap' as const, ...all.slice(150)]
  expect(checkStream(createSchedule('feed', 'log-lost'), createRecord('feed', { items, faults }))).toMatchObject({
    outcome: 'complete',
    reportedLost: 50,
    violations: [],
  })
})

const JUSTIFIED_ERRORS: [StreamErrorCode, ExpectedOutcome, StreamRecord][] = [
  ['http', 'refused', createFailedRecord('http', { 'server: 403': 1 })],
  ['content-type', 'wrong-content-type', createFailedRecord('content-type', { 'server: content-type': 1 })],
  ['server', 'server-error', createFailedRecord('server', { 'server: error-after': 1 })],
  ['invalid-data', 'invalid-data', createFailedRecord('invalid-data', { 'server: invalid-data': 1 })],
  ['expired', 'log-lost', createFailedRecord('expired', { 'restart, log lost': 1 })],
  [
    'retries-exhausted',
    'outage',
    createFailedRecord(
      'retries-exhausted',
      { 'reset at once': MAX_ATTEMPTS_WITHOUT_PROGRESS + 1 },
      { attemptsWithoutProgress: MAX_ATTEMPTS_WITHOUT_PROGRESS, attempts: MAX_ATTEMPTS_WITHOUT_PROGRESS + 1 },
    ),
  ],
]
test.each(JUSTIFIED_ERRORS)('a %s error is justified if the schedule expects %s', (code, expectedOutcome, record) => {
  expect(checkStream(createSchedule('run', expectedOutcome), record)).toMatchObject({
    outcome: 'failed',
    code,
    violations: [],
  })
})

test.each(JUSTIFIED_ERRORS)(
  'a %s error is not justified without a fault that causes it',
  (code, _, { errors, ...record }) => {
    const harmless = { ...errors[0]!, faults: new Map([['delay', 9]]) }
    const { violations } = checkStream(createSchedule('run'), {
      ...record,
      errors: [harmless],
      faults: harmless.faults,
    })
    expect(violations).toEqual([expect.stringContaining(`${code} is not justified`)])
  },
)

test('giving up is not justified before the retry limit, nor if more attempts failed than faults occurred', () => {
  const faults = { 'reset at once': MAX_ATTEMPTS_WITHOUT_PROGRESS + 1 }
  for (const attempts of [
    { attemptsWithoutProgress: MAX_ATTEMPTS_WITHOUT_PROGRESS - 1, attempts: MAX_ATTEMPTS_WITHOUT_PROGRESS + 1 },
    { attemptsWithoutProgress: MAX_ATTEMPTS_WITHOUT_PROGRESS, attempts: MAX_ATTEMPTS_WITHOUT_PROGRESS + 2 },
  ]) {
    expect(
      checkStream(createSchedule('run', 'outage'), createFailedRecord('retries-exhausted', faults, attempts))
        .violations,
    ).toHaveLength(1)
  }
})

test('an error that is not a StreamError is never justified', () => {
  const { errors, ...record } = createFailedRecord('http', { 'server: 403': 1 })
  const error = new TypeError('x')
  expect(
    checkStream(createSchedule('run', 'refused'), { ...record, errors: [{ ...errors[0]!, error }] }).violations,
  ).toHaveLength(1)
})
