/** The JSON Schema of a scenario, generated from the fault vocabulary, for editors and other tools. */
import type { ValueKind } from './rule.ts'
import { ruleKeys } from './rule.ts'

/** A JSON Schema document. */
export type JsonSchema = Readonly<Record<string, unknown>>

const extraEvent: JsonSchema = {
  type: 'object',
  properties: {
    after: { type: 'integer', minimum: 0 },
    type: { type: 'string', pattern: '^[^\\r\\n\\u0000]*$' },
    data: {},
  },
  required: ['after', 'type', 'data'],
}

function createValueSchema(kind: ValueKind): JsonSchema {
  switch (kind.kind) {
    case 'flag':
      return { type: 'boolean' }
    case 'text':
      return { type: 'string' }
    case 'choice':
      return { enum: kind.choices }
    case 'events':
      return { type: 'array', items: extraEvent }
    case 'count':
      return { type: 'integer', minimum: kind.min, ...(kind.max === undefined ? {} : { maximum: kind.max }) }
  }
}

const properties = Object.fromEntries(
  Object.entries(ruleKeys).map(([name, { accepts, description }]) => {
    const [first, ...others] = accepts.map(createValueSchema)
    return [name, { description, ...(others.length > 0 ? { anyOf: [first, ...others] } : first) }]
  }),
)

/** The JSON Schema of a scenario: a rule, an array of rules, or `{ rules }`. */
export const scenarioSchema: JsonSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Rivulet scenario',
  description: 'Faults for the Rivulet mock server to inject. Durations are in milliseconds.',
  $defs: {
    rule: { type: 'object', properties, additionalProperties: false },
    rules: { type: 'array', items: { $ref: '#/$defs/rule' } },
  },
  anyOf: [
    { $ref: '#/$defs/rules' },
    { $ref: '#/$defs/rule' },
    {
      type: 'object',
      properties: { $schema: { type: 'string' }, rules: { $ref: '#/$defs/rules' } },
      required: ['rules'],
      additionalProperties: false,
    },
  ],
}
