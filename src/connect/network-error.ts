/** The error of a request that got no response, and of a connection that broke. */
import { StreamError } from '../base/errors.ts'
import { formatRequestLabel } from '../base/request-label.ts'
import type { ConnectRequest } from './connect.ts'

/** Converts a platform failure to an error with code `network`, or to `signal.reason` after an abort. */
export function networkError({ method, url, lastEventId, signal }: ConnectRequest, cause: unknown): unknown {
  if (signal.aborted) return signal.reason
  const hint = lastEventId ? ' (across origins, CORS must allow Last-Event-ID; see lastEventId)' : ''
  return new StreamError('network', `Request failed${hint}: ${formatRequestLabel(method, url)}`, {
    cause,
    retryable: true,
  })
}
