/** Draws the schedule of one feed of a third-party server from a seed. */
import { drawConnectionFaults } from './connection-faults.ts'
import { createPrng } from './prng.ts'
import { ITEM_COUNTS, type Schedule } from './schedule.ts'
import type { ServerKind } from './upstream.ts'

/** Draws the faults of the connections and of the port; every feed can be delivered completely. */
export function drawThirdPartySchedule(seed: number, server: Exclude<ServerKind, 'mock'>): Schedule {
  const prng = createPrng(seed * 2 + 1)
  const connectionFaults = Array.from({ length: prng.logUniformInteger(1, 14) }, () =>
    drawConnectionFaults(prng, 'feed'),
  )
  const restart = {
    afterItems: prng.logUniformInteger(0, ITEM_COUNTS.feed - 50),
    downtime: prng.chance(0.5) ? 0 : prng.integer(1, 40),
    log: 'keep',
  } as const
  return {
    seed,
    kind: 'feed',
    server,
    expectedOutcome: 'complete',
    connectionFaults,
    rules: [],
    restarts: prng.chance(0.25) ? [restart] : [],
    compress: false,
    // Not `resuming-loop`: a new subscription knows an ID, but no event with which to compare what the server sends.
    consumer: prng.pickWeighted({ loop: 3, 'slow-loop': 2, listeners: 3 }),
    deltaIntervalMs: 0,
    burstEvents: prng.logUniformInteger(4, 120),
    heartbeatMs: 250,
    // These servers announce no heartbeat, so that only an explicit timeout detects a stalled connection.
    idleTimeout: 750,
  }
}
