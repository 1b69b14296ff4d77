/** The judge of the chaos can tell: what breaks the promise is a breach, and what a schedule justifies is none. */
import { expect, test } from 'vitest'
import { StreamError, type StreamErrorCode } from '../../src/base/errors.ts'
import { createAnswer } from './payloads.ts'
import type { StreamItem } from './client.ts'
import type { StreamRecord } from './record.ts'
import {
  type ExpectedOutcome,
  type StreamKind,
  MAX_ATTEMPTS_WITHOUT_PROGRESS,
  type Schedule,
  drawSchedule,
  ITEM_COUNTS,
} from './schedule.ts'
import { checkStream } from './checks.ts'

const createSchedule = (kind: StreamKind, fate: ExpectedOutcome = 'complete'): Schedule => ({
  ...drawSchedule(1, kind),
  expectedOutcome: fate,
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
  const one = {
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
    errors: [one],
    faults,
  })
}

test.each(['run', 'feed'] as const)('a %s that came whole and in order is one', (kind) => {
  expect(checkStream(createSchedule(kind), createRecord(kind))).toMatchObject({
    outcome: 'complete',
    delivered: ITEM_COUNTS[kind],
    violations: [],
  })
})

const VIOLATIONS: [what: string, items: (all: StreamItem[]) => StreamRecord['items'], breach: RegExp][] = [
  ['lost in between', (all) => all.filter(({ position }) => position !== 7), /^1 lost$/],
  ['repeated', (all) => [...all.slice(0, 9), all[8]!, ...all.slice(9)], /^1 repeated$/],
  ['out of order', (all) => [...all.slice(0, 8), all[9]!, all[8]!, ...all.slice(10)], /^1 out of order$/],
  ['missing at the end', (all) => all.slice(0, -1), /^false success$/],
  ['missing altogether', () => [], /^false success$/],
  [
    'said to be lost, though the server has it',
    (all) => [...all.slice(0, 8), 'gap', ...all.slice(9)],
    /^1 said to be lost/,
  ],
]
test.each(VIOLATIONS)('an event %s is a breach', (_, items, violation) => {
  for (const kind of ['run', 'feed'] as const) {
    expect(
      checkStream(createSchedule(kind), createRecord(kind, { items: items(allItems(kind)) })).violations,
    ).toContainEqual(expect.stringMatching(violation))
  }
})

test('so are another content, a second generation, and a stream that hangs', () => {
  const breaches = (more: Partial<StreamRecord>): readonly string[] =>
    checkStream(createSchedule('run'), createRecord('run', more)).violations
  expect(breaches({ items: [{ position: 0, content: 'nobody’s' }, ...allItems('run').slice(1)] })).toEqual([
    '1 with another content',
  ])
  expect(breaches({ runs: 2 })).toEqual(['2 runs were started'])
  expect(breaches({ ending: { end: 'hung' } })).toEqual(['hung'])
  expect(breaches({ ending: { end: 'stopped' }, items: [] })).toEqual(['false success'])
})

test('what a feed was told to have missed, because the server has forgotten it, is none', () => {
  const all = allItems('feed')
  const faults = new Map([['restart, all forgotten', 1]])
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
  ['expired', 'log-lost', createFailedRecord('expired', { 'restart, all forgotten': 1 })],
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
test.each(JUSTIFIED_ERRORS)('%s is justified where it is %s', (code, fate, record) => {
  expect(checkStream(createSchedule('run', fate), record)).toMatchObject({ outcome: 'failed', code, violations: [] })
})

test.each(JUSTIFIED_ERRORS)(
  '%s is not justified where nothing of the kind has happened',
  (code, _, { errors, ...record }) => {
    const harmless = { ...errors[0]!, faults: new Map([['delay', 9]]) }
    const { violations: breaches } = checkStream(createSchedule('run'), {
      ...record,
      errors: [harmless],
      faults: harmless.faults,
    })
    expect(breaches).toEqual([expect.stringContaining(`${code} is not justified`)])
  },
)

test('giving up is not justified before its time, nor where more attempts failed than were broken', () => {
  const faults = { 'reset at once': MAX_ATTEMPTS_WITHOUT_PROGRESS + 1 }
  for (const attempts of [
    { barren: MAX_ATTEMPTS_WITHOUT_PROGRESS - 1, attempts: MAX_ATTEMPTS_WITHOUT_PROGRESS + 1 },
    { barren: MAX_ATTEMPTS_WITHOUT_PROGRESS, attempts: MAX_ATTEMPTS_WITHOUT_PROGRESS + 2 },
  ]) {
    expect(
      checkStream(createSchedule('run', 'outage'), createFailedRecord('retries-exhausted', faults, attempts))
        .violations,
    ).toHaveLength(1)
  }
})

test('an error that is no StreamError is never justified', () => {
  const { errors, ...record } = createFailedRecord('http', { 'server: 403': 1 })
  const error = new TypeError('x')
  expect(
    checkStream(createSchedule('run', 'refused'), { ...record, errors: [{ ...errors[0]!, error }] }).violations,
  ).toHaveLength(1)
})
