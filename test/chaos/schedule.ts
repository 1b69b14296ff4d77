/** Draws the schedule of one stream from a seed: its faults, their timing and the expected outcome. */
import type { Rule } from '../../mock-server/scenario/rule.ts'
import { type ConnectionFaults, drawRefusedConnection, drawConnectionFaults } from './connection-faults.ts'
import { type Prng, createPrng } from './prng.ts'
import type { ServerKind } from './upstream.ts'

export type StreamKind = 'run' | 'feed'

/** Number of deltas of a run, and of events of a feed. */
export const ITEM_COUNTS: Readonly<Record<StreamKind, number>> = { run: 500, feed: 2_000 }

/** Consecutive attempts without progress after which a run may give up: the SDK's default. */
export const MAX_ATTEMPTS_WITHOUT_PROGRESS = 5

/** The outcome that the schedule allows: complete delivery, or alternatively the named error. */
export type ExpectedOutcome =
  | 'complete'
  | 'refused'
  | 'wrong-content-type'
  | 'server-error'
  | 'invalid-data'
  | 'log-lost'
  | 'outage'

/** A server restart, performed once `afterItems` items have been delivered. */
export interface Restart {
  readonly afterItems: number
  /** Milliseconds during which the server is down. */
  readonly downtime: number
  readonly log: 'keep' | 'lose'
}

/** How the stream is consumed; `resuming-loop` leaves its loop now and then and resumes from the cursor. */
export type ConsumerMode = 'loop' | 'slow-loop' | 'resuming-loop' | 'listeners'

export interface Schedule {
  readonly seed: number
  readonly kind: StreamKind
  readonly server: ServerKind
  readonly expectedOutcome: ExpectedOutcome
  /** Faults of each TCP connection, in order; connections beyond the last entry have none. */
  readonly connectionFaults: readonly ConnectionFaults[]
  /** Scenario rules of the mock server. */
  readonly rules: readonly Rule[]
  readonly restarts: readonly Restart[]
  readonly compress: boolean
  readonly consumer: ConsumerMode
  /** Milliseconds between two deltas of a run; 0 sends all at once. */
  readonly deltaIntervalMs: number
  /** Number of events that a feed sends per burst. */
  readonly burstEvents: number
  /** Milliseconds between the server's heartbeats; after three missing heartbeats, the client replaces the connection. */
  readonly heartbeatMs: number
  /** The client's idle timeout in milliseconds; if absent, the client detects silence only once the server has announced heartbeats. */
  readonly idleTimeout?: number
  /** The client's stall timeout in milliseconds; set if the server may stop sending events. */
  readonly stallTimeout?: number
}

const RETRIED_STATUSES = [408, 425, 429, 500, 502, 503, 504]
const FINAL_STATUSES = [400, 403, 404, 410, 422]

/** Draws a server fault that affects one request, and that a client must survive. */
function drawRule(prng: Prng, kind: StreamKind): Rule {
  const afterItems = prng.logUniformInteger(0, kind === 'run' ? 400 : 800)
  const cut = { 'cut-at': prng.pick(['middle', 'boundary', 'character', 'last-byte'] as const) }
  const runWeight = kind === 'run' ? 1 : 0
  const fault = prng.pickWeighted({
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
    'drop-index': runWeight,
    duplicate: runWeight,
    reorder: runWeight,
  })
  switch (fault) {
    case 'status':
      return { status: prng.pick(RETRIED_STATUSES), ...(prng.chance(0.5) && { 'retry-after': 0 }) }
    case 'lose-answer':
    case 'refuse':
      return { [fault]: true }
    case 'head-delay':
      return { 'head-delay': prng.integer(1, 60) }
    case 'newline':
      return { newline: prng.pick(['crlf', 'cr'] as const) }
    case 'bom':
      return { bom: 1 }
    case 'split':
      return { split: prng.pick([1, 7, 64]), 'end-after': prng.integer(5, 60) }
    case 'overlap':
      return { overlap: prng.integer(1, 40) }
    case 'drop-index':
      return { 'drop-index': afterItems }
    case 'duplicate':
    case 'reorder':
      return { [fault]: afterItems + 2 } // spare the `start` event
    default:
      return { [fault]: afterItems, ...cut }
  }
}

