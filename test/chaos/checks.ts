/** Judges what became of a stream: each thing once and in order, or an error that the schedule justifies. */
import { isStreamError } from '../../src/base/errors.ts'
import { createAnswer } from './payloads.ts'
import type { StreamItem } from './client.ts'
import type { FaultCounts, Interruption, StreamRecord } from './record.ts'
import { MAX_ATTEMPTS_WITHOUT_PROGRESS, type Schedule, ITEM_COUNTS } from './schedule.ts'

/** `ended`: by an error; `false success`: whole by its own word alone. */
export type StreamOutcome = 'complete' | 'failed' | 'false success' | 'hung'

export interface CheckResult {
  readonly outcome: StreamOutcome
  /** What ended it: a code of ours, or another error's name. */
  readonly code?: string
  /** Different positions that came. */
  readonly delivered: number
  /** Positions that were passed over without a word. */
  readonly lost: number
  /** Positions that the client was told to have missed. */
  readonly reportedLost: number
  readonly repeated: number
  /** Positions that came after a later one. */
  readonly outOfOrder: number
  /** What breaks the promise, in words; none where it was kept. */
  readonly violations: readonly string[]
}

/** Faults that break no connection. */
const HARMLESS_FAULTS = /^(delay|torn|refused)|^server: (head-delay|newline|bom|overlap|duplicate)/

/** Connections that were broken, at most. */
const countBreakingFaults = (faults: FaultCounts): number =>
  [...faults].reduce((sum, [fault, times]) => (HARMLESS_FAULTS.test(fault) ? sum : sum + times), 0)

/** Whether what has happened is reason enough for this error. */
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
      return (
        hasFault('restart, all forgotten') || (schedule.expectedOutcome === 'refused' && hasFault(`server: ${status}`))
      )
    case 'content-type':
      return hasFault('server: content-type')
    case 'server':
      return hasFault('server: error-after')
    case 'invalid-data':
      return hasFault('server: invalid-data')
    case 'retries-exhausted':
      // So many in a row, and none of all attempts failed for nothing.
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

/** `attemptsPerFault`: so many attempts one broken connection can cost. */
export function checkStream(schedule: Schedule, record: StreamRecord, attemptsPerFault = 1): CheckResult {
  const { kind, seed, expectedOutcome } = schedule
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
  const missing = ITEM_COUNTS[kind] - seen.size - lost - reportedLost // after the last that came
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
  const expectRule = (isMet: boolean, what: string): void => void (isMet || violations.push(what))
  expectRule(lost === 0, `${lost} lost`)
  expectRule(repeated === 0, `${repeated} repeated`)
  expectRule(outOfOrder === 0, `${outOfOrder} out of order`)
  expectRule(wrongContent === 0, `${wrongContent} with another content`)
  expectRule(outcome !== 'hung' && outcome !== 'false success', outcome)
  expectRule(
    kind === 'feed' || record.runs <= 1 + (faults.get('restart, all forgotten') ?? 0),
    `${record.runs} runs were started`,
  )
  expectRule(
    reportedLost === 0 || faults.has('restart, all forgotten'),
    `${reportedLost} said to be lost, which the server still has`,
  )
  for (const one of record.errors) {
    const { attemptsWithoutProgress, attempts, refusedRequests, slowAttempts } = one
    const what = `${attemptsWithoutProgress} of ${attempts} attempts in a row, ${countBreakingFaults(one.faults)} faults, ${refusedRequests} refusals, ${slowAttempts} slow`
    expectRule(
      isJustified(schedule, one, attemptsPerFault),
      `${errorName(one.error)} is not justified (${expectedOutcome}; ${what})`,
    )
  }
  return {
    outcome,
    ...(ending.end === 'error' && { code: errorName(ending.error) }),
    delivered: seen.size,
    lost,
    reportedLost,
    repeated,
    outOfOrder,
    violations,
  }
}
