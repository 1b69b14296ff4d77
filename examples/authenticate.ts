/** Who sends a request: the subject of a JWT, which `jose` verifies with the keys of the issuer. */
import { createRemoteJWKSet, errors, jwtVerify } from 'jose'
import { HttpError, type Identity } from 'rivulet/server'

const keys = createRemoteJWKSet(new URL(process.env['JWKS_URL']!))

const isRejected = (error: unknown): boolean =>
  error instanceof errors.JOSEError && !['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT'].includes(error.code)

export async function authenticate(request: Request): Promise<Identity | undefined> {
  const token = /^Bearer (\S+)$/i.exec(request.headers.get('authorization') ?? '')?.[1]
  if (token === undefined) return undefined // answered with 401
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer: process.env['JWT_ISSUER']!,
      audience: process.env['JWT_AUDIENCE']!,
      requiredClaims: ['sub', 'exp'],
    })
    return { subject: payload.sub!, expiresAt: payload.exp! * 1000 }
  } catch (error) {
    // Of any other error, such as an issuer that cannot be reached, the client gets a 500, after which it tries again.
    if (!isRejected(error)) throw error
    throw new HttpError(401, 'The token is not valid.')
  }
}
