/** Runs the streams of one batch at the same time, and kills what its schedule says. */
import { fetchConnect } from '../../../src/connect/fetch.ts'
import type { CheckResult } from '../../chaos/checks.ts'
import type { StreamRecord } from '../../chaos/record.ts'
import { createRivuletClient } from '../../chaos/rivulet-client.ts'
import type { Schedule } from '../../chaos/schedule.ts'
import { runTrial } from '../../chaos/trial.ts'
import { checkClusterStream } from './checks.ts'
import type { Cluster } from './cluster.ts'
import { startCluster } from './cluster.ts'
import { formatStreamName, STREAM_HEADER } from './protocol.ts'
import { type Batch, PROCESS_KILLED, REDIS_KILLED } from './schedule.ts'
import type { FeedSender } from './stream.ts'
import { createFeedSender, openStream } from './stream.ts'

/** Short delays, and as many attempts as a process or Redis takes to start again. */
const RETRY = { delay: 10, maxDelay: 200, limit: 1_000 }

export interface StreamResult {
  readonly schedule: Schedule
  readonly record: StreamRecord
  readonly result: CheckResult
}

/** Creates a client that names its stream in each request. */
const createNamedClient = (name: string) =>
  createRivuletClient(
    {
      name: 'fetch',
      connect: (fetch) =>
        fetchConnect((input, init) => {
          const headers = new Headers(init?.headers)
          headers.set(STREAM_HEADER, name)
          return fetch(input, { ...init, headers })
        }),
    },
    RETRY,
  )

export interface BatchResult {
  readonly results: readonly StreamResult[]
  /** Errors of the feeds' `send`. */
  readonly sendErrors: readonly unknown[]
  /** The longest time in milliseconds from a kill of Redis until it served again. */
  readonly longestOutage: number
}

/** Runs a batch on a cluster of its own: Redis would take longer to start with the data of all batches. */
export async function runBatch(batch: Batch): Promise<BatchResult> {
  const cluster = await startCluster()
  const sender = await createFeedSender(cluster)
  try {
    const results = await runStreams(cluster, sender, batch)
    return { results, sendErrors: sender.errors, longestOutage: cluster.longestOutage }
  } finally {
    await sender.close()
    await cluster.close()
  }
}

/** Runs the streams; resolves with their results once all victims serve again. */
async function runStreams(cluster: Cluster, sender: FeedSender, { streams, kills }: Batch): Promise<StreamResult[]> {
  const clusterFaults = new Map<string, number>()
  const remaining = [...kills]
  const killed: Promise<void>[] = []
  let delivered = 0
  const onDelivered = (): void => {
    delivered++
    while (remaining[0] && delivered > remaining[0].afterItems) {
      const kill = remaining.shift()!
      const fault = kill.victim === 'redis' ? REDIS_KILLED : PROCESS_KILLED
      clusterFaults.set(fault, (clusterFaults.get(fault) ?? 0) + 1)
      killed.push(cluster.kill(kill))
    }
  }
  const runStream = async (schedule: Schedule): Promise<StreamResult> => {
    const name = formatStreamName(schedule)
    const open = () => openStream({ cluster, sender, schedule, clusterFaults, onDelivered })
    const record = await runTrial(createNamedClient(name), schedule, open)
    const generations = await cluster.generationsOf(name)
    const { killedPids } = cluster
    const result = checkClusterStream(schedule, record, { generations, killedPids })
    return { schedule, record: { ...record, runs: generations.length }, result }
  }
  const results = await Promise.all(streams.map(runStream))
  await Promise.all(killed)
  return results
}
