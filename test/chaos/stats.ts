/** Sums up what became of many streams. */
import type { StreamRecord } from './record.ts'
import type { Kind } from './schedule.ts'
import { sizes } from './schedule.ts'
import type { Outcome, Verdict } from './checks.ts'

export interface Tally {
  streams: number
  outcomes: Record<Outcome, number>
  /** What ended those that ended, by code. */
  codes: Map<string, number>
  /** Errors after which a stream was gone on with from its cursor. */
  resumed: number
  delivered: number
  /** Positions passed over, and those at the end of a stream that says that it is whole. */
  lost: number
  toldLost: number
  repeated: number
  disordered: number
  /** POSTs of the streams that became whole, and the runs they have started beyond one each: others may go on asking for ever. */
  posts: number
  generatedAgain: number
  requests: number
  /** Faults by kind, in streams that came to what their schedule says. */
  survived: Map<string, number>
  breached: number
}

export function createTally(): Tally {
  return {
    streams: 0,
    outcomes: { whole: 0, ended: 0, 'false success': 0, hung: 0 },
    codes: new Map(),
    resumed: 0,
    delivered: 0,
    lost: 0,
    toldLost: 0,
    repeated: 0,
    disordered: 0,
    posts: 0,
    generatedAgain: 0,
    requests: 0,
    survived: new Map(),
    breached: 0,
  }
}

const add = (to: Map<string, number>, key: string, times = 1): void => void to.set(key, (to.get(key) ?? 0) + times)

export function addTo(tally: Tally, kind: Kind, record: StreamRecord, verdict: Verdict): void {
  const { outcome, code, delivered, lost, toldLost, repeated, disordered, breaches } = verdict
  tally.streams++
  tally.outcomes[outcome]++
  if (code !== undefined) add(tally.codes, code)
  tally.resumed += record.errors.length - (outcome === 'ended' ? 1 : 0)
  tally.delivered += delivered
  tally.lost += lost + (outcome === 'false success' ? sizes[kind] - delivered - lost - toldLost : 0)
  tally.toldLost += toldLost
  tally.repeated += repeated
  tally.disordered += disordered
  if (outcome === 'whole') {
    tally.posts += record.posts
    tally.generatedAgain += Math.max(0, record.runs - 1)
  }
  tally.requests += record.requests
  if (breaches.length > 0) tally.breached++
  else if (outcome === 'whole') for (const [fault, times] of record.faults) add(tally.survived, fault, times)
}
