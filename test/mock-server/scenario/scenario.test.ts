/** The fault grammar: accepted scenarios, error messages, and the JSON Schema. */
import { describe, expect, test } from 'vitest'
import { ruleKeys } from '../../../mock-server/scenario/rule.ts'
import type { ValueKind } from '../../../mock-server/scenario/rule.ts'
import { parseScenario } from '../../../mock-server/scenario/scenario.ts'
import { scenarioSchema } from '../../../mock-server/scenario/schema.ts'

const createValue = (kind: ValueKind): unknown => {
  switch (kind.kind) {
    case 'flag':
      return true
    case 'text':
      return 'text'
    case 'choice':
      return kind.choices[0]
    case 'events':
      return [{ after: 0, type: 'x', data: null }]
    case 'count':
      return kind.min
  }
}

describe('JSON', () => {
  test.each(Object.entries(ruleKeys))('%s accepts every type that it declares', (name, { accepts }) => {
    for (const kind of accepts) {
      const rule = { [name]: createValue(kind) }
      expect(parseScenario(rule)).toEqual([rule])
      expect(parseScenario(JSON.stringify(rule))).toEqual([rule])
    }
  })

  test.each(Object.entries(ruleKeys))(
    '%s rejects other values with an error that names the key and the expected type',
    (name, { accepts }) => {
      const wrong: unknown[] = [null, {}, [1], -1, 1.5, undefined]
      if (!accepts.some(({ kind }) => kind === 'text')) wrong.push('nonsense')
      if (!accepts.some(({ kind }) => kind === 'flag')) wrong.push(true)
      for (const value of wrong) {
        expect(() => parseScenario({ [name]: value })).toThrow(TypeError)
        expect(() => parseScenario([{}, { [name]: value }])).toThrow(
          new RegExp(`^scenario\\[1\\]\\["${name}"\\]: expected .+, got `),
        )
      }
    },
  )

  test('a scenario is a rule, an array of rules, or an object with rules and $schema', () => {
    const rules = [{ 'reset-after': 1 }, { split: 1 }]
    expect(parseScenario(rules[0])).toEqual([rules[0]])
    expect(parseScenario(rules)).toEqual(rules)
    expect(parseScenario({ rules })).toEqual(rules)
    expect(parseScenario({ $schema: 'x', rules })).toEqual(rules)
    expect(parseScenario([])).toEqual([])
    expect(parseScenario({})).toEqual([{}])
  })

  test.each([
    [{ rules: {} }, 'scenario["rules"]: expected an array of rules, got {}'],
    [{ rules: [], more: 1 }, 'scenario["more"]: unknown key, expected only "rules"'],
    [{ rules: [1] }, 'scenario.rules[0]: expected a rule such as {"reset-after": 5}, got 1'],
    [null, 'scenario: expected a rule such as {"reset-after": 5}, got null'],
    [5, 'scenario: expected a rule such as {"reset-after": 5}, got 5'],
    [{ 'reset-after': '5' }, 'scenario["reset-after"]: expected an integer of at least 0, got "5"'],
    [{ status: 199 }, 'scenario["status"]: expected an integer from 200 to 599, got 199'],
    [
      { 'cut-at': 'end' },
      'scenario["cut-at"]: expected "middle" or "boundary" or "character" or "last-byte", got "end"',
    ],
    [{ heartbeat: 'on' }, 'scenario["heartbeat"]: expected an integer of at least 0 (ms) or "off", got "on"'],
    [{ reset: 1 }, 'scenario["reset"]: unknown key, expected one of reset-after'],
    [{ 'reset-aftr': 1 }, /^scenario\["reset-aftr"\]: unknown key, expected one of .*reset-after/],
    [{ zzz: 1 }, /^scenario\["zzz"\]: unknown key, expected one of path, method, .*buffer$/],
    [JSON.parse('{"__proto__": 1}'), /^scenario\["__proto__"\]: unknown key/],
    [{ constructor: 1 }, /^scenario\["constructor"\]: unknown key/],
    ['{"reset-after": 5', /^scenario: invalid JSON: /],
  ])('%j is rejected with %s', (scenario, message) => {
    expect(() => parseScenario(scenario)).toThrow(TypeError)
    expect(() => parseScenario(scenario)).toThrow(message)
  })
})

