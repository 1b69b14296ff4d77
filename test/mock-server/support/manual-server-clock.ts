/** A clock for the mock server that stands still until a test advances it. */
import type { Clock } from '../../../server/base/clock.ts'
import { type ManualClock, createManualClock } from '../../support/manual-clock.ts'

/** The date at which the clock starts: 2026-01-01. */
export const START_TIME_MS = Date.UTC(2026, 0, 1)

/** Creates the clock. */
export function createManualServerClock(): ManualClock & Clock {
  const clock = createManualClock()
  return Object.defineProperties(
    { ...clock, date: () => START_TIME_MS + clock.now() },
    { pendingDelays: { get: () => clock.pendingDelays } },
  )
}
