/** Detects two kinds of silence: no byte, and no event. It measures only while a read is waiting for the server. */
import type { Clock } from '../base/clock.ts'

export interface Watchdog {
  /** Called before a read. */
  beginRead(): void
  /** Called after a read. `hasEvents`: it returned more than comments and IDs. */
  endRead(hasEvents: boolean): void
  /** Sets the longest silence on the wire, in milliseconds. */
  setIdleTimeout(ms: number): void
  /** Checks the time now, because the platform may have delayed timers. */
  check(): void
  stop(): void
}

/** Calls `onSilence` once: `idle` after `idleTimeout` without a byte, `stalled` after `stallTimeout` without an event. */
export function createWatchdog(
  clock: Clock,
  idleTimeout: number,
  stallTimeout: number,
  onSilence: (code: 'idle' | 'stalled', timeout: number) => void,
): Watchdog {
  // One timer that compares timestamps: starting a timer for each read would cost more than the read.
  let isWaiting = false
  let lastByteAt = clock.now()
  let lastEventAt = lastByteAt
  let cancel: (() => void) | undefined

  const check = (): void => {
    cancel?.()
    const now = clock.now()
    if (!isWaiting) lastByteAt = lastEventAt = now
    const idle = lastByteAt + idleTimeout - now
    const stalled = lastEventAt + stallTimeout - now
    const next = Math.min(idle, stalled)
    if (idle <= 0) onSilence('idle', idleTimeout)
    else if (stalled <= 0) onSilence('stalled', stallTimeout)
    else if (next < Infinity) cancel = clock.after(next, check)
  }
  check()

  return {
    beginRead() {
      const now = clock.now()
      // Otherwise the last read brought no event, so the silence continues.
      if (!isWaiting) lastEventAt = now
      lastByteAt = now
      isWaiting = true
    },
    endRead(hasEvents) {
      isWaiting = !hasEvents
    },
    setIdleTimeout(ms) {
      idleTimeout = ms
      check()
    },
    check,
    stop() {
      cancel?.()
    },
  }
}
