/** A route: the handlers for a path, by method, and the access rules. */
import type { RuleSet } from '../scenario/rule-set.ts'
import type { Handler } from './exchange.ts'
import type { Permission } from './identity.ts'
import type { HttpResponse } from './response.ts'

/** The handlers and access rules for a path. */
export interface Route {
  /** Kind of response; fault rules without a path apply only to streams. */
  readonly responseKind: 'stream' | 'other'
  /** Kind of the route's streams in the traffic figures. @defaultValue 'other' */
  readonly kind?: 'feed' | 'run' | 'channel'
  /** Who may use the route; `control` means clients on this machine. @defaultValue 'authenticated' */
  readonly access?: 'public' | 'control' | 'authenticated'
  /** Permission that an identity needs. */
  readonly permission?: Permission
  /** Whether channel streams may request the path. @defaultValue 'allowed' */
  readonly overChannel?: 'allowed' | 'never'
  /** Fault rules for this path only. */
  readonly ruleSet?: RuleSet
  /** Writes an error response in another format than that of PROTOCOL.md. */
  readonly writeError?: (response: HttpResponse, message: string) => Promise<HttpResponse>
  readonly methods: Readonly<Record<string, Handler>>
}
