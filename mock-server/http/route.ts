/** What is at a path: its handlers by method, and who may use them. */
import type { RuleBook } from '../scenario/rule-set.ts'
import type { Handler } from './exchange.ts'
import type { Permission } from './identity.ts'

/** One path. */
export interface Route {
  /** Rules without a path concern streams alone. */
  readonly wants: 'stream' | 'other'
  /** What its streams are. @defaultValue 'other' */
  readonly kind?: 'feed' | 'run' | 'channel'
  /** `public`: for everybody; `control`: for this machine alone. @defaultValue 'identified' */
  readonly access?: 'public' | 'control' | 'identified'
  readonly permission?: Permission
  /** `never`: not over a channel. @defaultValue 'possible' */
  readonly carried?: 'possible' | 'never'
  /** Rules for this path alone. */
  readonly book?: RuleBook
  readonly methods: Readonly<Record<string, Handler>>
}
