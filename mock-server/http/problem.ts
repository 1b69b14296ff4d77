/** Error responses: problem documents (RFC 9457). */
import { problemText } from '../../server/http/problem.ts'
import type { HttpResponse } from './response.ts'

/** Creates a problem response; 429 and 503 always have a `Retry-After`. */
export function problemResponse(status: number, detail: string, headersInit?: HeadersInit): HttpResponse {
  const headers = new Headers(headersInit)
  if (!headers.has('content-type')) headers.set('content-type', 'application/problem+json')
  headers.set('cache-control', 'no-store')
  if ((status === 429 || status === 503) && !headers.has('retry-after')) headers.set('retry-after', '1')
  return { status, headers, body: problemText(status, detail) }
}
