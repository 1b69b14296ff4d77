/** The steps that a rule produces from the frames of a connection. */
import { describe, expect, test } from 'vitest'
import type { Rule } from '../../../mock-server/scenario/rule.ts'
import type { Step } from '../../../mock-server/stream/faults.ts'
import { createFaults } from '../../../mock-server/stream/faults.ts'
import type { Frame } from '../../../mock-server/stream/frame.ts'
import { fc } from '../../support/fast-check.ts'

const event = (number: number, data = `${number}`): Frame => ({ data, id: `i${number}`, index: number })
const COMMENT: Frame = { comment: 'c' }
const OPEN: Frame = { comment: 'open' }

/** Returns a text form of the steps that a connection with this rule takes for these frames. */
function run(rule: Rule, frames: readonly Frame[]): string[] {
  const faults = createFaults(rule)
  const steps: Step[] = [...faults.begin(OPEN), ...frames.flatMap((frame) => faults.next(frame)), ...faults.flush()]
  return steps
    .map((step) => {
      if (step.step === 'send') return step.text
      return step.step === 'cut' ? `<${step.cut}:${new TextDecoder().decode(step.bytes)}>` : `<${step.step}>`
    })
    .map((text) => text.replaceAll('\n', '|'))
}
const blockOf = (number: number): string => `id: i${number}|data: ${number}||`
const three = [event(1), event(2), event(3)]

describe('without a fault', () => {
  test('every frame is sent unchanged', () => {
    expect(run({}, [event(1), COMMENT, event(2)])).toEqual([': open||', blockOf(1), ': c||', blockOf(2)])
  })
})

describe('faults after n events', () => {
  test.each([
    ['reset-after:0 at a boundary', { 'reset-after': 0, 'cut-at': 'boundary' }, [': open||', '<reset:>']],
    ['reset-after:0', { 'reset-after': 0 }, [': open||', '<reset:id: i1|data>']],
    ['reset-after:1', { 'reset-after': 1 }, [': open||', blockOf(1), '<reset:id: i2|data>']],
    ['truncate-after:2', { 'truncate-after': 2 }, [': open||', blockOf(1), blockOf(2), '<fin:id: i3|data>']],
    ['truncate-after:3 without a next event', { 'truncate-after': 3 }, [': open||', ...[1, 2, 3].map(blockOf)]],
    ['end-after:2', { 'end-after': 2 }, [': open||', blockOf(1), blockOf(2), '<end>']],
    ['stall-after:1', { 'stall-after': 1 }, [': open||', blockOf(1), '<stall>']],
    ['flood-after:1', { flood: 'line', 'flood-after': 1 }, [': open||', blockOf(1), '<flood>']],
    ['quiet-after:1', { 'quiet-after': 1 }, [': open||', blockOf(1)]],
    ['the earliest of several faults', { 'end-after': 2, 'stall-after': 1 }, [': open||', blockOf(1), '<stall>']],
    [
      'insert and end-after at the same position',
      { insert: 'x', 'insert-after': 1, 'end-after': 1 },
      [': open||', blockOf(1), 'x', '<end>'],
    ],
    ['insert at the start', { insert: 'x' }, [': open||', 'x', ...[1, 2, 3].map(blockOf)]],
  ] as const)('%s', (_name, rule, steps) => {
    expect(run(rule, three)).toEqual(steps)
  })

  test('quiet-after still sends comments', () => {
    expect(run({ 'quiet-after': 1 }, [event(1), COMMENT, event(2), COMMENT])).toEqual([
      ': open||',
      blockOf(1),
      ': c||',
      ': c||',
    ])
  })

  test('nothing follows the end, not even a comment', () => {
    expect(run({ 'end-after': 1 }, [event(1), COMMENT, event(2)])).toEqual([': open||', blockOf(1), '<end>'])
  })

  test('cut-at:character waits for an event with a multi-byte character', () => {
    const faults = createFaults({ 'truncate-after': 0, 'cut-at': 'character' })
    faults.begin(OPEN)
    expect(faults.next(event(1, 'ascii'))).toMatchObject([{ step: 'send' }])
    const [cut] = faults.next(event(2, 'a你'))
    expect(cut).toMatchObject({ step: 'cut', cut: 'fin' })
    expect(Buffer.from((cut as { bytes: Uint8Array }).bytes)).toEqual(Buffer.from('id: i2\ndata: a你').subarray(0, -2))
  })
})

describe('changed frames', () => {
  test.each([
    ['duplicate', { duplicate: 2 }, [1, 2, 2, 3]],
    ['reorder', { reorder: 1 }, [2, 1, 3]],
    ['reorder of the last event', { reorder: 3 }, [1, 2, 3]],
    ['drop-index', { 'drop-index': 2 }, [1, 3]],
    ['duplicate of a reordered event', { reorder: 1, duplicate: 2 }, [2, 2, 1, 3]],
  ] as const)('%s', (_name, rule, order) => {
    expect(run(rule, three)).toEqual([': open||', ...order.map(blockOf)])
  })

  test('reorder does not shift the position of end-after', () => {
    expect(run({ reorder: 2, 'end-after': 2 }, three)).toEqual([': open||', blockOf(1), blockOf(3), '<end>'])
  })

  test('no-ids, id-prefix and invalid-data alter frames', () => {
    expect(run({ 'no-ids': true }, [event(1)])).toEqual([': open||', 'data: 1||'])
    expect(run({ 'id-prefix': '日' }, [event(1), { data: 'x' }, { id: 'only' }])).toEqual([
      ': open||',
      'id: 日i1|data: 1||',
      'data: x||',
      'id: 日only||',
    ])
    expect(run({ 'invalid-data': 2 }, three)[2]).toBe('id: i2|data: {"broken": 2||')
  })

  test('retry and byte order marks are sent first', () => {
    expect(run({ retry: '1e1', bom: 1 }, [event(1)])).toEqual(['\ufeff: open||', 'retry: 1e1||', blockOf(1)])
  })
})

test('a cut after n events sends n complete events, never n + 1', { timeout: 30_000 }, () => {
  fc.assert(
    fc.property(
      fc.nat(6),
      fc.constantFrom('middle' as const, 'boundary' as const, 'last-byte' as const),
      fc.array(fc.string({ unit: 'binary', minLength: 1 }), { minLength: 8, maxLength: 8 }),
      (after, at, texts) => {
        const frames = texts.map((text, number) => event(number, JSON.stringify(text)))
        const steps = run({ 'reset-after': after, 'cut-at': at }, frames)
        expect(steps).toHaveLength(1 + after + 1)
        expect(steps.at(-1)).toMatch(/^<reset:/)
        expect(steps.at(-1)).not.toContain('||')
      },
    ),
  )
})
