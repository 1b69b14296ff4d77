/** Ready-made credentials for the `auth` option. */
import type { AuthProvider } from './options.ts'
import type { AttemptContext } from '../source/source.ts'

type Secret = string | ((context: AttemptContext) => string | Promise<string>)

const resolveSecret = (secret: Secret, context: AttemptContext): string | Promise<string> =>
  typeof secret === 'function' ? secret(context) : secret

/**
 * `Authorization: Bearer …` (RFC 6750). A function is asked for each attempt; with `reason: 'rejected'` the last
 * token was refused, and a new one is wanted.
 */
export function bearer(token: Secret): AuthProvider {
  return async (context) => ({ authorization: `Bearer ${await resolveSecret(token, context)}` })
}

/** An API key in a header. @defaultValue `X-API-Key` */
export function apiKey(key: Secret, { header = 'X-API-Key' }: { header?: string } = {}): AuthProvider {
  return async (context) => ({ [header]: await resolveSecret(key, context) })
}
