/** The rules in force, and how many requests each has matched. */
import type { Rule } from './rule.ts'

/** The properties of a request that rules match on. */
export interface RequestFacts {
  readonly path: string
  readonly method: string
  /** `resumed` if the request carries a Last-Event-ID. */
  readonly connection: 'first' | 'resumed'
  /** Kind of response; rules without a path apply only to streams. */
  readonly responseKind: 'stream' | 'other'
}

/** A rule and how many requests it has matched. */
export interface RuleState {
  readonly rule: Rule
  readonly matched: number
}

/** A set of rules that can be replaced at run time. */
export interface RuleSet {
  readonly rules: readonly RuleState[]
  /**
   * Merges the rules that apply to this request, and counts a match for each. If several rules set the same key, the
   * last one wins.
   */
  match(facts: RequestFacts): Rule
  /** Replaces all rules and resets the counts. */
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

/** Creates a rule set. */
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
        const match = ++state.matched
        if (match > skip && match <= skip + times) Object.assign(merged, state.rule)
      }
      return merged
    },
    replace(list) {
      states = resetCounts(list)
    },
  }
}
