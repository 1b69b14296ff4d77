/** What feeds and runs have in common: a source for their requests, with their callbacks and their abort signal. */
import type { StreamError } from './base/errors.ts'
import { guard, report } from './base/report.ts'
import type { Requester, Target } from './request.ts'
import type { Settings } from './settings.ts'
import { type Source, type SourceHooks, createSource } from './source/source.ts'

export interface SessionHooks extends Omit<SourceHooks, 'name' | 'request' | 'refreshable' | 'changed'> {
  /** What differs from the stream's own request now. */
  target?(): Target
  aborted(reason: unknown): void
}

/** Makes the source of a stream; it starts in the next microtask, unless it was closed by then. */
export function createSession(
  { build, name }: Requester,
  settings: Settings,
  hooks: SessionHooks,
  lastEventId: string | undefined,
): Source {
  const { signal, onStateChange } = settings
  const source = createSource(
    settings,
    {
      ...hooks,
      name,
      refreshable: !!settings.auth,
      request: (context, id) => build(context, { lastEventId: id, ...hooks.target?.() }),
      changed(state) {
        if (state.status === 'closed') signal?.removeEventListener('abort', abort)
        guard(onStateChange, state)
      },
    },
    lastEventId,
  )
  const abort = (): void => {
    source.close()
    hooks.aborted(signal?.reason)
  }
  signal?.addEventListener('abort', abort)
  queueMicrotask(() => (signal?.aborted ? abort() : source.start()))
  return source
}

/** Tells of a failure: `onError`, else whoever consumes it, else `reportError`. */
export function announce(error: StreamError, { onError, clock }: Settings, isConsumed: () => boolean): void {
  if (onError) guard(onError, error)
  // Whoever made the stream may be about to consume it.
  else clock.after(0, () => isConsumed() || report(error))
}
