/** Cancels a run on the server. */
import { isStreamError } from '../base/errors.ts'
import { formatRequestLabel } from '../base/request-error.ts'
import type { RequestBuilder, RequestOverrides } from '../request/request.ts'
import type { ResolvedOptions } from '../request/resolve-options.ts'
import { Attempt } from '../source/attempt.ts'
import { checkResponse } from '../source/check-response.ts'

/**
 * Sends the request `target`. Resolves once the run is cancelled or the server does not know it; rejects with a
 * `StreamError`. After a 401, the request is repeated once.
 */
export async function cancelRun(
  requestBuilder: RequestBuilder,
  options: ResolvedOptions,
  target: RequestOverrides & { url: string; method: string },
): Promise<void> {
  const send = (reason: 'connect' | 'rejected'): Promise<void> =>
    new Promise((resolve, reject) => {
      const attempt = new Attempt(options, {
        label: formatRequestLabel(target),
        request: (signal) => requestBuilder.build({ reason, attempt: 1, signal }, target),
        // 2xx, 404 and 410 mean success.
        checkResponse: (connection, request) => checkResponse(connection, request, options, /^(2..|404|410)$/),
        onEnd: (error, isFinal) => (isFinal || error ? reject(error) : resolve()),
      })
      attempt.start()
    })
  try {
    await send('connect')
  } catch (error) {
    if (!isStreamError(error, 'auth') || !error.status) throw error
    await send('rejected')
  }
}
