/** A short chaos run: 100 seeds over `fetch` and 40 over every other transport; 30 each for third-party servers. */
import { expect, test } from 'vitest'
import { checkStream } from './checks.ts'
import { formatReport } from './report.ts'
import { createRivuletClient } from './rivulet-client.ts'
import { ITEM_COUNTS, type Schedule, type StreamKind, drawSchedule } from './schedule.ts'
import { type StreamStats, addRecord, createStats } from './stats.ts'
import { drawThirdPartySchedule } from './third-party-schedule.ts'
import { type Transport, transports } from './transports.ts'
import { runTrial } from './trial.ts'

/** Number of seeds for a transport; `npm run chaos` runs more. */
const seedCount = (name: string): number => (name === 'fetch' ? 100 : 40)
/** Number of seeds for a third-party server and a transport. */
const THIRD_PARTY_SEEDS = 30
/** Number of streams that run concurrently. */
const CONCURRENCY = 12

/** Runs the seeds from 1 to `seeds`, and expects that no stream breaks a guarantee. */
async function expectNoViolations(
  transport: Transport,
  kind: StreamKind,
  seeds: number,
  draw: (seed: number) => Schedule,
): Promise<StreamStats> {
  const client = createRivuletClient(transport)
  const stats = createStats()
  const violations: string[] = []
  let seed = 0
  const runSeeds = async (): Promise<void> => {
    while (seed < seeds) {
      const schedule = draw(++seed)
      const record = await runTrial(client, schedule)
      const result = checkStream(schedule, record, client.attemptsPerFault)
      addRecord(stats, kind, record, result)
      const replay = `npm run chaos -- --seed ${schedule.seed} --kind ${kind} --over ${transport.name} --server ${schedule.server}`
      if (result.violations.length > 0) violations.push(`${replay}: ${result.violations.join('; ')}`)
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, runSeeds))
  console.log(formatReport(client.name, kind, stats).join('\n'))
  expect(violations).toEqual([])
  expect(stats).toMatchObject({
    streams: seeds,
    lost: 0,
    unreported: 0,
    repeated: 0,
    outOfOrder: 0,
    violatedStreams: 0,
    outcomes: { hung: 0, 'false success': 0 },
  })
  return stats
}

const cases = transports.flatMap((transport) =>
  (['run', 'feed'] as const).map((kind) => [seedCount(transport.name), transport.name, kind, transport] as const),
)

test.each(cases)(
  '%i seeds over %s: every %s is complete and in order, or fails with an error that the schedule justifies',
  { timeout: 240_000 },
  async (seeds, _, kind, transport) => {
    const stats = await expectNoViolations(transport, kind, seeds, (seed) => drawSchedule(seed, kind))
    // These assertions fail if the schedules become too harsh or too harmless to prove anything.
    expect(stats.outcomes.complete).toBeGreaterThan(seeds / 2)
    expect(stats.survivedFaults.size).toBeGreaterThan(20)
  },
)

const thirdPartyServers = ['inclusive', 'per-connection'] as const
const thirdPartyCases = thirdPartyServers.flatMap((server) =>
  transports
    .filter(({ needsChannel }) => !needsChannel)
    .map((transport) => [server, transport.name, transport] as const),
)

test.each(thirdPartyCases)(
  `${THIRD_PARTY_SEEDS} seeds with the server %s over %s: every feed is complete and in order`,
  { timeout: 240_000 },
  async (server, _, transport) => {
    const stats = await expectNoViolations(transport, 'feed', THIRD_PARTY_SEEDS, (seed) =>
      drawThirdPartySchedule(seed, server),
    )
    // These assertions fail if the schedules become too harsh or too harmless to prove anything.
    expect(stats.delivered).toBeGreaterThan((THIRD_PARTY_SEEDS * ITEM_COUNTS.feed) / 3)
    expect(stats.outcomes.complete).toBe(THIRD_PARTY_SEEDS)
    expect(stats.requests).toBeGreaterThan(3 * THIRD_PARTY_SEEDS)
    expect(stats.survivedFaults.size).toBeGreaterThan(12)
  },
)
