/** The mock server's time, standing still until a test moves it. */
import type { Clock } from '../../../mock-server/base/clock.ts'
import { type ManualClock, createManualClock } from '../../support/manual-clock.ts'

/** When tests begin: 2026-01-01. */
export const START_TIME_MS = Date.UTC(2026, 0, 1)

export function createManualServerClock(): ManualClock & Clock {
  const clock = createManualClock()
  return Object.defineProperties(
    { ...clock, date: () => START_TIME_MS + clock.now() },
    { pendingDelays: { get: () => clock.pendingDelays } },
  )
}
