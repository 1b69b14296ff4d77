/** Leadership as one Web Lock: the holder leads, and the lock's queue is the order of succession. */

export interface LeaderLock {
  /**
   * Releases the lock if this tab holds it, then queues for the lock; `steal` takes the lock from its holder instead of
   * queueing.
   */
  request(mode?: 'steal'): void
  /** Releases the lock, or leaves its queue. Idempotent. */
  release(): void
}

export interface LeaderLockHandlers {
  /** Called when this tab has acquired the lock. */
  onAcquired(): void
  /** Called when another tab has stolen the lock from this tab. */
  onStolen(): void
  /** Called if the lock cannot be requested. */
  onUnavailable(error: unknown): void
}

/** Creates the lock `name`, without requesting it yet. */
export function createLeaderLock(
  locks: Pick<LockManager, 'request'>,
  name: string,
  handlers: LeaderLockHandlers,
): LeaderLock {
  let release: (() => void) | undefined

  const request = (mode?: 'steal'): void => {
    release?.()
    const controller = new AbortController()
    let state: 'queued' | 'held' | 'released' = 'queued'
    let unlock: (() => void) | undefined
    release = () => {
      state = 'released'
      controller.abort()
      unlock?.()
    }
    locks
      .request(name, mode ? { steal: true } : { signal: controller.signal }, () => {
        if (state === 'released') return undefined
        state = 'held'
        return new Promise<void>((resolve) => {
          unlock = resolve
          handlers.onAcquired()
        })
      })
      .catch((error: unknown) => {
        const previous = state
        state = 'released'
        if (previous === 'held') handlers.onStolen()
        else if (previous === 'queued') handlers.onUnavailable(error)
      })
  }
  return {
    request,
    release: () => release?.(),
  }
}
