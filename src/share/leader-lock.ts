/** Who leads: one Web Lock, whose queue is the order in which the lead is passed on. */

export interface Election {
  /** Waits for the lead, and gives it up first where it was had; or takes it from whoever has it. */
  stand(how?: 'seize'): void
  /** Wants the lead no more. Idempotent. */
  withdraw(): void
}

export interface Candidate {
  won(): void
  /** Somebody has seized it. */
  lost(): void
  /** There can't be an election. */
  failed(error: unknown): void
}

/** Holds an election over `name`; nobody stands yet. */
export function createElection(locks: Pick<LockManager, 'request'>, name: string, candidate: Candidate): Election {
  let withdraw: (() => void) | undefined

  const stand = (how?: 'seize'): void => {
    withdraw?.()
    const controller = new AbortController()
    let state: 'queued' | 'held' | 'over' = 'queued'
    let release: (() => void) | undefined
    withdraw = () => {
      state = 'over'
      controller.abort()
      release?.()
    }
    locks
      .request(name, how ? { steal: true } : { signal: controller.signal }, () => {
        if (state === 'over') return undefined
        state = 'held'
        return new Promise<void>((resolve) => {
          release = resolve
          candidate.won()
        })
      })
      .catch((error: unknown) => {
        const before = state
        state = 'over'
        if (before === 'held') candidate.lost()
        else if (before === 'queued') candidate.failed(error)
      })
  }
  return {
    stand,
    withdraw: () => withdraw?.(),
  }
}
