/** Shares one credential refresh among all streams whose credentials were rejected: PROTOCOL.md section 4. */
import { isStreamError } from '../base/errors.ts'
import type { AuthProvider } from './options.ts'

/** A provider call in progress, shared by the streams that wait for it. */
interface Refresh {
  readonly controller: AbortController
  readonly credentials: Promise<HeadersInit>
  waiterCount: number
}

interface ProviderState {
  /** Number of successful refreshes. */
  generation: number
  refresh?: Refresh | undefined
}

const providerStates = new WeakMap<AuthProvider, ProviderState>()

/**
 * Wraps a provider for one stream, so that streams with the same provider share its refreshes. The first stream whose
 * credentials are rejected starts a refresh, and the others wait for its result. A stream whose rejected credentials
 * are older than the last refresh requests the current credentials, with reason `connect`.
 */
export function withSharedRefresh(auth: AuthProvider): AuthProvider {
  const providerState = providerStates.get(auth) ?? { generation: 0 }
  providerStates.set(auth, providerState)
  let ownGeneration = 0 // generation of the credentials that this stream used last

  const startRefresh = (attempt: number): Refresh => {
    const controller = new AbortController()
    const callProvider = async (): Promise<HeadersInit> =>
      auth({ reason: 'rejected', attempt, signal: controller.signal })
    const refresh: Refresh = { controller, credentials: callProvider(), waiterCount: 0 }
    const onSettled = (increment: number) => (): void => {
      providerState.generation += increment
      if (providerState.refresh === refresh) providerState.refresh = undefined
    }
    refresh.credentials.then(onSettled(1), onSettled(0))
    return refresh
  }

  return async (context) => {
    const { reason, attempt, signal } = context
    if (reason === 'connect' || ownGeneration !== providerState.generation) {
      ownGeneration = providerState.generation
      return auth({ ...context, reason: 'connect' })
    }
    const refresh = (providerState.refresh ??= startRefresh(attempt))
    refresh.waiterCount++
    signal.addEventListener('abort', () => {
      if (!--refresh.waiterCount) refresh.controller.abort(signal.reason)
      // After a timeout (a `StreamError`), the next attempt must not wait for the same call: it may hang.
      else if (!isStreamError(signal.reason)) return
      if (providerState.refresh === refresh) providerState.refresh = undefined
    })
    const credentials = await refresh.credentials
    ownGeneration = providerState.generation
    return credentials
  }
}
