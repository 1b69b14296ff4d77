/** The wait between two attempts, which hints and the application may shorten. */
import type { Clock } from '../base/clock.ts'

/** Milliseconds for which a hint counts: what broke while a page was frozen may be reported only after the page is shown. */
const HINT_LASTS_MS = 1_000

export interface RetryTimer {
  /** The shortest wait that the server has asked for with a `retry` field, in milliseconds. */
  reconnectionTime: number
  /**
   * Calls `onDue` after `delay` milliseconds. `serverDelay` is the part of it that the server asked for, `hintDelay` the
   * shortest wait after which a hint may end it.
   */
  start(delay: number, serverDelay: number, hintDelay: number): void
  /** Ends this wait, or else the next one, as soon as a hint may: the page was shown or the network is back. */
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
  let lastHintAt = -Infinity

  const stop = (): void => {
    cancel?.()
    cancel = undefined
  }
  return {
    reconnectionTime: 0,
    start(delay, serverDelay, hintDelay) {
      const now = clock.now()
      allowedAt = now + serverDelay
      hintedAt = now + hintDelay
      cancel = clock.after(now - lastHintAt < HINT_LASTS_MS ? Math.min(delay, hintDelay) : delay, onDue)
      lastHintAt = -Infinity
    },
    hurry() {
      const now = clock.now()
      if (!cancel) lastHintAt = now
      else {
        stop()
        cancel = clock.after(Math.max(0, hintedAt - now), onDue)
      }
    },
    get isAllowed() {
      return clock.now() >= allowedAt
    },
    stop,
  }
}
