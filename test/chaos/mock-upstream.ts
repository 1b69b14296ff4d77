/** The mock server as the server behind the proxy. */
import { startMockServer } from '../../mock-server/node/mock-server.ts'
import type { Rule } from '../../mock-server/scenario/rule.ts'
import { prompt } from './client.ts'
import { createAnswer } from './payloads.ts'
import { withFreePort } from './ports.ts'
import { ITEM_COUNTS, type Schedule } from './schedule.ts'
import type { Upstream } from './upstream.ts'

/** Rule keys that select requests or refine a fault, but are not faults themselves. */
const FAULT_MODIFIERS = ['skip', 'times', 'cut-at', 'retry-after']

/** Returns the name under which a rule's fault is counted. */
function faultName(rule: Rule): string {
  const key = Object.keys(rule).find((name) => !FAULT_MODIFIERS.includes(name))
  return `server: ${key === 'status' ? rule.status : key}`
}

/** Starts a mock server. `extraRules` come first in its scenario and are not counted as faults. */
export async function startMockUpstream(schedule: Schedule, extraRules: readonly Rule[]): Promise<Upstream> {
  const server = await withFreePort((port) =>
    startMockServer({
      port,
      heartbeat: schedule.heartbeatMs,
      history: 2 * ITEM_COUNTS.feed,
      delay: schedule.deltaIntervalMs,
      answers: { [prompt]: createAnswer(schedule.seed).text },
      compress: schedule.compress,
      scenario: [...extraRules, ...schedule.rules],
    }),
  )
  let lostRuns = 0
  return {
    port: server.port,
    lastEventId: server.service.feed().lastEventId,
    broadcast: (type, data) => void server.broadcast({ type, data }),
    hasClients: () => server.clients.length > 0,
    faultCounts() {
      const counts = new Map<string, number>()
      for (const { rule, matched } of server.service.rules.slice(extraRules.length)) {
        const times = Math.max(0, Math.min(matched - (rule.skip ?? 0), rule.times ?? Infinity))
        const name = faultName(rule)
        if (times > 0) counts.set(name, (counts.get(name) ?? 0) + times)
      }
      return counts
    },
    runCount: () => lostRuns + server.runs.length,
    async restart({ downtime, log }) {
      if (log === 'lose') lostRuns += server.runs.length
      await server.restart({ downtime, log })
    },
    async close() {
      await server.kill() // do not wait for open connections
      await server.close()
    },
  }
}
