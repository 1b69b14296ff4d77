/** The long run: many seeds, for ours and, where wanted, for its peers; `run.mjs` starts it. */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { ChaosClient } from './client.ts'
import { ours } from './rivulet-client.ts'
import { loadPeers } from './peers.ts'
import { page, reportLines, table } from './report.ts'
import { type Kind, drawSchedule } from './schedule.ts'
import { subjects } from './transports.ts'
import { type Tally, addTo, createTally } from './stats.ts'
import { runTrial } from './trial.ts'
import { type Verdict, judge } from './checks.ts'

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    over: { type: 'string' },
    kind: { type: 'string' },
    parallel: { type: 'string', default: '16' },
    minutes: { type: 'string', default: '30' },
    peers: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})
const one = options.seed === undefined ? undefined : Number(options.seed)
const from = one ?? Number(options.from)
const count = one === undefined ? Number(options.seeds) : 1
const parallel = Number(options.parallel)
const deadline = performance.now() + Number(options.minutes) * 60_000
const kinds = (['run', 'feed'] as const).filter((kind) => options.kind === undefined || options.kind === kind)
const chosen = subjects.filter(({ name }) => options.over === undefined || options.over === name)
if (!Number.isInteger(from) || !(count > 0) || !(parallel > 0) || !(deadline > 0))
  throw new TypeError('--seed, --from, --seeds, --parallel, --minutes: must be numbers')
if (kinds.length === 0 || chosen.length === 0)
  throw new TypeError(`--kind: run or feed; --over: ${subjects.map(({ name }) => name).join(', ')}`)

/** Tells the parent that it is alive. */
const announce = (finished = false): void => void process.send?.({ finished })

let breached = 0
/** Rejections that nobody has heard, by message; of peers they are not told. */
const unheard = new Map<string, number>()
process.on('unhandledRejection', (reason) => {
  const message = String(reason).replace(/:\d+/g, '')
  unheard.set(message, (unheard.get(message) ?? 0) + 1)
})

function tellBreach(
  client: ChaosClient,
  over: string,
  seed: number,
  kind: Kind,
  { breaches, delivered }: Verdict,
): void {
  breached++
  console.log(`\n✗ seed ${seed}, ${kind} over ${client.name}, ${delivered} delivered: ${breaches.join('; ')}`)
  console.log(`  replay: npm run chaos -- --seed ${seed} --kind ${kind} --over ${over}\n`)
}

async function read(
  client: ChaosClient,
  seed: number,
  kind: Kind,
  over: string | undefined,
  tally: Tally,
): Promise<void> {
  const schedule = drawSchedule(seed, kind)
  if (one !== undefined) console.log(JSON.stringify(schedule, undefined, 2))
  const record = await runTrial(client, schedule)
  const verdict = judge(schedule, record, client.attemptsPerFault)
  addTo(tally, kind, record, verdict)
  if (one !== undefined) {
    console.log(Object.fromEntries(record.faults), record.errors, record.ending.end)
    console.log(verdict)
  }
  // What peers break is what the figures are about.
  if (over !== undefined && verdict.breaches.length > 0) tellBreach(client, over, seed, kind, verdict)
}

/** All seeds, several at a time. */
async function campaign(client: ChaosClient, over?: string, abreast = parallel): Promise<Record<Kind, Tally>> {
  const tallies = { run: createTally(), feed: createTally() }
  const started = performance.now()
  let next = from
  let done = 0
  await Promise.all(
    Array.from({ length: Math.min(abreast, count) }, async () => {
      for (let seed = next++; seed < from + count && performance.now() < deadline; seed = next++) {
        for (const kind of kinds) await read(client, seed, kind, over, tallies[kind])
        announce()
        if (++done % 100 === 0)
          console.log(
            `${client.name}: ${done} of ${count} seeds, ${((performance.now() - started) / 1_000).toFixed(0)} s`,
          )
      }
    }),
  )
  console.log(
    `${client.name}: ${done} of ${count} seeds from ${from} in ${((performance.now() - started) / 1_000).toFixed(0)} s\n`,
  )
  return tallies
}

const results: { client: ChaosClient; tallies: Record<Kind, Tally> }[] = []
for (const subject of chosen) {
  const client = ours(subject)
  results.push({ client, tallies: await campaign(client, subject.name) })
}
// Many of theirs hang, and cost nothing then but time.
for (const [message, times] of unheard) {
  breached++
  console.log(`✗ nobody has heard, ${times} times: ${message}`)
}
if (options.peers)
  for (const client of await loadPeers())
    results.push({ client, tallies: await campaign(client, undefined, 4 * parallel) })

for (const { client, tallies } of results) {
  for (const kind of kinds) console.log(`${reportLines(client.name, kind, tallies[kind]).join('\n')}\n`)
}
const tables = kinds.map((kind) =>
  table(
    kind,
    results.map(({ client, tallies }) => ({ name: client.name, tally: tallies[kind] })),
  ),
)
console.log(`${tables.join('\n\n')}\n`)
if (options.write) {
  const survived = new Map<string, number>()
  for (const { client, tallies } of results) {
    if (!client.name.startsWith('rivulet')) continue
    for (const kind of kinds)
      for (const [fault, times] of tallies[kind].survived) survived.set(fault, (survived.get(fault) ?? 0) + times)
  }
  writeFileSync('bench/CHAOS.md', page(count, tables, survived))
}
console.log(`${breached} of our promises broken`)
announce(true)
// Keep-alive sockets of `fetch` are nobody's business any more.
process.exit(breached > 0 ? 1 : 0)
