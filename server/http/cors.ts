/** CORS: which other origins may read responses (PROTOCOL.md 1.5), and which may send requests with cookies. */
import { HttpError } from './problem.ts'

/** Origins whose pages may read responses; `*` allows every origin, but without credentials. */
export type AllowedOrigins = readonly string[]

/** Adds the CORS headers of any response to this request. */
export function setCorsHeaders(headers: Headers, origins: AllowedOrigins, request: Request): void {
  headers.set('vary', 'Origin, Accept-Encoding')
  const origin = request.headers.get('origin')
  if (origin === null) return
  if (origins.includes(origin)) {
    headers.set('access-control-allow-origin', origin)
    headers.set('access-control-allow-credentials', 'true')
  } else if (origins.includes('*')) {
    headers.set('access-control-allow-origin', '*')
  } else {
    return
  }
  headers.set('access-control-expose-headers', 'Retry-After, WWW-Authenticate')
}

/** Creates the response to a preflight request, without the headers of every response. */
export const preflightResponse = (): Response =>
  new Response(null, {
    status: 204,
    headers: {
      'access-control-allow-methods': 'GET, POST, DELETE',
      'access-control-allow-headers': 'Authorization, X-API-Key, Last-Event-ID, Idempotency-Key, Content-Type',
      'access-control-max-age': '600',
    },
  })

/** Compares hosts only: behind a proxy that ends TLS, the URL of the request has another scheme. */
function isSameHost(origin: string, request: Request): boolean {
  try {
    return new URL(origin).host === new URL(request.url).host
  } catch {
    return false
  }
}

/**
 * Refuses a request that a page of another origin may have sent with the cookies of its user. An `unsafe` one has to prove
 * where it comes from; any other is refused only if it comes from elsewhere.
 * @throws HttpError 403
 */
export function assertOrigin(origins: AllowedOrigins, request: Request, kind: 'safe' | 'unsafe'): void {
  if (!request.headers.has('cookie')) return
  const origin = request.headers.get('origin')
  const site = request.headers.get('sec-fetch-site')
  if (origin !== null && (origins.includes(origin) || isSameHost(origin, request))) return
  if (origin === null && (site === 'same-origin' || site === 'none')) return
  if (origin === null && site === null && kind === 'safe') return
  throw new HttpError(403, 'A request with cookies needs the header Origin, with an origin that is allowed.')
}
