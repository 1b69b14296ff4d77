/** Who leads: one Web Lock, whose queue is the order in which the lead is passed on. */

export interface LeaderLock {
  /** Waits for the lead, and gives it up first where it was had; or takes it from whoever has it. */
  request(mode?: 'steal'): void
  /** Wants the lead no more. Idempotent. */
  release(): void
}

export interface LeaderLockHandlers {
  onAcquired(): void
  /** Somebody has seized it. */
  onStolen(): void
  /** There can't be an election. */
  onUnavailable(error: unknown): void
}

/** Holds an election over `name`; nobody stands yet. */
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
