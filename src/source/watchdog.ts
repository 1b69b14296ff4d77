/** Two clocks for silence: no byte at all, and no event. Both run only while somebody waits for the server. */
import type { Clock } from '../base/clock.ts'

export interface Watchdog {
  /** A read begins: the server is waited for. */
  reading(): void
  /** The read is over; `events`: it brought more than comments. */
  read(events: boolean): void
  /** Sets the longest silence on the wire, in milliseconds. */
  setIdleTimeout(ms: number): void
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
  let waiting = false
  let byteAt = 0
  let eventAt = 0
  let eventSeen = true
  let cancel: (() => void) | undefined

  const check = (): void => {
    cancel = undefined
    const now = waiting ? clock.now() : (byteAt = eventAt = clock.now())
    const idle = byteAt + idleTimeout - now
    const stalled = eventAt + stallTimeout - now
    if (idle <= 0) onSilence('idle', idleTimeout)
    else if (stalled <= 0) onSilence('stalled', stallTimeout)
    else arm(Math.min(idle, stalled))
  }
  const arm = (ms: number): void => {
    cancel?.()
    cancel = ms < Infinity ? clock.after(ms, check) : undefined
  }

  return {
    reading() {
      byteAt = clock.now()
      if (eventSeen) eventAt = byteAt
      waiting = true
      if (!cancel) arm(Math.min(idleTimeout, stallTimeout))
    },
    read(events) {
      waiting = false
      eventSeen = events
    },
    setIdleTimeout(ms) {
      idleTimeout = ms
      arm(Math.min(idleTimeout, stallTimeout))
    },
    stop() {
      cancel?.()
      cancel = undefined
    },
  }
}
