/** `/_mock`: reports the state of the mock server and controls its faults at run time. */
import { readBody } from '../../server/http/body.ts'
import { HttpError } from '../../server/http/problem.ts'
import type { Feed } from '../feed/feed.ts'
import type { Handler } from '../http/exchange.ts'
import { jsonResponse } from '../http/response.ts'
import type { RunRegistry } from '../run/registry.ts'
import type { RuleSet } from '../scenario/rule-set.ts'
import { parseScenario } from '../scenario/scenario.ts'

/** Options of a restart. */
export interface RestartOptions {
  /** How long the server stays unreachable, in milliseconds. @defaultValue 0 */
  readonly downtime?: number
  /** Whether events and runs survive the restart. @defaultValue 'keep' */
  readonly log?: 'keep' | 'lose'
}

/** The state that `/_mock` reports and controls. */
export interface ControlTarget {
  readonly feeds: ReadonlyMap<string, Feed>
  readonly registry: RunRegistry
  readonly ruleSet: RuleSet
  /** Cuts every stream. */
  drop(): void
  restart(options: RestartOptions): void
}

const actions = ['drop', 'restart']

function describeState({ feeds, registry, ruleSet }: ControlTarget): Record<string, unknown> {
  const allFeeds = [...feeds.values()]
  return {
    clients: allFeeds.flatMap(({ clients }) => clients),
    feeds: allFeeds.map(({ path, lastEventId, keptEvents: kept, clients }) => ({
      path,
      lastEventId,
      kept,
      clients: clients.length,
    })),
    runs: registry.runs.map(({ id, prompt, state: runState, readers, text }) => ({
      id,
      prompt,
      state: runState,
      readers,
      text,
    })),
    rules: ruleSet.rules,
  }
}

/** Handles `GET /_mock`. */
export function showState(target: ControlTarget): Handler {
  return () => jsonResponse(200, describeState(target))
}

function parseCommand(value: Record<string, unknown>): {
  action?: string
  restart: RestartOptions
  scenario?: unknown
} {
  const { action, downtime, log, scenario, ...rules } = value
  if (action === undefined) return { restart: {}, scenario: scenario ?? rules }
  if (!actions.includes(action as string)) throw new TypeError(`action: expected ${actions.join(' or ')}`)
  if (downtime !== undefined && !(typeof downtime === 'number' && downtime >= 0 && downtime <= 60_000)) {
    throw new TypeError('downtime: expected a number from 0 to 60000 (ms)')
  }
  if (log !== undefined && log !== 'keep' && log !== 'lose') throw new TypeError('log: expected "keep" or "lose"')
  return {
    action: action as string,
    restart: { ...(downtime === undefined ? {} : { downtime }), ...(log === undefined ? {} : { log }) },
    ...(scenario === undefined ? {} : { scenario }),
  }
}

/**
 * Handles `POST /_mock`. A scenario, as JSON or as text, replaces the rules in force (`[]` or an empty body clears
 * them). `{ action: 'drop' }` cuts every stream, and `{ action: 'restart', downtime, log }` restarts the server.
 */
export function applyControlRequest(target: ControlTarget, bodyLimit: number): Handler {
  return async ({ request }) => {
    const body = (await readBody(request, bodyLimit)).trim()
    try {
      const isCommand = body.startsWith('{')
      const { action, restart, scenario } = isCommand ? parseCommand(JSON.parse(body)) : { restart: {}, scenario: body }
      if (scenario !== undefined) target.ruleSet.replace(parseScenario(scenario))
      if (action === 'drop') target.drop()
      if (action === 'restart') target.restart(restart)
    } catch (error) {
      if (error instanceof TypeError || error instanceof SyntaxError) throw new HttpError(400, error.message)
      throw error
    }
    return jsonResponse(200, describeState(target))
  }
}
