/** CORS: which other origins may read responses (PROTOCOL.md 1.5). */

/** Origins whose pages may read responses; `*` allows every origin, but without credentials. */
export type AllowedOrigins = readonly string[]

/** Returns the CORS headers for any response to this request. */
export function corsHeaders(origins: AllowedOrigins, request: Request): [string, string][] {
  const headers: [string, string][] = [['vary', 'Origin, Accept-Encoding']]
  const origin = request.headers.get('origin')
  if (origin === null) return headers
  if (origins.includes(origin)) {
    headers.push(['access-control-allow-origin', origin], ['access-control-allow-credentials', 'true'])
  } else if (origins.includes('*')) {
    headers.push(['access-control-allow-origin', '*'])
  } else {
    return headers
  }
  headers.push(['access-control-expose-headers', 'Retry-After, WWW-Authenticate'])
  return headers
}

/** Additional headers of a preflight response. */
export const preflightHeaders: readonly [string, string][] = [
  ['access-control-allow-methods', 'GET, POST, DELETE'],
  ['access-control-allow-headers', 'Authorization, X-API-Key, Last-Event-ID, Idempotency-Key, Content-Type'],
  ['access-control-max-age', '600'],
]

/** Whether a request may control the mock server: it comes from no page, or from the same origin or a listed one. */
export function canControl(origins: AllowedOrigins, request: Request): boolean {
  const origin = request.headers.get('origin')
  return origin === null || origin === new URL(request.url).origin || origins.includes(origin)
}
