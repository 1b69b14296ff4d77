/** The memory of third-party events, compared with a list that is searched from its end. */
import { expect, test } from 'vitest'
import { type IdentifiedEvent, type Verdict, createDuplicates } from '../../src/source/duplicates.ts'
import { fc } from '../support/fast-check.ts'

/** The rule without any optimization, and without the limit of characters. */
function createModel(maxEvents: number) {
  let received: (IdentifiedEvent & { position: number })[] = []
  let position = 0
  let expected: number | 'any' | 'none' = 'none'
  let isUnique = true
  return {
    beginConnection: () => void (expected = 'any'),
    classify(event: IdentifiedEvent): Verdict {
      if (!isUnique) return 'new'
      const known = received.findLast(({ id }) => id === event.id)
      if (known && (known.type !== event.type || known.data !== event.data)) {
        isUnique = false
        return 'conflict'
      }
      if (known && (expected === 'any' || expected === known.position)) {
        expected = known.position + 1
        return 'duplicate'
      }
      expected = 'none'
      received = [...received, { ...event, position: position++ }].slice(-maxEvents)
      return 'new'
    },
  }
}

const step = fc.oneof(
  { weight: 1, arbitrary: fc.constant('begin' as const) },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constantFrom('a', 'b'),
      data: fc.constantFrom('x', 'y'),
      id: fc.integer({ min: 5, max: 12 }).map(String),
    }),
  },
)
/** Sequences in which an ID mostly has the same content, so that duplicates are frequent. */
const steps = fc
  .tuple(fc.boolean(), fc.array(step, { maxLength: 60 }))
  .map(([isUnique, list]) =>
    isUnique ? list.map((each) => (each === 'begin' ? each : { ...each, type: 'a', data: each.id })) : list,
  )

test('[F25] every event is classified as in a list of the last events', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), steps, (maxEvents, list) => {
      const duplicates = createDuplicates(maxEvents)
      const model = createModel(maxEvents)
      for (const each of list) {
        if (each === 'begin') {
          duplicates.beginConnection()
          model.beginConnection()
        } else expect(duplicates.classify(each)).toBe(model.classify(each))
      }
    }),
  )
})
