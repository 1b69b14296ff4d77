/** Identities, and the authenticators that derive them from requests. */
import { HttpError } from '../../server/http/problem.ts'

/** A permission of an identity. */
export type Permission = 'feed' | 'run' | 'broadcast'

/** An authenticated client. */
export interface Identity {
  readonly subject: string
  /** What the client may do. @defaultValue everything */
  readonly permissions?: readonly Permission[] | undefined
  /** When the client's streams end, in milliseconds since the Unix epoch. @defaultValue never */
  readonly expiresAt?: number | undefined
}

/** Authenticates requests. */
export interface Authenticator {
  /**
   * Returns the identity behind a request.
   * @throws an error from `unauthorized()` if the request has no valid credentials
   */
  authenticate(request: Request): Identity | Promise<Identity>
  /** Issues a token; omitted by authenticators without tokens. */
  issue?: (tokenOptions: Readonly<Record<string, unknown>>) => Promise<Record<string, unknown>>
}

/** Creates a 401 error with a challenge (RFC 6750 for `Bearer`). */
export function unauthorized(scheme: 'Bearer' | 'ApiKey', detail: string, error?: 'invalid_token'): HttpError {
  const errorParameters = error ? `, error="${error}", error_description="${detail}"` : ''
  return new HttpError(401, detail, { 'www-authenticate': `${scheme} realm="rivulet"${errorParameters}` })
}

/** Gives every request the same identity. */
export const anonymous: Authenticator = { authenticate: () => ({ subject: 'anonymous' }) }

/** Compares in constant time, so that the duration does not reveal how much of a key is correct. */
function isEqualInConstantTime(one: string, other: string): boolean {
  let difference = one.length ^ other.length
  for (let index = 0; index < one.length; index++) {
    difference |= one.charCodeAt(index) ^ other.charCodeAt(index % (other.length || 1))
  }
  return difference === 0
}

/** Creates an authenticator for `X-API-Key`; `subjects` maps API keys to subjects. */
export function apiKeys(subjects: Readonly<Record<string, string>>): Authenticator {
  return {
    authenticate(request) {
      const apiKey = request.headers.get('x-api-key')
      if (apiKey === null) throw unauthorized('ApiKey', 'An X-API-Key header is required.')
      const entry = Object.entries(subjects).find(([key]) => isEqualInConstantTime(apiKey, key))
      if (!entry) throw unauthorized('ApiKey', 'The X-API-Key is not valid.')
      return { subject: entry[1] }
    },
  }
}
