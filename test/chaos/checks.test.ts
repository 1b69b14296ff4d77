/** The judge of the chaos can tell: what breaks the promise is a breach, and what a schedule justifies is none. */
import { expect, test } from 'vitest'
import { StreamError, type StreamErrorCode } from '../../src/base/errors.ts'
import { makeAnswer } from './payloads.ts'
import type { Item } from './client.ts'
import type { StreamRecord } from './record.ts'
import { type Fate, type Kind, LIMIT, type Schedule, drawSchedule, sizes } from './schedule.ts'
import { judge } from './checks.ts'

const scheduled = (kind: Kind, fate: Fate = 'whole'): Schedule => ({ ...drawSchedule(1, kind), fate })
const { deltas } = makeAnswer(1)
const allOf = (kind: Kind): Item[] =>
  Array.from({ length: sizes[kind] }, (_, position) => ({
    position,
    ...(kind === 'run' && { content: deltas[position]! }),
  }))

function recorded(kind: Kind, more: Partial<StreamRecord> = {}): StreamRecord {
  return {
    items: allOf(kind),
    ending: { end: 'whole' },
    errors: [],
    faults: new Map(),
    posts: 1,
    requests: 1,
    runs: 1,
    ...more,
  }
}

function failed(
  code: StreamErrorCode,
  happened: Record<string, number>,
  attempts: Partial<{ barren: number; attempts: number; refusals: number }> = {},
) {
  const error = new StreamError(code, 'x', { status: 403 })
  const faults = new Map(Object.entries(happened))
  const one = { error, faults, barren: 1, attempts: 1, refusals: 0, slow: 0, ...attempts }
  return recorded('run', { items: allOf('run').slice(0, 9), ending: { end: 'error', error }, errors: [one], faults })
}

test.each(['run', 'feed'] as const)('a %s that came whole and in order is one', (kind) => {
  expect(judge(scheduled(kind), recorded(kind))).toMatchObject({
    outcome: 'whole',
    delivered: sizes[kind],
    breaches: [],
  })
})

const breaking: [what: string, items: (all: Item[]) => StreamRecord['items'], breach: RegExp][] = [
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
test.each(breaking)('an event %s is a breach', (_, items, breach) => {
  for (const kind of ['run', 'feed'] as const) {
    expect(judge(scheduled(kind), recorded(kind, { items: items(allOf(kind)) })).breaches).toContainEqual(
      expect.stringMatching(breach),
    )
  }
})

test('so are another content, a second generation, and a stream that hangs', () => {
  const breaches = (more: Partial<StreamRecord>): readonly string[] =>
    judge(scheduled('run'), recorded('run', more)).breaches
  expect(breaches({ items: [{ position: 0, content: 'nobody’s' }, ...allOf('run').slice(1)] })).toEqual([
    '1 with another content',
  ])
  expect(breaches({ runs: 2 })).toEqual(['2 runs were started'])
  expect(breaches({ ending: { end: 'hung' } })).toEqual(['hung'])
  expect(breaches({ ending: { end: 'left' }, items: [] })).toEqual(['false success'])
})

test('what a feed was told to have missed, because the server has forgotten it, is none', () => {
  const all = allOf('feed')
  const faults = new Map([['restart, all forgotten', 1]])
  const items = [...all.slice(0, 100), 'gap' as const, ...all.slice(150)]
  expect(judge(scheduled('feed', 'forgotten'), recorded('feed', { items, faults }))).toMatchObject({
    outcome: 'whole',
    toldLost: 50,
    breaches: [],
  })
})

const justified: [StreamErrorCode, Fate, StreamRecord][] = [
  ['http', 'refused', failed('http', { 'server: 403': 1 })],
  ['content-type', 'other-type', failed('content-type', { 'server: content-type': 1 })],
  ['server', 'failed', failed('server', { 'server: error-after': 1 })],
  ['invalid-data', 'invalid', failed('invalid-data', { 'server: invalid-data': 1 })],
  ['expired', 'forgotten', failed('expired', { 'restart, all forgotten': 1 })],
  [
    'retries-exhausted',
    'outage',
    failed('retries-exhausted', { 'reset at once': LIMIT + 1 }, { barren: LIMIT, attempts: LIMIT + 1 }),
  ],
]
test.each(justified)('%s is justified where it is %s', (code, fate, record) => {
  expect(judge(scheduled('run', fate), record)).toMatchObject({ outcome: 'ended', code, breaches: [] })
})

test.each(justified)('%s is not justified where nothing of the kind has happened', (code, _, { errors, ...record }) => {
  const harmless = { ...errors[0]!, faults: new Map([['delay', 9]]) }
  const { breaches } = judge(scheduled('run'), { ...record, errors: [harmless], faults: harmless.faults })
  expect(breaches).toEqual([expect.stringContaining(`${code} is not justified`)])
})

test('giving up is not justified before its time, nor where more attempts failed than were broken', () => {
  const faults = { 'reset at once': LIMIT + 1 }
  for (const attempts of [
    { barren: LIMIT - 1, attempts: LIMIT + 1 },
    { barren: LIMIT, attempts: LIMIT + 2 },
  ]) {
    expect(judge(scheduled('run', 'outage'), failed('retries-exhausted', faults, attempts)).breaches).toHaveLength(1)
  }
})

test('an error that is no StreamError is never justified', () => {
  const { errors, ...record } = failed('http', { 'server: 403': 1 })
  const error = new TypeError('x')
  expect(judge(scheduled('run', 'refused'), { ...record, errors: [{ ...errors[0]!, error }] }).breaches).toHaveLength(1)
})