describe('text', () => {
  test.each([
    ['reset-after:5', [{ 'reset-after': 5 }]],
    ['reset-after:5,split:1', [{ 'reset-after': 5, split: 1 }]],
    [' reset-after:5 , split:1 ', [{ 'reset-after': 5, split: 1 }]],
    [
      'status:503,once;reset-after:2,path:/api/stream',
      [
        { status: 503, once: true },
        { 'reset-after': 2, path: '/api/stream' },
      ],
    ],
    ['tokens', [{ tokens: true }]],
    ['tokens:false', [{ tokens: false }]],
    ['heartbeat:off', [{ heartbeat: 'off' }]],
    ['heartbeat:0', [{ heartbeat: 0 }]],
    ['retry:1e1', [{ retry: '1e1' }]],
    ['retry:10', [{ retry: 10 }]],
    ['location:http://a.test:1/b?c=d', [{ location: 'http://a.test:1/b?c=d' }]],
    ['insert:id%3A 7%0A%0A', [{ insert: 'id: 7\n\n' }]],
    ['insert:a%2Cb%3Bc', [{ insert: 'a,b;c' }]],
    ['insert:100%', [{ insert: '100%' }]],
    ['insert:', [{ insert: '' }]],
    ['', []],
    [' ; ', []],
  ])('%j is parsed', (text, rules) => {
    expect(parseScenario(text)).toEqual(rules)
  })

  test.each([
    ['reset-after', 'scenario["reset-after"]: expected an integer of at least 0, got undefined'],
    ['reset-after:', 'scenario["reset-after"]: expected an integer of at least 0, got ""'],
    ['reset-after:five', 'scenario["reset-after"]: expected an integer of at least 0, got "five"'],
    ['reset-after:-1', 'scenario["reset-after"]: expected an integer of at least 0, got "-1"'],
    ['once:2', 'scenario["once"]: expected true or false, got "2"'],
    ['explode', /^scenario\["explode"\]: unknown key/],
    ['reset-after=5', /^scenario\["reset-after=5"\]: unknown key/],
    ['split:1,,', /^scenario\[""\]: unknown key/],
    ['events:x', /^scenario\["events"\]: expected an array/],
  ])('%j is rejected', (text, message) => {
    expect(() => parseScenario(text)).toThrow(TypeError)
    expect(() => parseScenario(text)).toThrow(message)
  })
})

describe('the schema', () => {
  const { properties, additionalProperties } = (
    scenarioSchema['$defs'] as { rule: { properties: Record<string, object>; additionalProperties: boolean } }
  ).rule

  test('the schema has exactly the keys of the grammar', () => {
    expect(Object.keys(properties)).toEqual(Object.keys(ruleKeys))
    expect(additionalProperties).toBe(false)
  })

  test('the schema describes every key and its values', () => {
    expect(properties['reset-after']).toEqual({ description: expect.any(String), type: 'integer', minimum: 0 })
    expect(properties['status']).toMatchObject({ type: 'integer', minimum: 200, maximum: 599 })
    expect(properties['heartbeat']).toMatchObject({ anyOf: [{ type: 'integer', minimum: 0 }, { enum: ['off'] }] })
    expect(properties['once']).toMatchObject({ type: 'boolean' })
    for (const property of Object.values(properties))
      expect((property as { description: string }).description).not.toBe('')
  })

  test('the schema is plain JSON', () => {
    expect(JSON.parse(JSON.stringify(scenarioSchema))).toEqual(scenarioSchema)
  })
})
