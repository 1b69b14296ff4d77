/** Statistics over many streams. */
import type { StreamOutcome, CheckResult } from './checks.ts'
import type { StreamRecord } from './record.ts'
import type { StreamKind } from './schedule.ts'
import { ITEM_COUNTS } from './schedule.ts'

export interface StreamStats {
  streams: number
  outcomes: Record<StreamOutcome, number>
  /** Number of failed streams by error code. */
  errorCodes: Map<string, number>
  /** Number of times that a stream was resumed from its cursor after an error. */
  resumed: number
  delivered: number
  /** Number of positions skipped, including those missing at the end of a false success. */
  lost: number
  /** Number of positions that a server without replay sent on no connection. */
  skipped: number
  /** Number of new connections to a server without replay that the client did not report. */
  unreported: number
  reportedLost: number
  repeated: number
  outOfOrder: number
  /** Number of POST requests of complete streams; other streams are not counted, because they may retry forever. */
  posts: number
  /** Number of runs started by complete streams, not counting the one that each stream needs. */
  extraRuns: number
  requests: number
  /** Number of faults by kind, in complete streams without violations. */
  survivedFaults: Map<string, number>
  violatedStreams: number
}

export function createStats(): StreamStats {
  return {
    streams: 0,
    outcomes: { complete: 0, failed: 0, 'false success': 0, hung: 0 },
    errorCodes: new Map(),
    resumed: 0,
    delivered: 0,
    lost: 0,
    skipped: 0,
    unreported: 0,
    reportedLost: 0,
    repeated: 0,
    outOfOrder: 0,
    posts: 0,
    extraRuns: 0,
    requests: 0,
    survivedFaults: new Map(),
    violatedStreams: 0,
  }
}

const increment = (to: Map<string, number>, key: string, times = 1): void =>
  void to.set(key, (to.get(key) ?? 0) + times)

export function addRecord(stats: StreamStats, kind: StreamKind, record: StreamRecord, result: CheckResult): void {
  const { outcome, code, delivered, lost, skipped, reportedLost, repeated, outOfOrder, violations } = result
  stats.streams++
  stats.outcomes[outcome]++
  if (code !== undefined) increment(stats.errorCodes, code)
  stats.resumed += record.errors.length - (outcome === 'failed' ? 1 : 0)
  stats.delivered += delivered
  stats.lost += lost + (outcome === 'false success' ? ITEM_COUNTS[kind] - delivered - lost - skipped - reportedLost : 0)
  stats.skipped += skipped
  stats.unreported += result.unreported
  stats.reportedLost += reportedLost
  stats.repeated += repeated
  stats.outOfOrder += outOfOrder
  if (outcome === 'complete') {
    stats.posts += record.posts
    stats.extraRuns += Math.max(0, record.runs - 1)
  }
  stats.requests += record.requests
  if (violations.length > 0) stats.violatedStreams++
  else if (outcome === 'complete')
    for (const [fault, times] of record.faults) increment(stats.survivedFaults, fault, times)
}
