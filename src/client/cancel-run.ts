/** Cancels a run on the server by DELETE: PROTOCOL.md, section 3. */
import { isStreamError } from '../base/errors.ts'
import { formatRequestLabel } from '../base/request-label.ts'
import type { RequestBuilder, RequestOverrides } from '../request/request.ts'
import type { ResolvedOptions } from '../request/resolve-options.ts'
import { runAttempt } from '../source/attempt.ts'
import { assertEventStream } from '../source/check-response.ts'

/**
 * Resolves once the run is cancelled or unknown to the server; rejects with a `StreamError`. Repeats a DELETE once
 * after a 401.
 */
export async function cancelRun(
  requestBuilder: RequestBuilder,
  options: ResolvedOptions,
  overrides: RequestOverrides,
): Promise<void> {
  const url = overrides.url ?? requestBuilder.url
  const method = 'DELETE'
  const label = formatRequestLabel(method, url)
  const sendDelete = (reason: 'connect' | 'rejected'): Promise<unknown> =>
    runAttempt(options, new AbortController(), {
      label,
      request: (signal) => requestBuilder.build({ reason, attempt: 1, signal }, { ...overrides, url, method }),
      onResponse: options.notifyResponse,
      async checkResponse(connection) {
        const { status } = connection
        // 2xx, 404 and 410 are success. `false` skips the body.
        return (
          (status < 200 || status > 299) &&
          status !== 404 &&
          status !== 410 &&
          assertEventStream(connection, { ...options, label })
        )
      },
    })
  try {
    await sendDelete('connect')
  } catch (error) {
    if (!isStreamError(error, 'auth') || !error.status) throw error
    await sendDelete('rejected')
  }
}
