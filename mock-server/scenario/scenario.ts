/** The fault grammar: parses rules from JSON, or from text such as `reset-after:5,split:1`. */
import type { ExtraEvent, RuleKey, ValueKind, Rule } from './rule.ts'
import { ruleKeys } from './rule.ts'

/** A scenario: a rule, an array of rules, `{ rules }`, or the text form. */
export type Scenario = string | Rule | readonly Rule[] | { readonly $schema?: string; readonly rules: readonly Rule[] }

const keysByName = ruleKeys as Readonly<Record<string, RuleKey>>

function describeKind(kind: ValueKind): string {
  switch (kind.kind) {
    case 'flag':
      return 'true or false'
    case 'text':
      return 'a string'
    case 'choice':
      return kind.choices.map((one) => JSON.stringify(one)).join(' or ')
    case 'events':
      return 'an array of { "after": number, "type": string, "data": any }'
    case 'count': {
      const range = kind.max === undefined ? `of at least ${kind.min}` : `from ${kind.min} to ${kind.max}`
      return `an integer ${range}${kind.unit ? ` (${kind.unit})` : ''}`
    }
  }
}

/** Describes the values that a key accepts. */
export function describeAccepted(key: RuleKey): string {
  return key.accepts.map(describeKind).join(' or ')
}

const isExtraEvent = (value: unknown): value is ExtraEvent =>
  typeof value === 'object' &&
  value !== null &&
  'after' in value &&
  Number.isSafeInteger(value.after) &&
  'type' in value &&
  typeof value.type === 'string' &&
  !/[\r\n\0]/.test(value.type) &&
  'data' in value

function isOfKind(value: unknown, kind: ValueKind): boolean {
  switch (kind.kind) {
    case 'flag':
      return typeof value === 'boolean'
    case 'text':
      return typeof value === 'string'
    case 'choice':
      return kind.choices.includes(value as string)
    case 'events':
      return Array.isArray(value) && value.every(isExtraEvent)
    case 'count':
      return Number.isSafeInteger(value) && (value as number) >= kind.min && (value as number) <= (kind.max ?? Infinity)
  }
}

const throwExpected = (where: string, expectedText: string, value: unknown): never => {
  throw new TypeError(`${where}: expected ${expectedText}, got ${JSON.stringify(value) ?? String(value)}`)
}

function throwUnknownKey(where: string, name: string): never {
  const similar = Object.keys(keysByName).filter((other) => other.includes(name) || name.includes(other.split('-')[0]!))
  throw new TypeError(
    `${where}: unknown key, expected one of ${(similar.length > 0 ? similar : Object.keys(keysByName)).join(', ')}`,
  )
}

function parseRule(value: unknown, where: string): Rule {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return throwExpected(where, 'a rule such as {"reset-after": 5}', value)
  }
  for (const [name, fieldValue] of Object.entries(value)) {
    const at = `${where}["${name}"]`
    const key = Object.hasOwn(keysByName, name) ? keysByName[name]! : throwUnknownKey(at, name)
    if (!key.accepts.some((kind) => isOfKind(fieldValue, kind))) throwExpected(at, describeAccepted(key), fieldValue)
  }
  return value
}

function parseValue(name: string, text: string | undefined): unknown {
  const { accepts } = keysByName[name]!
  if (text === undefined || text === 'true' || text === 'false') {
    if (accepts.some(({ kind }) => kind === 'flag')) return text !== 'false'
  }
  if (text === undefined) return text
  return accepts.some(({ kind }) => kind === 'count') && /^\d+$/.test(text) ? Number(text) : text
}

function decodePercent(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value // a lone % is taken literally
  }
}

/** Parses `key:value,key,…` with `;` between rules; `,` and `;` within a value are percent-encoded. */
function parseText(text: string): unknown[] {
  const rules = text.split(';').map((rule) => rule.trim())
  return rules
    .filter((rule) => rule !== '')
    .map((rule) => {
      const fields = rule.split(',').map((field) => {
        const [, name, value] = /^([^:]*)(?::(.*))?$/s.exec(field)!
        const trimmed = name!.trim()
        if (!Object.hasOwn(keysByName, trimmed)) throwUnknownKey(`scenario["${trimmed}"]`, trimmed)
        return [trimmed, parseValue(trimmed, value === undefined ? undefined : decodePercent(value.trim()))] as const
      })
      return Object.fromEntries(fields)
    })
}

/**
 * Parses a scenario in any of its forms.
 * @throws `TypeError` that names the key and the expected value
 */
export function parseScenario(scenario: unknown): readonly Rule[] {
  if (typeof scenario === 'string') {
    const text = scenario.trim()
    if (!/^[[{]/.test(text)) return parseText(text).map((rule) => parseRule(rule, 'scenario'))
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch (error) {
      throw new TypeError(`scenario: invalid JSON: ${(error as Error).message}`, { cause: error })
    }
    return parseScenario(value)
  }
  if (Array.isArray(scenario)) return scenario.map((rule, index) => parseRule(rule, `scenario[${index}]`))
  if (typeof scenario === 'object' && scenario !== null && 'rules' in scenario) {
    const { rules } = scenario
    if (!Array.isArray(rules)) return throwExpected('scenario["rules"]', 'an array of rules', rules)
    const other = Object.keys(scenario).find((name) => name !== 'rules' && name !== '$schema')
    if (other !== undefined) throw new TypeError(`scenario["${other}"]: unknown key, expected only "rules"`)
    return rules.map((rule, index) => parseRule(rule, `scenario.rules[${index}]`))
  }
  return [parseRule(scenario, 'scenario')]
}
