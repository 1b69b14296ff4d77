/** What feeds and runs have in common: a source for their requests, with their callbacks and their abort signal. */
import { systemClock } from './base/clock.ts'
import type { StreamError } from './base/errors.ts'
import { guard, report } from './base/report.ts'
import type { Connect } from './connect/connect.ts'
import { fetchConnect } from './connect/fetch.ts'
import type { Requester, Settings, Target } from './request.ts'
import { type Source, type SourceHooks, createSource } from './source/source.ts'

export interface SessionHooks extends Pick<SourceHooks, 'repeatable' | 'refusal' | 'opened' | 'event' | 'flush' | 'ended' | 'settled'> {
  /** What differs from the stream's own request now. */
  target?(): Target
  aborted(reason: unknown): void
}

/** Makes the source of a stream; it starts in the next microtask, unless it was closed by then. */
export function createSession(
  { build, name, refreshable }: Requester,
  settings: Settings,
  defaults: { limit: number; connectTimeout: number; lastEventId?: string | undefined },
  hooks: SessionHooks,
): Source {
  const { signal, retry, contentType, idleTimeout = Infinity, stallTimeout = Infinity } = settings
  const { clock = systemClock, random = Math.random } = settings
  const isEventStream = (type: string): boolean => type.split(';')[0]!.trim().toLowerCase() === 'text/event-stream'
  const source = createSource(
    {
      clock,
      random,
      name,
      connect: observedConnect(settings),
      retry: { limit: defaults.limit, ...(typeof retry === 'object' ? retry : retry !== undefined && { limit: +retry }) },
      connectTimeout: settings.connectTimeout ?? defaults.connectTimeout,
      idleTimeout,
      stallTimeout,
      isEventStream: contentType === false ? () => true : (contentType ?? isEventStream),
      lastEventId: defaults.lastEventId ?? '',
    },
    {
      ...hooks,
      refreshable,
      request: (context, lastEventId) => build(context, { lastEventId, ...hooks.target?.() }),
      changed(state) {
        if (state.status === 'closed') signal?.removeEventListener('abort', abort)
        guard(settings.onStateChange, state)
      },
    },
  )
  const abort = (): void => {
    source.close()
    hooks.aborted(signal!.reason)
  }
  signal?.addEventListener('abort', abort)
  queueMicrotask(() => {
    if (signal?.aborted) abort()
    else source.start()
  })
  return source
}

/** Tells of a failure: `onError`, else the loop that will throw it, else `reportError`. */
export function announce(error: StreamError, { onError, clock = systemClock }: Settings, isConsumed: () => boolean): void {
  if (onError) guard(onError, error)
  // Whoever made the stream may be about to consume it.
  else if (!isConsumed()) clock.after(0, () => isConsumed() || report(error))
}

/** The limits of a stream's queue. */
export function queueLimits({ queue }: Settings): { events: number; bytes: number } {
  return { events: 1_024, bytes: 0x100000, ...queue }
}

/** The `Connect` of a stream, whose answers `onResponse` hears of. */
export function observedConnect({ connect, fetch, onResponse }: Settings): Connect {
  const open = connect ?? fetchConnect(fetch)
  return async (request) => {
    const connection = await open(request)
    const { status, url, headers } = connection
    guard(onResponse, { status, url, headers })
    return connection
  }
}