/** Draws the rules that lead to the expected error, starting with the request at index `from`. */
function drawFatalRules(prng: Prng, expectedOutcome: ExpectedOutcome, from: number): Rule[] {
  switch (expectedOutcome) {
    case 'refused':
      return [{ skip: from, status: prng.pick(FINAL_STATUSES) }]
    case 'wrong-content-type':
      return [{ skip: from, 'content-type': prng.pick(['text/html', 'application/json', 'text/event-streamish']) }]
    case 'server-error':
      return [{ 'error-after': prng.integer(0, 499), 'error-code': 'overloaded', 'error-retryable': true }]
    case 'invalid-data':
      return [{ skip: from, 'invalid-data': prng.logUniformInteger(2, 400) }]
    default:
      return []
  }
}

/** Returns whether a connection may stall before the server has announced its heartbeats. */
const canStallBeforeHeartbeat = (connectionFaults: readonly ConnectionFaults[], rules: readonly Rule[]): boolean =>
  connectionFaults.some(({ response }) => response?.action === 'stall' && response.afterBytes < 2_000) ||
  rules.some((rule) => rule['stall-after'] === 0)

/** Draws a schedule for the mock server. */
export function drawSchedule(seed: number, kind: StreamKind): Schedule {
  const prng = createPrng(seed * 2 + (kind === 'feed' ? 1 : 0))
  const runWeight = kind === 'run' ? 0.03 : 0
  const expectedOutcome = prng.pickWeighted<ExpectedOutcome>({
    complete: 0.8,
    refused: 0.04,
    'wrong-content-type': 0.03,
    'server-error': runWeight,
    'invalid-data': runWeight,
    'log-lost': 0.05,
    outage: 0.05,
  })
  const connectionFaults = Array.from({ length: prng.logUniformInteger(1, 14) }, () => drawConnectionFaults(prng, kind))
  const drawnRules: Rule[] = Array.from({ length: prng.logUniformInteger(0, 6) }, () => ({
    skip: prng.logUniformInteger(0, 12),
    times: 1,
    ...drawRule(prng, kind),
  }))
  // In some schedules, the server starts every replay too early.
  if (prng.chance(0.2)) drawnRules.push({ overlap: prng.integer(1, 60) })
  // After a restart without the log, a client cannot recognize overlapping events of a feed as duplicates, so no rule
  // may cause any.
  const rules = drawnRules.filter((rule) => !(kind === 'feed' && expectedOutcome === 'log-lost' && 'overlap' in rule))
  // A new subscription knows only the event ID from which it resumes and cannot recognize overlapping events, so a feed
  // that has any must not be consumed by `resuming-loop`.
  const overlaps = rules.some((rule) => 'overlap' in rule)
  if (expectedOutcome === 'outage') {
    // Refuse more connections in a row than a run tolerates, after a connection that may deliver something.
    const at = prng.integer(0, 2)
    connectionFaults.splice(
      at,
      connectionFaults.length,
      drawConnectionFaults(prng, kind),
      ...Array.from({ length: MAX_ATTEMPTS_WITHOUT_PROGRESS + prng.integer(2, 5) }, () => drawRefusedConnection(prng)),
    )
  }
  const restarts: Restart[] = []
  const restart = (log: Restart['log']): void => {
    restarts.push({
      afterItems: prng.logUniformInteger(0, ITEM_COUNTS[kind] - 50),
      downtime: prng.chance(0.5) ? 0 : prng.integer(1, 40),
      log,
    })
  }
  if (expectedOutcome === 'log-lost') restart('lose')
  else if (prng.chance(0.25)) restart('keep')
  return {
    seed,
    kind,
    server: 'mock',
    expectedOutcome,
    connectionFaults,
    rules: [...rules, ...drawFatalRules(prng, expectedOutcome, prng.integer(0, 4))],
    restarts,
    compress: prng.chance(0.3),
    consumer: prng.pickWeighted({
      loop: 3,
      'slow-loop': 2,
      'resuming-loop': overlaps && kind === 'feed' ? 0 : 2,
      listeners: 3,
    }),
    deltaIntervalMs: prng.chance(0.4) ? 1 : 0,
    burstEvents: prng.logUniformInteger(4, 120),
    heartbeatMs: 250,
    ...((prng.chance(0.4) || canStallBeforeHeartbeat(connectionFaults, rules)) && { idleTimeout: 750 }),
    // A channel stays alive even if one of its streams stalls, so only `stallTimeout` detects the stall.
    ...(rules.some((rule) => 'quiet-after' in rule || 'stall-after' in rule) && { stallTimeout: 1_200 }),
  }
}
