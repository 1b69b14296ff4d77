/** Cancels a run on the server. */
import { isStreamError } from '../base/errors.ts'
import { formatRequestLabel } from '../base/request-error.ts'
import type { RequestBuilder, RequestOverrides } from '../request/request.ts'
import type { ResolvedOptions } from '../request/resolve-options.ts'
import { Attempt } from '../source/attempt.ts'
import { checkResponse } from '../source/check-response.ts'
import type { Observer } from '../source/record.ts'

/** Milliseconds within which a request that has failed is sent again. */
const RETRY_GRACE_MS = 5_000
/** Milliseconds before the second request, at most; doubled for each further one. */
const RETRY_DELAY_MS = 500

/**
 * Sends the request `target`. Resolves once the run is cancelled, the server does not know it, or it `hasEnded`; rejects
 * with a `StreamError`. After a 401, the request is repeated once, and after other failures that may pass, with backoff
 * for five seconds: as long as the server does not know, it generates.
 */
export async function cancelRun(
  requestBuilder: RequestBuilder,
  options: ResolvedOptions,
  target: RequestOverrides & { url: string; method: string },
  hasEnded: () => boolean,
  observe: Observer | undefined,
): Promise<void> {
  const { clock, random } = options
  const deadline = clock.now() + RETRY_GRACE_MS
  const send = (reason: 'connect' | 'rejected'): Promise<void> =>
    new Promise((resolve, reject) => {
      const attempt = new Attempt(options, {
        label: formatRequestLabel(target),
        request: (signal) => requestBuilder.build({ reason, attempt: 1, signal }, target),
        // 2xx, 404 and 410 mean success.
        checkResponse(connection, request) {
          observe?.({ type: 'cancel', status: connection.status })
          return checkResponse(connection, request, options, /^(2..|404|410)$/)
        },
        onEnd: (error, isFinal) => (isFinal || error ? reject(error) : resolve()),
      })
      attempt.start()
    })
  let reason: 'connect' | 'rejected' = 'connect'
  for (let maxDelay = RETRY_DELAY_MS; !hasEnded();) {
    try {
      return await send(reason)
    } catch (error) {
      const isRejected = isStreamError(error, 'auth') && error.status
      if (isRejected && reason === 'connect') reason = 'rejected'
      else {
        // Half of the delay is random.
        const delay = (maxDelay * (1 + random())) / 2
        if (isRejected || !isStreamError(error) || !error.retryable || clock.now() + delay > deadline) throw error
        await new Promise<void>((resolve) => clock.after(delay, resolve))
        maxDelay *= 2
      }
    }
  }
}
