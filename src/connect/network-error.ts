/** The errors of a request, whose messages end with its method and URL. */
import { StreamError } from '../base/errors.ts'
import { formatRequestLabel, retryableError } from '../base/request-error.ts'
import type { ConnectRequest } from './connect.ts'

/** Creates the error for a `fetch` that does not conform to the standard. */
export function unsupportedError(request: ConnectRequest, message: string): StreamError {
  return new StreamError('unsupported', `${message}: ${formatRequestLabel(request)}`)
}

/** Converts a platform failure to an error with code `network`, or to `signal.reason` after an abort. */
export function networkError(request: ConnectRequest, cause: unknown): unknown {
  if (request.signal.aborted) return request.signal.reason
  const hint = request.lastEventId ? ' (CORS must allow Last-Event-ID; see lastEventId)' : ''
  return retryableError('network', `Request failed${hint}`, formatRequestLabel(request), cause)
}
