/** Issues JWTs, and serves the keys with which they are verified. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SignJWT, exportJWK, generateKeyPair } from 'jose'
import { onTestFinished } from 'vitest'

export interface JwtIssuer {
  /** Environment of an example that accepts its tokens. */
  readonly env: Readonly<Record<string, string>>
  /** Returns a token; `audience` is that of the example unless another one is given. */
  issue(subject: string, audience?: string): Promise<string>
}

export async function startJwtIssuer(): Promise<JwtIssuer> {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256', kid: 'test' }] })
  const httpServer = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(jwks)
  })
  await new Promise<void>((resolve) => void httpServer.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    httpServer.closeAllConnections()
    httpServer.close()
  })
  return {
    env: {
      JWKS_URL: `http://127.0.0.1:${(httpServer.address() as AddressInfo).port}`,
      JWT_ISSUER: 'https://issuer.example',
      JWT_AUDIENCE: 'streams',
    },
    issue: (subject, audience = 'streams') =>
      new SignJWT()
        .setProtectedHeader({ alg: 'ES256', kid: 'test' })
        .setSubject(subject)
        .setIssuer('https://issuer.example')
        .setAudience(audience)
        .setIssuedAt()
        .setExpirationTime('1h')
        .sign(privateKey),
  }
}
