/** The wait between two attempts, which hints and the application may shorten. */
import type { Clock } from '../base/clock.ts'

export interface RetryTimer {
  /** The shortest wait that the server has asked for with a `retry` field, in milliseconds. */
  reconnectionTime: number
  /**
   * Calls `onDue` after `delay` milliseconds. `serverDelay` is the part of it that the server asked for, `hintDelay` the
   * shortest wait after which a hint may end it.
   */
  start(delay: number, serverDelay: number, hintDelay: number): void
  /** Ends the wait as soon as a hint may, because the page was shown or the network is back. */
  hurry(): void
  /** Whether the time that the server asked for has passed. */
  readonly isAllowed: boolean
  stop(): void
}

/** Creates a timer that is not running. */
export function createRetryTimer(clock: Clock, onDue: () => void): RetryTimer {
  let cancel: (() => void) | undefined
  let allowedAt = 0
  let hintedAt = 0

  const stop = (): void => cancel?.()
  return {
    reconnectionTime: 0,
    start(delay, serverDelay, hintDelay) {
      const now = clock.now()
      allowedAt = now + serverDelay
      hintedAt = now + hintDelay
      cancel = clock.after(delay, onDue)
    },
    hurry() {
      stop()
      cancel = clock.after(Math.max(0, hintedAt - clock.now()), onDue)
    },
    get isAllowed() {
      return clock.now() >= allowedAt
    },
    stop,
  }
}
