/** Judges what became of a stream: each thing once and in order, or an error that the schedule justifies. */
import { isStreamError } from '../../src/base/errors.ts'
import { makeAnswer } from './payloads.ts'
import type { Item } from './client.ts'
import type { Faults, Interruption, StreamRecord } from './record.ts'
import { LIMIT, type Schedule, sizes } from './schedule.ts'

/** `ended`: by an error; `false success`: whole by its own word alone. */
export type Outcome = 'whole' | 'ended' | 'false success' | 'hung'

export interface Verdict {
  readonly outcome: Outcome
  /** What ended it: a code of ours, or another error's name. */
  readonly code?: string
  /** Different positions that came. */
  readonly delivered: number
  /** Positions that were passed over without a word. */
  readonly lost: number
  /** Positions that the client was told to have missed. */
  readonly toldLost: number
  readonly repeated: number
  /** Positions that came after a later one. */
  readonly disordered: number
  /** What breaks the promise, in words; none where it was kept. */
  readonly breaches: readonly string[]
}

/** Faults that break no connection. */
const harmless = /^(delay|torn|refused)|^server: (head-delay|newline|bom|overlap|duplicate)/

/** Connections that were broken, at most. */
const breaks = (faults: Faults): number =>
  [...faults].reduce((sum, [fault, times]) => (harmless.test(fault) ? sum : sum + times), 0)

/** Whether what has happened is reason enough for this error. */
function isJustified(
  schedule: Schedule,
  { error, faults, barren, attempts, refusals, slow }: Interruption,
  attemptsPerFault: number,
): boolean {
  if (!isStreamError(error)) return false
  const { code, status } = error
  const had = (fault: string): boolean => faults.has(fault)
  switch (code) {
    case 'http':
      return had(`server: ${status}`) && schedule.fate === 'refused'
    case 'expired':
      return had('restart, all forgotten') || (schedule.fate === 'refused' && had(`server: ${status}`))
    case 'content-type':
      return had('server: content-type')
    case 'server':
      return had('server: error-after')
    case 'invalid-data':
      return had('server: invalid-data')
    case 'retries-exhausted':
      // So many in a row, and none of all attempts failed for nothing.
      return barren >= LIMIT && attempts <= attemptsPerFault * (breaks(faults) + refusals + slow)
    case 'gap':
      return (faults.get('server: drop-index') ?? 0) + (faults.get('server: reorder') ?? 0) > 1
    default:
      return false
  }
}

const nameOf = (error: unknown): string =>
  isStreamError(error) ? error.code : String(error).replace(/:? *\{.*|in JSON.*/s, '')

/** `attemptsPerFault`: so many attempts one broken connection can cost. */
export function judge(schedule: Schedule, record: StreamRecord, attemptsPerFault = 1): Verdict {
  const { kind, seed, fate } = schedule
  const { ending, faults } = record
  const { deltas } = makeAnswer(seed)
  const seen = new Set<number>()
  let highest = -1
  let repeated = 0
  let disordered = 0
  let lost = 0
  let toldLost = 0
  let wrong = 0
  let told = false
  const take = ({ position, content }: Item): void => {
    if (content !== undefined && content !== deltas[position]) wrong++
    if (seen.has(position)) return void repeated++
    seen.add(position)
    if (position < highest) {
      disordered++
      lost--
      return
    }
    if (told) toldLost += position - highest - 1
    else lost += position - highest - 1
    highest = position
    told = false
  }
  for (const item of record.items) {
    if (item === 'gap') told = true
    else take(item)
  }
  const whole = seen.size === sizes[kind]
  const missing = sizes[kind] - seen.size - lost - toldLost // after the last that came
  const says = ending.end === 'whole'
  if (says && told) toldLost += missing
  const complete = whole || (kind === 'feed' && lost === 0 && says && (missing === 0 || told))
  const outcome: Outcome =
    ending.end === 'hung' ? 'hung' : ending.end === 'error' ? 'ended' : complete && says ? 'whole' : 'false success'

  const breaches: string[] = []
  const breach = (holds: boolean, what: string): void => void (holds || breaches.push(what))
  breach(lost === 0, `${lost} lost`)
  breach(repeated === 0, `${repeated} repeated`)
  breach(disordered === 0, `${disordered} out of order`)
  breach(wrong === 0, `${wrong} with another content`)
  breach(outcome !== 'hung' && outcome !== 'false success', outcome)
  breach(
    kind === 'feed' || record.runs <= 1 + (faults.get('restart, all forgotten') ?? 0),
    `${record.runs} runs were started`,
  )
  breach(
    toldLost === 0 || faults.has('restart, all forgotten'),
    `${toldLost} said to be lost, which the server still has`,
  )
  for (const one of record.errors) {
    const { barren, attempts, refusals, slow } = one
    const what = `${barren} of ${attempts} attempts in a row, ${breaks(one.faults)} faults, ${refusals} refusals, ${slow} slow`
    breach(isJustified(schedule, one, attemptsPerFault), `${nameOf(one.error)} is not justified (${fate}; ${what})`)
  }
  return {
    outcome,
    ...(ending.end === 'error' && { code: nameOf(ending.error) }),
    delivered: seen.size,
    lost,
    toldLost,
    repeated,
    disordered,
    breaches,
  }
}
