/** The rules that are in force, and how often each was used. */
import type { Rule } from './rule.ts'

/** What a rule can look at. */
export interface RequestFacts {
  readonly path: string
  readonly method: string
  /** Whether it carries a Last-Event-ID. */
  readonly connection: 'first' | 'resumed'
  /** What it wants: rules without a path concern streams alone. */
  readonly responseKind: 'stream' | 'other'
}

/** A rule and how many requests it has matched. */
export interface RuleState {
  readonly rule: Rule
  readonly matched: number
}

/** Rules in force. */
export interface RuleSet {
  readonly rules: readonly RuleState[]
  /** What applies to this request; where two rules have a key, the later one's value. Counts as a use of each. */
  match(facts: RequestFacts): Rule
  /** Replaces all rules; their counts begin anew. */
  replace(rules: readonly Rule[]): void
}

const appliesTo = (rule: Rule, facts: RequestFacts): boolean => {
  const { path } = rule
  if (path === undefined ? facts.responseKind !== 'stream' : !matchesPath(path, facts.path)) return false
  if (rule.method !== undefined && rule.method.toUpperCase() !== facts.method) return false
  return rule.connection === undefined || rule.connection === facts.connection
}

const matchesPath = (pattern: string, path: string): boolean =>
  pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : pattern === path

/** Makes a book of rules. */
export function createRuleSet(rules: readonly Rule[] = []): RuleSet {
  const resetCounts = (list: readonly Rule[]): { rule: Rule; matched: number }[] =>
    list.map((rule) => ({ rule, matched: 0 }))
  let states = resetCounts(rules)
  return {
    get rules() {
      return states.map((state) => ({ ...state }))
    },
    match(facts) {
      const merged: Rule = {}
      for (const state of states) {
        if (!appliesTo(state.rule, facts)) continue
        const skip = state.rule.skip ?? 0
        const times = state.rule.once ? 1 : (state.rule.times ?? Infinity)
        const use = ++state.matched
        if (use > skip && use <= skip + times) Object.assign(merged, state.rule)
      }
      return merged
    },
    replace(list) {
      states = resetCounts(list)
    },
  }
}
