/** Who asks: the identity behind a request, and what refuses one. */
import { Refusal } from './problem.ts'

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
  issue?: (wish: Readonly<Record<string, unknown>>) => Promise<Record<string, unknown>>
}

/** A 401 with its challenge (RFC 6750 for `Bearer`). */
export function unauthorized(scheme: 'Bearer' | 'ApiKey', detail: string, error?: 'invalid_token'): Refusal {
  const because = error ? `, error="${error}", error_description="${detail}"` : ''
  return new Refusal(401, detail, { 'www-authenticate': `${scheme} realm="rivulet"${because}` })
}

/** Whether a request says who asks, right or wrong. */
export function saysWho({ headers }: Request): boolean {
  return headers.has('authorization') || headers.has('x-api-key')
}

/** Everybody is the same. */
export const anonymous: Authenticator = { authenticate: () => ({ subject: 'anonymous' }) }

/** Compares without telling by its time how much was right. */
function sameText(one: string, other: string): boolean {
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
      const found = Object.entries(subjects).find(([key]) => sameText(given, key))
      if (!found) throw unauthorized('ApiKey', 'The X-API-Key is not known.')
      return { subject: found[1] }
    },
  }
}
