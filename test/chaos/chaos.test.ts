/** A hundred seeds of chaos, and some over each other kind of connection: each event once and in order, or an error that its schedule justifies. */
import { expect, test } from 'vitest'
import { ours } from './rivulet-client.ts'
import { reportLines } from './report.ts'
import { type Kind, drawSchedule } from './schedule.ts'
import { subjects } from './transports.ts'
import { addTo, createTally } from './stats.ts'
import { runTrial } from './trial.ts'
import { judge } from './checks.ts'

/** `npm run chaos` has more. */
const seedsOver = (name: string): number => (name === 'fetch' ? 100 : 40)
/** Streams under way at a time. */
const ABREAST = 12

const cases = subjects.flatMap((subject) =>
  (['run', 'feed'] as const).map((kind) => [seedsOver(subject.name), subject.name, kind, subject] as const),
)

test.each(cases)('%i seeds over %s, as a %s', { timeout: 240_000 }, async (seeds, name, kind: Kind, subject) => {
  const client = ours(subject)
  const tally = createTally()
  const breaches: string[] = []
  let seed = 0
  const work = async (): Promise<void> => {
    while (seed < seeds) {
      const schedule = drawSchedule(++seed, kind)
      const record = await runTrial(client, schedule)
      const verdict = judge(schedule, record, client.attemptsPerFault)
      addTo(tally, kind, record, verdict)
      const replay = `npm run chaos -- --seed ${schedule.seed} --kind ${kind} --over ${name}`
      if (verdict.breaches.length > 0) breaches.push(`${replay}: ${verdict.breaches.join('; ')}`)
    }
  }
  await Promise.all(Array.from({ length: ABREAST }, work))
  console.log(reportLines(client.name, kind, tally).join('\n'))
  expect(breaches).toEqual([])
  expect(tally).toMatchObject({
    streams: seeds,
    lost: 0,
    repeated: 0,
    disordered: 0,
    breached: 0,
    outcomes: { hung: 0, 'false success': 0 },
  })
  // Otherwise the schedules would be too kind.
  expect(tally.outcomes.whole).toBeGreaterThan(seeds / 2)
  expect(tally.survived.size).toBeGreaterThan(20)
})
