/** What is at a path: its handlers by method, and who may use them. */
import type { RuleSet } from '../scenario/rule-set.ts'
import type { Handler } from './exchange.ts'
import type { Permission } from './identity.ts'

/** One path. */
export interface Route {
  /** Rules without a path concern streams alone. */
  readonly responseKind: 'stream' | 'other'
  /** What its streams are. @defaultValue 'other' */
  readonly kind?: 'feed' | 'run' | 'channel'
  /** `public`: for everybody; `control`: for this machine alone. @defaultValue 'authenticated' */
  readonly access?: 'public' | 'control' | 'authenticated'
  readonly permission?: Permission
  /** `never`: not over a channel. @defaultValue 'allowed' */
  readonly overChannel?: 'allowed' | 'never'
  /** Rules for this path alone. */
  readonly ruleSet?: RuleSet
  readonly methods: Readonly<Record<string, Handler>>
}
