/** Which authentication a server asks for, by name or in detail. */
import type { Clock } from '../base/clock.ts'
import type { Authenticator } from '../http/identity.ts'
import { anonymous, apiKeys } from '../http/identity.ts'
import type { JwtOptions } from './jwt.ts'
import { jwt } from './jwt.ts'

/** `'jwt'` and `'apikey'` with their defaults, or either or both in detail. */
export type AuthOptions =
  | 'none'
  | 'jwt'
  | 'apikey'
  | {
      readonly jwt?: JwtOptions
      /** Subjects by key. */
      readonly apiKeys?: Readonly<Record<string, string>>
    }

/** The key of `auth: 'apikey'`. Everybody knows it: it guards a mock. */
export const MOCK_API_KEY = 'mock-key'

/** Makes the authenticator. With both kinds a request with an `X-API-Key` is judged by it, any other by its token. */
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
