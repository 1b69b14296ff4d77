/** Error responses: problem documents (RFC 9457), and the error that a handler throws to send one. */
import type { HttpResponse } from './response.ts'
import { jsonResponse } from './response.ts'

const titles: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  413: 'Content Too Large',
  421: 'Misdirected Request',
  422: 'Unprocessable Content',
  425: 'Too Early',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
}

/** Creates a problem response; 429 and 503 always have a `Retry-After`. */
export function problemResponse(status: number, detail: string, headers?: HeadersInit): HttpResponse {
  const all = new Headers(headers)
  if (!all.has('content-type')) all.set('content-type', 'application/problem+json')
  if ((status === 429 || status === 503) && !all.has('retry-after')) all.set('retry-after', '1')
  return jsonResponse(status, { type: 'about:blank', title: titles[status] ?? `Status ${status}`, status, detail }, all)
}

/** Thrown by a handler to respond with a problem document. */
export class HttpError extends Error {
  readonly response: HttpResponse

  constructor(status: number, detail: string, headers?: HeadersInit) {
    super(detail)
    this.response = problemResponse(status, detail, headers)
  }
}
