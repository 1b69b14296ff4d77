/** Asks the server to stop a run: DELETE, as PROTOCOL.md section 3 has it. */
import { isStreamError } from '../base/errors.ts'
import { nameRequest } from '../base/request-label.ts'
import type { Requester, Target } from '../request/request.ts'
import type { Settings } from '../request/resolve-options.ts'
import { runAttempt } from '../source/attempt.ts'
import { judge } from '../source/check-response.ts'

/** Resolves when the run is stopped, or unknown to the server. Rejects with a `StreamError`. */
export async function requestStop(requester: Requester, settings: Settings, target: Target): Promise<void> {
  const url = target.url ?? requester.url
  const method = 'DELETE'
  const name = nameRequest(method, url)
  const ask = (reason: 'connect' | 'rejected'): Promise<unknown> =>
    runAttempt(settings, new AbortController(), {
      name,
      request: (signal) => requester.build({ reason, attempt: 1, signal }, { ...target, url, method }),
      answered: settings.answered,
      async judge(connection) {
        const { status } = connection
        // Whatever else it says, there is nothing to read.
        return (
          (status < 200 || status > 299) && status !== 404 && status !== 410 && judge(connection, { ...settings, name })
        )
      },
    })
  try {
    await ask('connect')
  } catch (error) {
    if (!isStreamError(error, 'auth') || !error.status) throw error
    await ask('rejected')
  }
}
