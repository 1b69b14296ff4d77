/** Bearer tokens: short-lived JWTs, signed with HS256 only. */
import { SignJWT, errors, jwtVerify } from 'jose'
import type { Clock } from '../../server/base/clock.ts'
import type { Authenticator, Permission } from '../http/identity.ts'
import { unauthorized } from '../http/identity.ts'

/** Options of `jwt`. */
export interface JwtOptions {
  /** Key that signs the tokens. @defaultValue 32 random bytes, so that no token outlives the process */
  readonly secret?: string | Uint8Array
  /** Lifetime of a token in milliseconds. @defaultValue 60_000 */
  readonly expiresIn?: number
}

const MAX_EXPIRES_IN_MS = 24 * 60 * 60 * 1_000
const permissions: readonly Permission[] = ['feed', 'run', 'broadcast']
const isPermission = (name: string): name is Permission => (permissions as readonly string[]).includes(name)

/** Creates an authenticator for bearer tokens; its `issue` takes `{ subject?, expiresIn?, permissions? }`. */
export function jwt(options: JwtOptions, clock: Clock): Authenticator & Required<Pick<Authenticator, 'issue'>> {
  const { secret = crypto.getRandomValues(new Uint8Array(32)), expiresIn: defaultExpiresIn = 60_000 } = options
  const key = typeof secret === 'string' ? new TextEncoder().encode(secret) : secret
  return {
    async authenticate(request) {
      const bearerToken = /^Bearer +(\S+)$/i.exec(request.headers.get('authorization') ?? '')?.[1]
      if (bearerToken === undefined) throw unauthorized('Bearer', 'A bearer token is required.')
      try {
        const { payload } = await jwtVerify(bearerToken, key, {
          algorithms: ['HS256'],
          requiredClaims: ['sub', 'exp'],
          currentDate: new Date(clock.date()),
        })
        const expiresAt = payload.exp! * 1_000
        // jose rounds the current time down to whole seconds, so it would still accept a token that has just expired.
        if (expiresAt <= clock.date()) throw new errors.JWTExpired('expired', payload)
        const scope = payload['scope']
        const granted = typeof scope === 'string' ? scope.split(' ').filter(isPermission) : undefined
        return { subject: payload.sub!, expiresAt, permissions: granted }
      } catch (error) {
        const detail = error instanceof errors.JWTExpired ? 'The token has expired.' : 'The token is not valid.'
        throw unauthorized('Bearer', detail, 'invalid_token')
      }
    },
    async issue({ subject = 'mock-user', expiresIn = defaultExpiresIn, permissions: requestedPermissions }) {
      if (typeof subject !== 'string' || subject === '') throw new TypeError('subject: expected a non-empty string')
      if (typeof expiresIn !== 'number' || !(expiresIn > 0 && expiresIn <= MAX_EXPIRES_IN_MS)) {
        throw new TypeError(`expiresIn: expected a positive number of milliseconds, at most ${MAX_EXPIRES_IN_MS}`)
      }
      if (
        requestedPermissions !== undefined &&
        !(Array.isArray(requestedPermissions) && requestedPermissions.every(isPermission))
      ) {
        throw new TypeError(`permissions: expected an array of these values: ${permissions.join(', ')}`)
      }
      const expiresAt = clock.date() + expiresIn
      const claims = requestedPermissions === undefined ? {} : { scope: requestedPermissions.join(' ') }
      const token = await new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
        .setSubject(subject)
        .setIssuedAt(Math.floor(clock.date() / 1_000))
        .setExpirationTime(expiresAt / 1_000)
        .sign(key)
      return { token, expiresIn, expiresAt }
    },
  }
}
