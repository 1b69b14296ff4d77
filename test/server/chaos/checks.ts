/** Checks the record of a stream of the cluster: every item once and in order, or an error that a kill justifies. */
import { isStreamError } from '../../../src/base/errors.ts'
import { type CheckResult, checkStream } from '../../chaos/checks.ts'
import type { FaultCounts, StreamRecord } from '../../chaos/record.ts'
import type { Schedule } from '../../chaos/schedule.ts'
import { REDIS_KILLED } from './schedule.ts'

/** Who generated an answer. */
export interface Production {
  /** Process IDs, one for each generation. */
  readonly generations: readonly number[]
  readonly killedPids: ReadonlySet<number>
}

/** Returns whether an error says that the process that generated the run was lost. */
export const isProducerLost = (error: unknown): boolean =>
  isStreamError(error, 'server') && error.serverCode === 'producer-lost'

/**
 * Checks a stream. A run may fail, and its answer be generated again, only if its process was killed, or if Redis was: a
 * process cannot renew its lease while Redis is away, and on a busy machine that takes long.
 */
export function checkClusterStream(schedule: Schedule, record: StreamRecord, production: Production): CheckResult {
  const { generations, killedPids } = production
  const result = checkStream(schedule, { ...record, errors: [], runs: 1 })
  const mayBeLost = (pids: readonly number[], faults: FaultCounts): boolean =>
    faults.has(REDIS_KILLED) || pids.some((pid) => killedPids.has(pid))
  const unjustified = record.errors
    .filter(({ error, faults }) => !isProducerLost(error) || !mayBeLost(generations, faults))
    .map(({ error }) => `${String(error)} is not justified`)
  const repeated = generations.slice(0, -1).filter((pid) => !mayBeLost([pid], record.faults)).length
  return {
    ...result,
    violations: [
      ...result.violations,
      ...unjustified,
      ...(record.items.includes('gap') ? ['a reset, although nothing was lost'] : []),
      ...(repeated > 0 ? [`the answer of a living process was generated again ${repeated} times`] : []),
      ...(schedule.kind === 'run' && generations.length === 0 ? ['no generation'] : []),
    ],
  }
}
