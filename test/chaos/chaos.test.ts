/** A short chaos run: 100 seeds over `fetch` and 40 over every other transport. */
import { expect, test } from 'vitest'
import { checkStream } from './checks.ts'
import { formatReport } from './report.ts'
import { createRivuletClient } from './rivulet-client.ts'
import { type StreamKind, drawSchedule } from './schedule.ts'
import { addRecord, createStats } from './stats.ts'
import { transports } from './transports.ts'
import { runTrial } from './trial.ts'

/** Number of seeds for a transport; `npm run chaos` runs more. */
const seedCount = (name: string): number => (name === 'fetch' ? 100 : 40)
/** Number of streams that run concurrently. */
const CONCURRENCY = 12

const cases = transports.flatMap((transport) =>
  (['run', 'feed'] as const).map((kind) => [seedCount(transport.name), transport.name, kind, transport] as const),
)

test.each(cases)(
  '%i seeds over %s: every %s is complete and in order, or fails with an error that the schedule justifies',
  { timeout: 240_000 },
  async (seeds, name, kind: StreamKind, transport) => {
    const client = createRivuletClient(transport)
    const stats = createStats()
    const violations: string[] = []
    let seed = 0
    const runSeeds = async (): Promise<void> => {
      while (seed < seeds) {
        const schedule = drawSchedule(++seed, kind)
        const record = await runTrial(client, schedule)
        const result = checkStream(schedule, record, client.attemptsPerFault)
        addRecord(stats, kind, record, result)
        const replay = `npm run chaos -- --seed ${schedule.seed} --kind ${kind} --over ${name}`
        if (result.violations.length > 0) violations.push(`${replay}: ${result.violations.join('; ')}`)
      }
    }
    await Promise.all(Array.from({ length: CONCURRENCY }, runSeeds))
    console.log(formatReport(client.name, kind, stats).join('\n'))
    expect(violations).toEqual([])
    expect(stats).toMatchObject({
      streams: seeds,
      lost: 0,
      repeated: 0,
      outOfOrder: 0,
      violatedStreams: 0,
      outcomes: { hung: 0, 'false success': 0 },
    })
    // These assertions fail if the schedules become too harsh or too harmless to prove anything.
    expect(stats.outcomes.complete).toBeGreaterThan(seeds / 2)
    expect(stats.survivedFaults.size).toBeGreaterThan(20)
  },
)
