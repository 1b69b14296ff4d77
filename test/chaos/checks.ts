/**
 * Checks a stream's record: each item once and in order, or an error that the schedule justifies. From a server that
 * replays nothing, the same is required of each connection, and a reset between two connections.
 */
import { isStreamError } from '../../src/base/errors.ts'
import { checkConnections } from './check-connections.ts'
import type { StreamItem } from './client.ts'
import { createAnswer } from './payloads.ts'
import type { FaultCounts, Interruption, StreamRecord } from './record.ts'
import { MAX_ATTEMPTS_WITHOUT_PROGRESS, type Schedule, ITEM_COUNTS } from './schedule.ts'

/** `failed`: ended with an error; `false success`: reported success although items were missing. */
export type StreamOutcome = 'complete' | 'failed' | 'false success' | 'hung'

export interface CheckResult {
  readonly outcome: StreamOutcome
  /** The error that ended the stream: the code of a `StreamError`, or the message of any other error. */
  readonly code?: string
  /** Number of distinct positions delivered. */
  readonly delivered: number
  /** Number of positions skipped silently. */
  readonly lost: number
  /** Number of positions that a server without replay sent on no connection. */
  readonly skipped: number
  /** Number of new connections to a server without replay that the client did not report with a reset. */
  readonly unreported: number
  /** Number of positions that the client reported as missing. */
  readonly reportedLost: number
  readonly repeated: number
  /** Number of positions delivered after a higher position. */
  readonly outOfOrder: number
  /** Descriptions of the guarantees that were broken. */
  readonly violations: readonly string[]
}

/** Faults that do not break a connection. */
const HARMLESS_FAULTS = /^(delay|split|refused)|^server: (head-delay|newline|bom|overlap|duplicate)/

/** Returns an upper bound for the number of broken connections. */
const countBreakingFaults = (faults: FaultCounts): number =>
  [...faults].reduce((sum, [fault, times]) => (HARMLESS_FAULTS.test(fault) ? sum : sum + times), 0)

/** Returns whether the faults so far explain this error. */
function isJustified(
  schedule: Schedule,
  { error, faults, attemptsWithoutProgress, attempts, refusedRequests, slowAttempts }: Interruption,
  attemptsPerFault: number,
): boolean {
  if (!isStreamError(error)) return false
  const { code, status } = error
  const hasFault = (fault: string): boolean => faults.has(fault)
  switch (code) {
    case 'http':
      return hasFault(`server: ${status}`) && schedule.expectedOutcome === 'refused'
    case 'expired':
      return hasFault('restart, log lost') || (schedule.expectedOutcome === 'refused' && hasFault(`server: ${status}`))
    case 'content-type':
      return hasFault('server: content-type')
    case 'server':
      return hasFault('server: error-after')
    case 'invalid-data':
      return hasFault('server: invalid-data')
    case 'retries-exhausted':
      // The retry limit is reached, and every failed attempt has a fault that explains it.
      return (
        attemptsWithoutProgress >= MAX_ATTEMPTS_WITHOUT_PROGRESS &&
        attempts <= attemptsPerFault * (countBreakingFaults(faults) + refusedRequests + slowAttempts)
      )
    case 'gap':
      return (faults.get('server: drop-index') ?? 0) + (faults.get('server: reorder') ?? 0) > 1
    default:
      return false
  }
}

const errorName = (error: unknown): string =>
  isStreamError(error) ? error.code : String(error).replace(/:? *\{.*|in JSON.*/s, '')

/** Checks a record against its schedule; `attemptsPerFault` is the number of attempts that one broken connection may cost. */
export function checkStream(schedule: Schedule, record: StreamRecord, attemptsPerFault = 1): CheckResult {
  const { kind, server, seed, expectedOutcome } = schedule
  const { ending, faults } = record
  const { deltas } = createAnswer(seed)
  const seen = new Set<number>()
  let highest = -1
  let repeated = 0
  let outOfOrder = 0
  let lost = 0
  let reportedLost = 0
  let wrongContent = 0
  let gapReported = false
  const addItem = ({ position, content }: StreamItem): void => {
    if (content !== undefined && content !== deltas[position]) wrongContent++
    if (seen.has(position)) return void repeated++
    seen.add(position)
    if (position < highest) {
      outOfOrder++
      lost--
      return
    }
    if (gapReported) reportedLost += position - highest - 1
    else lost += position - highest - 1
    highest = position
    gapReported = false
  }
  for (const item of record.items) {
    if (item === 'gap') gapReported = true
    else addItem(item)
  }
  const isFullyDelivered = seen.size === ITEM_COUNTS[kind]
  const connections = server === 'per-connection' ? checkConnections(record, ITEM_COUNTS[kind]) : undefined
  const { skipped, unreported } = connections ?? { skipped: 0, unreported: 0 }
  if (connections) {
    lost = connections.lost
    reportedLost = 0
  }
  const missing = ITEM_COUNTS[kind] - seen.size - lost - reportedLost - skipped // after the last delivered item
  const claimsComplete = ending.end === 'complete'
  if (claimsComplete && gapReported) reportedLost += missing
  const isComplete =
    isFullyDelivered || (kind === 'feed' && lost === 0 && claimsComplete && (missing === 0 || gapReported))
  const outcome: StreamOutcome =
    ending.end === 'hung'
      ? 'hung'
      : ending.end === 'error'
        ? 'failed'
        : isComplete && claimsComplete
          ? 'complete'
          : 'false success'

  const violations: string[] = []
  const expectRule = (isMet: boolean, violation: string): void => void (isMet || violations.push(violation))
  expectRule(lost === 0, `${lost} lost`)
  expectRule(unreported === 0, `${unreported} connections not reported`)
  expectRule(repeated === 0, `${repeated} repeated`)
  expectRule(outOfOrder === 0, `${outOfOrder} out of order`)
  expectRule(wrongContent === 0, `${wrongContent} with wrong content`)
  expectRule(outcome !== 'hung' && outcome !== 'false success', outcome)
  expectRule(
    kind === 'feed' || record.runs <= 1 + (faults.get('restart, log lost') ?? 0),
    `${record.runs} runs were started`,
  )
  expectRule(
    reportedLost === 0 || faults.has('restart, log lost'),
    `${reportedLost} reported lost, although the server still has them`,
  )
  for (const interruption of record.errors) {
    const { error, attemptsWithoutProgress, attempts, refusedRequests, slowAttempts } = interruption
    const details = `${attemptsWithoutProgress} of ${attempts} attempts in a row, ${countBreakingFaults(interruption.faults)} faults, ${refusedRequests} refusals, ${slowAttempts} slow`
    expectRule(
      isJustified(schedule, interruption, attemptsPerFault),
      `${errorName(error)} is not justified (${expectedOutcome}; ${details})`,
    )
  }
  return {
    outcome,
    ...(ending.end === 'error' && { code: errorName(ending.error) }),
    delivered: seen.size,
    lost,
    skipped,
    unreported,
    reportedLost,
    repeated,
    outOfOrder,
    violations,
  }
}
