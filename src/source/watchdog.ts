/** Two clocks for silence: no byte at all, and no event. Both run only while somebody waits for the server. */
import type { Clock } from '../base/clock.ts'

export interface Watchdog {
  /** A read begins: the server is waited for. */
  beginRead(): void
  /** Called after a read. `hasEvents`: it returned more than comments and IDs. */
  endRead(hasEvents: boolean): void
  /** Sets the longest silence on the wire, in milliseconds. */
  setIdleTimeout(ms: number): void
  /** Looks at the clock now: timers may have been held back. */
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
  // One timer that looks at timestamps: arming one per read would cost more than reading.
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
      // Otherwise the last read brought no event: the silence goes on.
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
