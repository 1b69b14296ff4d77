/** Draws the schedule of one batch from a seed: streams that are read at the same time, and what is killed meanwhile. */
import { drawConnectionFaults } from '../../chaos/connection-faults.ts'
import { createPrng } from '../../chaos/prng.ts'
import { ITEM_COUNTS, type Schedule, type StreamKind } from '../../chaos/schedule.ts'

/** Number of runs, and of feeds, in a batch. */
export const STREAMS_PER_KIND = 6

/** What is killed: the process with this number, or Redis. */
export type Victim = 0 | 1 | 'redis'

/** The names under which kills are counted as faults. */
export const REDIS_KILLED = 'Redis killed'
export const PROCESS_KILLED = 'process killed'

/** A SIGKILL, once the streams of the batch have received `afterItems` items. */
export interface Kill {
  readonly victim: Victim
  readonly afterItems: number
  /** Milliseconds until it is started again. */
  readonly downtime: number
}

export interface Batch {
  readonly seed: number
  readonly streams: readonly Schedule[]
  /** In the order of `afterItems`. */
  readonly kills: readonly Kill[]
}

/** Draws the schedule of a stream. Its seed determines the answer as well, which the serving process computes. */
export function drawStream(seed: number, kind: StreamKind): Schedule {
  const prng = createPrng(seed * 2 + (kind === 'feed' ? 1 : 0))
  return {
    seed,
    kind,
    server: 'mock', // no resets: whatever is missing is lost
    expectedOutcome: 'complete',
    connectionFaults: Array.from({ length: prng.logUniformInteger(0, 10) }, () => drawConnectionFaults(prng, kind)),
    rules: [],
    restarts: [],
    compress: prng.chance(0.3),
    consumer: prng.pickWeighted({ loop: 3, 'slow-loop': 2, 'resuming-loop': 2, listeners: 3 }),
    deltaIntervalMs: prng.integer(1, 8),
    burstEvents: prng.logUniformInteger(10, 120),
    heartbeatMs: 400,
    idleTimeout: 1_500,
  }
}

/** Draws a batch. */
export function drawBatch(seed: number): Batch {
  const prng = createPrng(seed)
  const itemCount = STREAMS_PER_KIND * (ITEM_COUNTS.run + ITEM_COUNTS.feed)
  const drawKill = (victim: Victim): Kill => ({
    victim,
    afterItems: prng.integer(0, Math.floor(itemCount * 0.8)),
    downtime: prng.chance(0.3) ? 0 : prng.integer(1, 800),
  })
  const processKills = Number(prng.pickWeighted({ 0: 0.35, 1: 0.45, 2: 0.2 }))
  const kills = Array.from({ length: processKills }, () => drawKill(prng.pick([0, 1] as const)))
  if (prng.chance(0.5)) kills.push(drawKill('redis'))
  return {
    seed,
    streams: (['run', 'feed'] as const).flatMap((kind) =>
      Array.from({ length: STREAMS_PER_KIND }, (_, index) => drawStream(seed * STREAMS_PER_KIND + index, kind)),
    ),
    kills: kills.sort((one, other) => one.afterItems - other.afterItems),
  }
}
