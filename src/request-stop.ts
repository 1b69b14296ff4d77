/** Asks the server to stop a run: DELETE, as PROTOCOL.md section 3 has it. */
import { StreamError, isStreamError } from './base/errors.ts'
import type { Requester, Target } from './request.ts'
import type { Settings } from './settings.ts'

/** Resolves when the run is stopped, or unknown to the server. Rejects with a `StreamError`. */
export async function requestStop(requester: Requester, settings: Settings, target: Target): Promise<void> {
  const { clock, connect, connectTimeout } = settings
  const url = target.url ?? requester.url
  const controller = new AbortController()
  const { signal } = controller
  const ask = async (reason: 'connect' | 'rejected'): Promise<void> => {
    const request = await requester.build({ reason, attempt: 1, signal }, { ...target, url, method: 'DELETE' })
    const connection = await connect(request)
    const { status, headers } = connection
    connection.cancel()
    if (status === 401 && settings.auth && reason === 'connect') return ask('rejected')
    if ((status < 200 || status > 299) && status !== 404 && status !== 410) throw new StreamError('http', `Status ${status}: DELETE`, { status, headers })
  }
  let cancelDeadline!: () => void
  const deadline = new Promise<never>((_, reject) => {
    cancelDeadline = clock.after(connectTimeout, () => {
      controller.abort()
      reject(new StreamError('network', `Nothing within ${connectTimeout} ms: DELETE`, { retryable: true }))
    })
  })
  try {
    await Promise.race([ask('connect'), deadline])
  } catch (cause) {
    throw isStreamError(cause) ? cause : new StreamError('network', 'Failed: DELETE', { cause, retryable: true })
  } finally {
    cancelDeadline()
  }
}
