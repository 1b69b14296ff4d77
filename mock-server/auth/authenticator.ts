/** The `auth` option: selects authenticators by name or by their options. */
import type { Clock } from '../../server/base/clock.ts'
import type { Authenticator } from '../http/identity.ts'
import { anonymous, apiKeys } from '../http/identity.ts'
import type { JwtOptions } from './jwt.ts'
import { jwt } from './jwt.ts'

/** Authentication that a server requires: none, one kind with default options, or options for one or both kinds. */
export type AuthOptions =
  | 'none'
  | 'jwt'
  | 'apikey'
  | {
      /** Bearer tokens. */
      readonly jwt?: JwtOptions
      /** API keys, mapped to their subjects. */
      readonly apiKeys?: Readonly<Record<string, string>>
    }

/** The API key for `auth: 'apikey'`. Not a secret, because it only protects a mock. */
export const MOCK_API_KEY = 'mock-key'

/** Creates the authenticator. If both kinds are enabled, an API key takes precedence over a token. */
export function createAuthenticator(options: AuthOptions, clock: Clock): Authenticator {
  if (options === 'none') return anonymous
  if (options === 'jwt') return jwt({}, clock)
  if (options === 'apikey') return apiKeys({ [MOCK_API_KEY]: 'mock-user' })
  const tokenAuthenticator = options.jwt && jwt(options.jwt, clock)
  const keyAuthenticator = options.apiKeys && apiKeys(options.apiKeys)
  if (!tokenAuthenticator || !keyAuthenticator) return tokenAuthenticator ?? keyAuthenticator ?? anonymous
  return {
    authenticate: (request) =>
      (request.headers.has('x-api-key') ? keyAuthenticator : tokenAuthenticator).authenticate(request),
    issue: tokenAuthenticator.issue,
  }
}
