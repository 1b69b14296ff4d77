/** Cancels a run on the server with a DELETE request: PROTOCOL.md, section 3. */
import { isStreamError } from '../base/errors.ts'
import { formatRequestLabel } from '../base/request-label.ts'
import type { ConnectRequest } from '../connect/connect.ts'
import type { RequestBuilder, RequestOverrides } from '../request/request.ts'
import type { ResolvedOptions } from '../request/resolve-options.ts'
import { openConnection } from '../source/attempt.ts'
import { assertEventStream } from '../source/check-response.ts'

/**
 * Resolves once the run is cancelled or the server does not know it; rejects with a `StreamError`. After a 401, the
 * DELETE request is repeated once.
 */
export async function cancelRun(
  requestBuilder: RequestBuilder,
  options: ResolvedOptions,
  overrides: RequestOverrides,
): Promise<void> {
  const url = overrides.url ?? requestBuilder.url
  const method = 'DELETE'
  const label = formatRequestLabel(method, url)
  const sendDelete = (reason: 'connect' | 'rejected'): Promise<unknown> => {
    let sentRequest: ConnectRequest | undefined
    return openConnection(options, new AbortController(), {
      label,
      request: async (signal) =>
        (sentRequest = await requestBuilder.build({ reason, attempt: 1, signal }, { ...overrides, url, method })),
      async checkResponse(connection) {
        const { status } = connection
        options.notifyResponse(connection)
        // 2xx, 404 and 410 mean success; returning `false` skips the body.
        return (
          (status < 200 || status > 299) &&
          status !== 404 &&
          status !== 410 &&
          assertEventStream(connection, {
            ...options,
            label,
            auth: sentRequest?.canRefresh,
            withheldFrom: sentRequest?.withheldFrom,
          })
        )
      },
    })
  }
  try {
    await sendDelete('connect')
  } catch (error) {
    if (!isStreamError(error, 'auth') || !error.status) throw error
    await sendDelete('rejected')
  }
}
