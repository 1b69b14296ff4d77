/** The errors of a request, whose messages end with its method and URL. */
import { StreamError, type StreamErrorCode, type StreamErrorDetails } from '../base/errors.ts'
import { formatRequestLabel } from '../base/request-label.ts'
import type { ConnectRequest } from './connect.ts'

/** Creates an error that names the request. */
export function requestError(
  { method, url }: ConnectRequest,
  code: StreamErrorCode,
  message: string,
  details?: StreamErrorDetails,
): StreamError {
  return new StreamError(code, `${message}: ${formatRequestLabel(method, url)}`, details)
}

/** Converts a platform failure to an error with code `network`, or to `signal.reason` after an abort. */
export function networkError(request: ConnectRequest, cause: unknown): unknown {
  if (request.signal.aborted) return request.signal.reason
  const hint = request.lastEventId ? ' (CORS must allow Last-Event-ID; see lastEventId)' : ''
  return requestError(request, 'network', `Request failed${hint}`, { cause, retryable: true })
}
