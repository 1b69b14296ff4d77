/** One refresh of credentials for all streams that were refused: PROTOCOL.md section 4. */
import { isStreamError } from '../base/errors.ts'
import type { Auth } from './options.ts'

/** A provider at work for the streams that wait for it. */
interface Refresh {
  readonly controller: AbortController
  readonly credentials: Promise<HeadersInit>
  waiting: number
}

interface Shared {
  /** Counts the refreshes that came to something. */
  generation: number
  refresh?: Refresh | undefined
}

const providers = new WeakMap<Auth, Shared>()

/**
 * A stream's own access to a provider that it shares with others: of those whose credentials are refused, the first
 * has them refreshed, and all get what comes of it. Where that has happened meanwhile, the current ones are asked for.
 */
export function shareAuth(auth: Auth): Auth {
  const shared = providers.get(auth) ?? { generation: 0 }
  providers.set(auth, shared)
  let had = 0 // generation of the credentials that this stream was last given

  const start = (attempt: number): Refresh => {
    const controller = new AbortController()
    const ask = async (): Promise<HeadersInit> => auth({ reason: 'rejected', attempt, signal: controller.signal })
    const refresh: Refresh = { controller, credentials: ask(), waiting: 0 }
    const over = (generations: number) => (): void => {
      shared.generation += generations
      if (shared.refresh === refresh) shared.refresh = undefined
    }
    refresh.credentials.then(over(1), over(0))
    return refresh
  }

  return async (context) => {
    const { reason, attempt, signal } = context
    if (reason === 'connect' || had !== shared.generation) {
      had = shared.generation
      return auth({ ...context, reason: 'connect' })
    }
    const refresh = (shared.refresh ??= start(attempt))
    refresh.waiting++
    signal.addEventListener('abort', () => {
      if (!--refresh.waiting) refresh.controller.abort(signal.reason)
      // A provider that hangs must not keep the next attempt waiting, too.
      else if (!isStreamError(signal.reason)) return
      if (shared.refresh === refresh) shared.refresh = undefined
    })
    const credentials = await refresh.credentials
    had = shared.generation
    return credentials
  }
}
