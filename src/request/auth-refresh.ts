/** One refresh of credentials for all streams that were refused: PROTOCOL.md section 4. */
import { isStreamError } from '../base/errors.ts'
import type { AuthProvider } from './options.ts'

/** A provider at work for the streams that wait for it. */
interface Refresh {
  readonly controller: AbortController
  readonly credentials: Promise<HeadersInit>
  waiterCount: number
}

interface ProviderState {
  /** Counts the refreshes that came to something. */
  generation: number
  refresh?: Refresh | undefined
}

const providerStates = new WeakMap<AuthProvider, ProviderState>()

/**
 * A stream's own access to a provider that it shares with others: of those whose credentials are refused, the first
 * has them refreshed, and all get what comes of it. Where that has happened meanwhile, the current ones are asked for.
 */
export function withSharedRefresh(auth: AuthProvider): AuthProvider {
  const providerState = providerStates.get(auth) ?? { generation: 0 }
  providerStates.set(auth, providerState)
  let ownGeneration = 0 // generation of the credentials that this stream was last given

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
      // A provider that hangs must not keep the next attempt waiting, too.
      else if (!isStreamError(signal.reason)) return
      if (providerState.refresh === refresh) providerState.refresh = undefined
    })
    const credentials = await refresh.credentials
    ownGeneration = providerState.generation
    return credentials
  }
}
