/** Who asks: the identity behind a request, and what refuses one. */
import { HttpError } from './problem.ts'

/** What an identity may do; one without a list may do everything. */
export type Permission = 'feed' | 'run' | 'broadcast'

/** Somebody. */
export interface Identity {
  readonly subject: string
  readonly permissions?: readonly Permission[] | undefined
  /** Milliseconds since 1970; its streams end then. */
  readonly expiresAt?: number | undefined
}

/** Finds out who asks. `authenticate` throws a `Refusal` (401) for nobody; `issue` makes a token, where there are any. */
export interface Authenticator {
  authenticate(request: Request): Identity | Promise<Identity>
  issue?: (tokenOptions: Readonly<Record<string, unknown>>) => Promise<Record<string, unknown>>
}

/** A 401 with its challenge (RFC 6750 for `Bearer`). */
export function unauthorized(scheme: 'Bearer' | 'ApiKey', detail: string, error?: 'invalid_token'): HttpError {
  const errorParameters = error ? `, error="${error}", error_description="${detail}"` : ''
  return new HttpError(401, detail, { 'www-authenticate': `${scheme} realm="rivulet"${errorParameters}` })
}

/** Whether a request says who asks, right or wrong. */
export function hasCredentials({ headers }: Request): boolean {
  return headers.has('authorization') || headers.has('x-api-key')
}

/** Everybody is the same. */
export const anonymous: Authenticator = { authenticate: () => ({ subject: 'anonymous' }) }

/** Compares without telling by its time how much was right. */
function isEqualInConstantTime(one: string, other: string): boolean {
  let difference = one.length ^ other.length
  for (let index = 0; index < one.length; index++) {
    difference |= one.charCodeAt(index) ^ other.charCodeAt(index % (other.length || 1))
  }
  return difference === 0
}

/** `X-API-Key`: an identity per key, as an object of key → subject. */
export function apiKeys(subjects: Readonly<Record<string, string>>): Authenticator {
  return {
    authenticate(request) {
      const given = request.headers.get('x-api-key')
      if (given === null) throw unauthorized('ApiKey', 'An X-API-Key is needed.')
      const found = Object.entries(subjects).find(([key]) => isEqualInConstantTime(given, key))
      if (!found) throw unauthorized('ApiKey', 'The X-API-Key is not known.')
      return { subject: found[1] }
    },
  }
}
