/** The errors of a request, whose messages end with its method and URL. */
import { StreamError } from '../base/errors.ts'
import { formatRequestLabel, retryableError } from '../base/request-error.ts'
import type { ConnectRequest } from './connect.ts'
import { pageStays } from './page-exit.ts'

/** Creates the error for a `fetch` that does not conform to the standard. */
export function unsupportedError(request: ConnectRequest, message: string): StreamError {
  return new StreamError('unsupported', `${message}: ${formatRequestLabel(request)}`)
}

/**
 * Resolves with the error for a platform failure: one with code `network`, or `signal.reason` after an abort. Does not
 * resolve in a page that is left.
 */
export async function networkError(request: ConnectRequest, cause: unknown): Promise<unknown> {
  await pageStays()
  if (request.signal.aborted) return request.signal.reason
  const hint = request.lastEventId ? ' (CORS must allow Last-Event-ID; see lastEventId)' : ''
  return retryableError('network', `Request failed${hint}`, formatRequestLabel(request), cause)
}
