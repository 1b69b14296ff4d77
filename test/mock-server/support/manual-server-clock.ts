/** The mock server's time, standing still until a test moves it. */
import type { Clock } from '../../../mock-server/base/clock.ts'
import { type ManualClock, createManualClock } from '../../support/manual-clock.ts'

/** When tests begin: 2026-01-01. */
export const BEGINNING = Date.UTC(2026, 0, 1)

export function createMockClock(): ManualClock & Clock {
  const clock = createManualClock()
  return Object.defineProperties({ ...clock, date: () => BEGINNING + clock.now() }, { due: { get: () => clock.due } })
}
