/** A route: the handlers of a path by method, and who may use them. */
import type { RuleSet } from '../scenario/rule-set.ts'
import type { Handler } from './exchange.ts'
import type { Permission } from './identity.ts'

/** The handlers and the access rules of a path. */
export interface Route {
  /** Rules without a path apply to streams only. */
  readonly responseKind: 'stream' | 'other'
  /** Kind of its streams in the traffic figures. @defaultValue 'other' */
  readonly kind?: 'feed' | 'run' | 'channel'
  /** Who may use it; `control` means clients on this machine. @defaultValue 'authenticated' */
  readonly access?: 'public' | 'control' | 'authenticated'
  /** Permission that an identity needs. */
  readonly permission?: Permission
  /** Whether channel streams may request it. @defaultValue 'allowed' */
  readonly overChannel?: 'allowed' | 'never'
  /** Rules for this path only. */
  readonly ruleSet?: RuleSet
  readonly methods: Readonly<Record<string, Handler>>
}
