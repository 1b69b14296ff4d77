/** The partial JSON parser next to `JSON.parse`, on random text cut at random places, and at every place. */
import { expect, test } from 'vitest'
import { partialJson } from '../../src/partial-json/partial-json.ts'
import { fc } from '../support/fast-check.ts'

/** JSON text with everything that it may contain: spaces, escape sequences, lone surrogates, odd property names. */
const jsonText = fc
  .tuple(fc.jsonValue({ maxDepth: 6, stringUnit: 'binary' }), fc.constantFrom(undefined, 1, '\t'), fc.boolean())
  .map(([value, space, isEscaped]) => {
    const text = JSON.stringify(value, undefined, space)
    const escape = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
    return isEscaped ? text.replaceAll(/[\u007f-\uffff]/g, escape) : text
  })

/** Returns whether `later` is `earlier` with more at its end, at every level. */
function hasGrown(earlier: unknown, later: unknown): boolean {
  if (earlier === undefined || Object.is(earlier, later)) return true
  if (typeof earlier === 'string') return typeof later === 'string' && later.startsWith(earlier)
  if (typeof earlier !== 'object' || typeof later !== 'object' || !earlier || !later) return false
  const before = Object.entries(earlier)
  const after = Object.entries(later)
  return (
    Array.isArray(earlier) === Array.isArray(later) &&
    before.length <= after.length &&
    before.every(([key, value], index) => {
      const [laterKey, laterValue] = after[index]!
      // Only the last one is still growing.
      return key === laterKey && (index < before.length - 1 ? isSame(value, laterValue) : hasGrown(value, laterValue))
    })
  )
}
const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other)

test('at the end, the value equals that of JSON.parse, wherever the text is cut', () => {
  fc.assert(
    fc.property(jsonText, fc.array(fc.nat(), { maxLength: 8 }), (text, cuts) => {
      const parser = partialJson()
      const positions = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].sort((one, other) => one - other)
      let start = 0
      for (const position of [...positions, text.length]) {
        parser.push(text.slice(start, position))
        start = position
      }
      expect(parser.end()).toStrictEqual(JSON.parse(text))
    }),
  )
})

test('the value only grows from one character to the next', () => {
  fc.assert(
    fc.property(jsonText, (text) => {
      const parser = partialJson()
      let earlier: unknown
      for (const character of text.split('')) {
        const later: unknown = structuredClone(parser.push(character))
        if (!hasGrown(earlier, later)) throw new Error(`${JSON.stringify(earlier)} became ${JSON.stringify(later)}`)
        earlier = later
      }
      expect(hasGrown(earlier, parser.end())).toBe(true)
    }),
  )
})

test('the value at a prefix is the same, however the prefix is cut', () => {
  fc.assert(
    fc.property(jsonText, fc.nat(), (text, at) => {
      const prefix = text.slice(0, at % (text.length + 1))
      const whole = partialJson().push(prefix)
      const parser = partialJson()
      for (const character of prefix.split('')) parser.push(character)
      expect(parser.value).toStrictEqual(whole)
    }),
  )
})

test('the parser accepts and rejects the same text as JSON.parse', () => {
  const nearJson = fc.oneof(
    fc.string({ unit: fc.constantFrom(...'[]{}:,"\\0123456789-+.eEtrufalsn u\n/b'.split('')), maxLength: 12 }),
    fc.tuple(jsonText, fc.nat(), fc.string({ maxLength: 2 })).map(([text, at, other]) => {
      const position = at % (text.length + 1)
      return text.slice(0, position) + other + text.slice(position + 1)
    }),
  )
  const outcomeOf = (parse: () => unknown): unknown => {
    try {
      return { value: parse() }
    } catch (error) {
      return { error: (error as Error).name }
    }
  }
  fc.assert(
    fc.property(nearJson, (text) => {
      const expected = outcomeOf(() => JSON.parse(text))
      const actual = outcomeOf(() => {
        const parser = partialJson()
        for (const character of text.split('')) parser.push(character)
        return parser.end()
      })
      expect(actual).toStrictEqual(expected)
    }),
    { numRuns: 2_000 },
  )
})
