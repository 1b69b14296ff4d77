/** The test bed for one stream: a server, a faulty proxy in front of it, and counts of the faults that occurred. */
import type { Rule } from '../../mock-server/scenario/rule.ts'
import { startMockUpstream } from './mock-upstream.ts'
import { createPayload } from './payloads.ts'
import { startProxy } from './proxy.ts'
import { type Schedule, ITEM_COUNTS } from './schedule.ts'
import { startThirdPartyUpstream } from './third-party-upstream.ts'
import type { Upstream } from './upstream.ts'

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

function startUpstream(schedule: Schedule, extraRules: readonly Rule[]): Promise<Upstream> {
  const { server, heartbeatMs } = schedule
  if (server === 'mock') return startMockUpstream(schedule, extraRules)
  // Of the extra rules, these servers can follow only `retry`.
  const retry = extraRules.find((rule) => rule.retry !== undefined)?.retry
  return startThirdPartyUpstream({ kind: server, heartbeatMs, ...(retry !== undefined && { retryMs: Number(retry) }) })
}

/** Starts to send the feed's events in bursts, and returns the function that stops it. */
function sendFeed(upstream: Upstream, { server, burstEvents }: Schedule): () => void {
  let sent = 0
  let hadClients = true
  let timer: NodeJS.Timeout | undefined
  const sendBurst = (): void => {
    const hasClients = upstream.hasClients()
    // A server that replays nothing pauses after one burst that no client receives, or one fault would skip the whole feed.
    if (server !== 'per-connection' || hasClients || hadClients) {
      const burstEnd = Math.min(ITEM_COUNTS.feed, sent + burstEvents)
      while (sent < burstEnd) upstream.broadcast('item', createPayload(sent++))
      // Repeat `tail` until the client stops: a disconnected client misses it, and the replay may not include it.
      if (sent === ITEM_COUNTS.feed) upstream.broadcast('tail', null)
    }
    hadClients = hasClients
    timer = setTimeout(sendBurst, sent === ITEM_COUNTS.feed ? TAIL_INTERVAL_MS : BURST_INTERVAL_MS)
  }
  sendBurst()
  return () => clearTimeout(timer)
}

/** Starts the server and the proxy. `extraRules` come first in the mock server's scenario and are not counted as faults. */
export async function openChaosServer(schedule: Schedule, extraRules: readonly Rule[] = []): Promise<ChaosServer> {
  const { kind, seed, connectionFaults } = schedule
  const upstream = await startUpstream(schedule, extraRules)
  const faultCounts = new Map<string, number>()
  const onFault = (fault: string, times = 1): void => void faultCounts.set(fault, (faultCounts.get(fault) ?? 0) + times)
  const proxy = await startProxy({ target: upstream.port, connectionFaults, seed, onFault })
  const stopFeed = kind === 'feed' ? sendFeed(upstream, schedule) : () => undefined

  const pendingRestarts = [...schedule.restarts].sort((one, other) => one.afterItems - other.afterItems)
  let restarting: Promise<void> = Promise.resolve()

  return {
    url: proxy.url,
    lastEventId: upstream.lastEventId,
    faultCounts() {
      const all = new Map(faultCounts)
      for (const [fault, times] of upstream.faultCounts()) all.set(fault, (all.get(fault) ?? 0) + times)
      return all
    },
    runCount: () => upstream.runCount(),
    onDelivered(count) {
      if (!pendingRestarts[0] || count < pendingRestarts[0].afterItems) return
      const restart = pendingRestarts.shift()!
      onFault(restart.log === 'lose' ? 'restart, log lost' : 'restart')
      restarting = restarting.then(() => upstream.restart(restart))
    },
    async close() {
      stopFeed()
      await restarting
      await proxy.close()
      await upstream.close()
    },
  }
}
