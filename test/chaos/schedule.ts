/** What goes wrong with one stream, and when: drawn from a seed, before anything runs. */
import type { Rule } from '../../mock-server/scenario/rule.ts'
import { type Dice, createDice } from './prng.ts'
import { type Link, barrenLink, drawLink } from './connection-faults.ts'

export type Kind = 'run' | 'feed'

/** A run's deltas, and a feed's events. */
export const sizes: Readonly<Record<Kind, number>> = { run: 500, feed: 2_000 }

/** Attempts in a row without progress after which a run may give up: what users have who set nothing. */
export const LIMIT = 5

/** What the stream has to come to: all of it; or an error by this name. */
export type Fate = 'whole' | 'refused' | 'other-type' | 'failed' | 'invalid' | 'forgotten' | 'outage'

/** The server is killed and comes back, once so much was delivered. */
export interface Restart {
  readonly after: number
  /** Milliseconds. */
  readonly downtime: number
  readonly log: 'keep' | 'lose'
}

/** How the stream is consumed; `leaving`: by a loop that is left now and then, and another one that goes on from its cursor. */
export type Consumer = 'loop' | 'slow-loop' | 'leaving' | 'listeners'

export interface Schedule {
  readonly seed: number
  readonly kind: Kind
  readonly fate: Fate
  /** What happens to the n-th TCP connection; nothing, beyond the last. */
  readonly links: readonly Link[]
  /** What the server does to the n-th request. */
  readonly rules: readonly Rule[]
  readonly restarts: readonly Restart[]
  readonly compress: boolean
  readonly consumer: Consumer
  /** Milliseconds between two deltas of a run; 0: all at once. */
  readonly pace: number
  /** Events that a feed's server sends in one go. */
  readonly burst: number
  /** Milliseconds between a server's heartbeats: three of them missing is a dead connection. */
  readonly heartbeat: number
  /** Milliseconds without a byte; without it a silence is noticed only after the server has announced its heartbeats. */
  readonly idleTimeout?: number
  /** Milliseconds without an event, where the schedule has a producer that dies. */
  readonly stallTimeout?: number
}

const retriedStatuses = [408, 425, 429, 500, 502, 503, 504]
const finalStatuses = [400, 403, 404, 410, 422]

/** A fault of the server's that a client gets over, for one request. */
function drawRule(dice: Dice, kind: Kind): Rule {
  const after = dice.magnitude(0, kind === 'run' ? 400 : 800)
  const cut = { 'cut-at': dice.pick(['middle', 'boundary', 'character', 'last-byte'] as const) }
  const runs = kind === 'run' ? 1 : 0
  const fault = dice.weighted({
    status: 6,
    'reset-after': 2,
    'truncate-after': 2,
    'end-after': 3,
    'stall-after': 1,
    'quiet-after': 1,
    'lose-answer': 1.5,
    refuse: 1,
    'head-delay': 1,
    newline: 1,
    bom: 1,
    split: 1,
    overlap: 1.5,
    'drop-index': runs,
    duplicate: runs,
    reorder: runs,
  })
  switch (fault) {
    case 'status':
      return { status: dice.pick(retriedStatuses), ...(dice.chance(0.5) && { 'retry-after': 0 }) }
    case 'lose-answer':
    case 'refuse':
      return { [fault]: true }
    case 'head-delay':
      return { 'head-delay': dice.whole(1, 60) }
    case 'newline':
      return { newline: dice.pick(['crlf', 'cr'] as const) }
    case 'bom':
      return { bom: 1 }
    case 'split':
      return { split: dice.pick([1, 7, 64]), 'end-after': dice.whole(5, 60) }
    case 'overlap':
      return { overlap: dice.whole(1, 40) }
    case 'drop-index':
      return { 'drop-index': after }
    case 'duplicate':
    case 'reorder':
      return { [fault]: after + 2 } // not the `start`
    default:
      return { [fault]: after, ...cut }
  }
}

/** What makes the stream end otherwise, from one request on. */
function fatalRules(dice: Dice, fate: Fate, from: number): Rule[] {
  switch (fate) {
    case 'refused':
      return [{ skip: from, status: dice.pick(finalStatuses) }]
    case 'other-type':
      return [{ skip: from, 'content-type': dice.pick(['text/html', 'application/json', 'text/event-streamish']) }]
    case 'failed':
      return [{ 'error-after': dice.whole(0, 499), 'error-code': 'overloaded', 'error-retryable': true }]
    case 'invalid':
      return [{ skip: from, 'invalid-data': dice.magnitude(2, 400) }]
    default:
      return []
  }
}

/** Whether a connection may fall silent before the server has announced its heartbeats. */
const stallsEarly = (links: readonly Link[], rules: readonly Rule[]): boolean =>
  links.some(({ answer }) => answer?.how === 'stall' && answer.after < 2_000) ||
  rules.some((rule) => rule['stall-after'] === 0)

export function drawSchedule(seed: number, kind: Kind): Schedule {
  const dice = createDice(seed * 2 + (kind === 'feed' ? 1 : 0))
  const runs = kind === 'run' ? 0.03 : 0
  const fate = dice.weighted<Fate>({
    whole: 0.8,
    refused: 0.04,
    'other-type': 0.03,
    failed: runs,
    invalid: runs,
    forgotten: 0.05,
    outage: 0.05,
  })
  const links = Array.from({ length: dice.magnitude(1, 14) }, () => drawLink(dice, kind))
  const drawn: Rule[] = Array.from({ length: dice.magnitude(0, 6) }, () => ({
    skip: dice.magnitude(0, 12),
    times: 1,
    ...drawRule(dice, kind),
  }))
  // A server that is never quite sure what it has sent.
  if (dice.chance(0.2)) drawn.push({ overlap: dice.whole(1, 60) })
  // Where a feed was joined anew, what was before has never come: nobody can know it for old.
  const rules = drawn.filter((rule) => !(kind === 'feed' && fate === 'forgotten' && 'overlap' in rule))
  // Of a feed whose server repeats itself, a new subscription knows the one id that it begins with.
  const overlaps = rules.some((rule) => 'overlap' in rule)
  if (fate === 'outage') {
    // More than a run takes in a row, behind one that was cut.
    const at = dice.whole(0, 2)
    links.splice(
      at,
      links.length,
      drawLink(dice, kind),
      ...Array.from({ length: LIMIT + dice.whole(2, 5) }, () => barrenLink(dice)),
    )
  }
  const restarts: Restart[] = []
  const restart = (log: Restart['log']): void => {
    restarts.push({
      after: dice.magnitude(0, sizes[kind] - 50),
      downtime: dice.chance(0.5) ? 0 : dice.whole(1, 40),
      log,
    })
  }
  if (fate === 'forgotten') restart('lose')
  else if (dice.chance(0.25)) restart('keep')
  return {
    seed,
    kind,
    fate,
    links,
    rules: [...rules, ...fatalRules(dice, fate, dice.whole(0, 4))],
    restarts,
    compress: dice.chance(0.3),
    consumer: dice.weighted({ loop: 3, 'slow-loop': 2, leaving: overlaps && kind === 'feed' ? 0 : 2, listeners: 3 }),
    pace: dice.chance(0.4) ? 1 : 0,
    burst: dice.magnitude(4, 120),
    heartbeat: 250,
    ...((dice.chance(0.4) || stallsEarly(links, rules)) && { idleTimeout: 750 }),
    // A carrier is alive whatever its streams do.
    ...(rules.some((rule) => 'quiet-after' in rule || 'stall-after' in rule) && { stallTimeout: 1_200 }),
  }
}
