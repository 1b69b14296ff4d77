/** The request of a channel's stream: as it would have been sent on a connection of its own. */
import type { OpenOperation } from './operations.ts'

/** Headers that a stream may always bring; they are those that preflight responses allow (PROTOCOL.md 1.5). */
const OWN_HEADERS = ['accept', 'content-type', 'last-event-id', 'idempotency-key']
/** Headers with credentials. A stream with one of them uses none of the channel's. */
const CREDENTIAL_HEADERS = ['authorization', 'x-api-key']
/** Headers that describe the POST of the operations, not the client that sent it. */
const CONTENT_HEADERS =
  /^(accept|accept-encoding|connection|content-.*|last-event-id|idempotency-key|transfer-encoding)$/

/** The request of a stream, and whether its own headers decide who sends it. */
export interface StreamRequest {
  readonly request: Request
  readonly hasCredentials: boolean
}

/**
 * Creates the request of a stream. It inherits the headers of the POST: cookies, the origin, and what proxies have added. A
 * stream brings only headers that a page may send, so that an operation cannot pretend to be a proxy. `allowedHeaders` are
 * further ones, in lower case.
 */
export function createStreamRequest(
  { method, path, headers: ownHeaders, body }: OpenOperation,
  post: Request,
  allowedHeaders: readonly string[],
  signal: AbortSignal,
): StreamRequest {
  const identifying = [...CREDENTIAL_HEADERS, ...allowedHeaders]
  const headers = new Headers([...post.headers].filter(([name]) => !CONTENT_HEADERS.test(name)))
  if (CREDENTIAL_HEADERS.some((name) => ownHeaders.has(name))) {
    for (const name of CREDENTIAL_HEADERS) headers.delete(name)
  }
  for (const name of [...OWN_HEADERS, ...identifying]) {
    const value = ownHeaders.get(name)
    if (value !== null) headers.set(name, value)
  }
  // Not resolved against the URL of the POST: a path like `//host` would lead to another origin.
  const url = new URL(post.url).origin + path
  return {
    request: new Request(url, { method, headers, signal, ...(body === undefined ? {} : { body }) }),
    hasCredentials: identifying.some((name) => ownHeaders.has(name)),
  }
}
