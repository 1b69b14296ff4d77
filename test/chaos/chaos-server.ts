/** The test bed for one stream: a mock server, a faulty proxy in front of it, and counts of the faults that occurred. */
import { type MockServer, startMockServer } from '../../mock-server/node/mock-server.ts'
import type { Rule } from '../../mock-server/scenario/rule.ts'
import { prompt } from './client.ts'
import { createAnswer, createPayload } from './payloads.ts'
import { withFreePort } from './ports.ts'
import { startProxy } from './proxy.ts'
import { type Schedule, ITEM_COUNTS } from './schedule.ts'

export interface ChaosServer {
  /** Base URL of the proxy, without a trailing slash. */
  readonly url: string
  /** The feed's cursor before its first event. */
  readonly lastEventId: string
  /** Returns how often each kind of fault has occurred so far. */
  faultCounts(): ReadonlyMap<string, number>
  /** Returns the number of runs started so far, including those lost in restarts. */
  runCount(): number
  /** Called with the number of items delivered so far; performs the restarts that are due. */
  onDelivered(count: number): void
  close(): Promise<void>
}

/** Time between two bursts of a feed. */
const BURST_INTERVAL_MS = 2
/** Time between two of the `tail` events that mark the end of a feed. */
const TAIL_INTERVAL_MS = 25

/** Rule keys that select requests or refine a fault, but are not faults themselves. */
const FAULT_MODIFIERS = ['skip', 'times', 'cut-at', 'retry-after']

/** Returns the name under which a rule's fault is counted. */
function faultName(rule: Rule): string {
  const key = Object.keys(rule).find((name) => !FAULT_MODIFIERS.includes(name))
  return `server: ${key === 'status' ? rule.status : key}`
}

/** Starts the server and the proxy. `extraRules` come first in the scenario and are not counted as faults. */
export async function openChaosServer(schedule: Schedule, extraRules: readonly Rule[] = []): Promise<ChaosServer> {
  const { kind, seed, rules } = schedule
  const server: MockServer = await withFreePort((port) =>
    startMockServer({
      port,
      heartbeat: schedule.heartbeatMs,
      history: 2 * ITEM_COUNTS.feed,
      delay: schedule.deltaIntervalMs,
      answers: { [prompt]: createAnswer(seed).text },
      compress: schedule.compress,
      scenario: [...extraRules, ...rules],
    }),
  )
  const faultCounts = new Map<string, number>()
  const onFault = (fault: string, times = 1): void => void faultCounts.set(fault, (faultCounts.get(fault) ?? 0) + times)
  const proxy = await startProxy({ target: server.port, connectionFaults: schedule.connectionFaults, seed, onFault })
  const { lastEventId } = server.service.feed()

  let sent = 0
  let timer: NodeJS.Timeout | undefined
  const sendBurst = (): void => {
    const burstEnd = Math.min(ITEM_COUNTS.feed, sent + schedule.burstEvents)
    while (sent < burstEnd) server.broadcast({ type: 'item', data: createPayload(sent++) })
    // Repeat `tail` until the client stops: a disconnected client misses it, and the replay may not include it.
    if (sent === ITEM_COUNTS.feed) server.broadcast({ type: 'tail', data: null })
    timer = setTimeout(sendBurst, sent === ITEM_COUNTS.feed ? TAIL_INTERVAL_MS : BURST_INTERVAL_MS)
  }
  if (kind === 'feed') sendBurst()

  const pendingRestarts = [...schedule.restarts].sort((one, other) => one.afterItems - other.afterItems)
  let lostRuns = 0
  let restarting: Promise<void> = Promise.resolve()

  return {
    url: proxy.url,
    lastEventId,
    faultCounts() {
      const all = new Map(faultCounts)
      for (const { rule, matched } of server.service.rules.slice(extraRules.length)) {
        const times = Math.max(0, Math.min(matched - (rule.skip ?? 0), rule.times ?? Infinity))
        const name = faultName(rule)
        if (times > 0) all.set(name, (all.get(name) ?? 0) + times)
      }
      return all
    },
    runCount: () => lostRuns + server.runs.length,
    onDelivered(count) {
      if (!pendingRestarts[0] || count < pendingRestarts[0].afterItems) return
      const { downtime, log } = pendingRestarts.shift()!
      onFault(log === 'lose' ? 'restart, log lost' : 'restart')
      if (log === 'lose') lostRuns += server.runs.length
      restarting = restarting.then(() => server.restart({ downtime, log }))
    },
    async close() {
      clearTimeout(timer)
      await restarting
      await proxy.close()
      await server.kill() // do not wait for open connections
      await server.close()
    },
  }
}
