/** Ready-made providers for the `auth` option. */
import type { AttemptContext } from '../source/source.ts'
import type { AuthProvider } from './options.ts'

/** A fixed secret, or a function that is called before each attempt. */
type Secret = string | ((context: AttemptContext) => string | Promise<string>)

const resolveSecret = (secret: Secret, context: AttemptContext): string | Promise<string> =>
  typeof secret === 'function' ? secret(context) : secret

/**
 * Returns an `auth` provider that sends `Authorization: Bearer <token>` (RFC 6750). If `token` is a function, it is
 * called before each attempt, with `reason: 'rejected'` after a 401.
 *
 * @example
 * ```ts
 * let token: Promise<string> | undefined
 * const auth = bearer(({ reason }) => {
 *   if (reason === 'rejected') token = undefined
 *   return (token ??= fetch('/token').then((response) => response.text()))
 * })
 * ```
 */
export function bearer(token: Secret): AuthProvider {
  return async (context) => ({ authorization: `Bearer ${await resolveSecret(token, context)}` })
}

/**
 * Returns an `auth` provider that sends an API key in a header. If `key` is a function, it is called before each
 * attempt.
 *
 * @example
 * ```ts
 * const client = createClient({ auth: apiKey('my-key', { header: 'x-token' }) })
 * ```
 */
export function apiKey(
  key: Secret,
  { header = 'X-API-Key' }: { /** Name of the header. @defaultValue `'X-API-Key'` */ header?: string } = {},
): AuthProvider {
  return async (context) => ({ [header]: await resolveSecret(key, context) })
}
