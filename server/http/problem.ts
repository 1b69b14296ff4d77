/** Error responses: problem documents (RFC 9457), and the error that leads to one. */

const titles: Readonly<Record<number, string>> = {
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

/** Creates the text of a problem document. */
export const problemText = (status: number, detail: string): string =>
  `${JSON.stringify({ type: 'about:blank', title: titles[status] ?? `Status ${status}`, status, detail })}\n`

/** Creates a problem response; 429 and 503 always have a `Retry-After`, and 401 a `WWW-Authenticate`. */
export function problemResponse(status: number, detail: string, headersInit?: HeadersInit): Response {
  const headers = new Headers(headersInit)
  headers.set('content-type', 'application/problem+json')
  headers.set('cache-control', 'no-store')
  if ((status === 429 || status === 503) && !headers.has('retry-after')) headers.set('retry-after', '1')
  if (status === 401 && !headers.has('www-authenticate')) headers.set('www-authenticate', 'Bearer realm="rivulet"')
  return new Response(problemText(status, detail), { status, headers })
}

const BRAND = Symbol.for('rivulet.HttpError')

/**
 * Thrown by `authenticate`, `authorize` or `parse`: the request is refused with this status and a problem document.
 *
 * @example
 * ```ts
 * const challenge = { 'www-authenticate': 'Bearer realm="example", error="invalid_token"' }
 * throw new HttpError(401, 'The token has expired.', challenge)
 * ```
 */
export class HttpError extends Error {
  override readonly name: string = 'HttpError'
  readonly status: number
  readonly headers: HeadersInit | undefined

  /** `detail` is sent to the client. */
  constructor(status: number, detail: string, headers?: HeadersInit) {
    super(detail)
    this.status = status
    this.headers = headers
    // Development servers load a module twice: the class of another copy is not this one.
    Object.defineProperty(this, BRAND, { value: true })
  }
}

/** Returns whether a value is an `HttpError`, also of another copy of this package. */
export const isHttpError = (value: unknown): value is HttpError =>
  (value as Readonly<Record<symbol, unknown>> | null | undefined)?.[BRAND] === true
