/** The server of one stream: a faulty proxy in front of the cluster, and the events of the feed. */
import { createServer } from '../../../server/service/create-server.ts'
import { redisLog } from '../../../server/redis.ts'
import type { ChaosServer } from '../../chaos/chaos-server.ts'
import { createPayload } from '../../chaos/payloads.ts'
import { createPrng } from '../../chaos/prng.ts'
import { startProxy } from '../../chaos/proxy.ts'
import { ITEM_COUNTS, type Schedule } from '../../chaos/schedule.ts'
import { connectClient } from '../log/redis-fixture.ts'
import type { Cluster } from './cluster.ts'
import { feedOptions, formatStreamName } from './protocol.ts'

/** Milliseconds between two bursts of a feed. */
const BURST_INTERVAL_MS = 40

/** Sends to feeds, from a process that no schedule kills. */
export interface FeedSender {
  /** Starts to send the events of a feed; resolves with the position of its client before the first one. */
  start(schedule: Schedule): Promise<string>
  /** What went wrong; empty if every event was stored. */
  readonly errors: readonly unknown[]
  close(): Promise<void>
}

export async function createFeedSender(cluster: Cluster): Promise<FeedSender> {
  const redis = await connectClient(cluster.redisPort)
  const server = createServer({ log: redisLog(redis) })
  const errors: unknown[] = []
  return {
    errors,
    async start({ seed, kind, burstEvents }) {
      const feed = server.feed<{ item: object; tail: null }>(formatStreamName({ seed, kind }), feedOptions)
      const response = await feed.handler(new Request('http://localhost/'))
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
      let text = ''
      while (!/^id: .*$/m.test(text)) text += (await reader.read()).value ?? ''
      await reader.cancel()
      const sendAll = async (): Promise<void> => {
        for (let sent = 0; sent < ITEM_COUNTS.feed;) {
          const burst: Promise<unknown>[] = []
          const end = Math.min(ITEM_COUNTS.feed, sent + burstEvents)
          while (sent < end) burst.push(feed.send('item', createPayload(sent++)))
          await Promise.all(burst)
          await new Promise((resolve) => setTimeout(resolve, BURST_INTERVAL_MS))
        }
        await feed.send('tail', null)
      }
      sendAll().catch((error: unknown) => errors.push(error))
      return /^id: (.*)$/m.exec(text)![1]!
    },
    async close() {
      await server.close()
      redis.destroy()
    },
  }
}

/** Options of `openStream`. */
export interface StreamOptions {
  readonly cluster: Cluster
  readonly sender: FeedSender
  readonly schedule: Schedule
  /** Faults of the whole cluster so far. */
  readonly clusterFaults: ReadonlyMap<string, number>
  /** Called for each item that the client has received for the first time. */
  onDelivered(): void
}

/** Opens the server of a stream. */
export async function openStream(options: StreamOptions): Promise<ChaosServer> {
  const { cluster, sender, schedule, clusterFaults, onDelivered } = options
  const { seed, kind, connectionFaults } = schedule
  const faults = new Map<string, number>()
  const prng = createPrng(seed)
  const proxy = await startProxy({
    // No session is sticky: each connection may reach the other process.
    target: () => prng.pick(cluster.ports),
    connectionFaults,
    seed,
    onFault: (fault) => void faults.set(fault, (faults.get(fault) ?? 0) + 1),
  })
  const lastEventId = kind === 'feed' ? await sender.start(schedule) : ''
  return {
    url: proxy.url,
    lastEventId,
    faultCounts: () => new Map([...faults, ...clusterFaults]),
    runCount: () => 0, // counted by the cluster
    onDelivered,
    close: () => proxy.close(),
  }
}
