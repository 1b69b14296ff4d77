/** Asks the server to stop a run: DELETE, as PROTOCOL.md section 3 has it. */
import { systemClock } from './base/clock.ts'
import { StreamError, isStreamError } from './base/errors.ts'
import type { Requester, Settings, Target } from './request.ts'
import { observedConnect } from './session.ts'

/** Milliseconds for one try, credentials included. */
const DEADLINE = 10_000

/** Resolves when the run is stopped, or unknown to the server; tries twice. Rejects with a `StreamError`. */
export async function requestStop(requester: Requester, settings: Settings, target: Target): Promise<void> {
  const { clock = systemClock } = settings
  const name = `DELETE ${target.url!.split('?')[0]}`
  let reason: 'connect' | 'rejected' = 'connect'
  for (let attempt = 1; ; attempt++) {
    const controller = new AbortController()
    const cancelDeadline = clock.after(DEADLINE, () => controller.abort())
    try {
      const request = await requester.build({ reason, attempt, signal: controller.signal }, { ...target, method: 'DELETE' })
      const connection = await observedConnect(settings)(request)
      const { status, headers } = connection
      connection.cancel()
      if (status < 300 || status === 404 || status === 410) return
      reason = status === 401 ? 'rejected' : 'connect'
      throw new StreamError('http', `Status ${status}: ${name}`, { status, headers, retryable: status === 401 || status > 499 })
    } catch (cause) {
      const error = isStreamError(cause) ? cause : new StreamError('network', `Could not be stopped: ${name}`, { cause, retryable: true })
      if (attempt > 1 || !error.retryable) throw error
    } finally {
      cancelDeadline()
    }
  }
}
