/**
 * `node bench/clients/run.mjs`: builds the clients, measures them in Chromium, and writes their section of RESULTS.md.
 *
 * --clients a,b   --rounds 7   --events 200000   --dry (writes nothing)
 */
import { parseArgs } from 'node:util'
import { buildClient, clientNames } from './build.mjs'
import { baseline, benchClients } from './measure.mjs'
import { summary, reportClients } from './report.mjs'

/** Measures the clients in `names` (by default all), and the baseline. */
export async function runClients({ names, total = 200_000, rounds = 7, dry = false, log = console.log }) {
  const chosen = [...new Set([baseline, ...(names ?? (await clientNames()))])]
  for (const name of chosen) await buildClient(name)
  log(`Whole clients, CPU time of the main thread, ${baseline} = 1.00`)
  const results = await benchClients({ names: chosen, total, rounds, log })
  for (const [name, { ratio, cpu, wall, peak }] of Object.entries(results.clients)) {
    log(
      `  ${name.padEnd(28)} ${ratio.toFixed(2)}   ${cpu.toFixed(0)} ms, wall ${wall.toFixed(0)} ms, ${peak.toFixed(1)} MiB`,
    )
  }
  log(summary(results.clients))
  if (!dry) await reportClients(results, { total, rounds })
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const { values } = parseArgs({
    options: {
      clients: { type: 'string' },
      rounds: { type: 'string', default: '7' },
      events: { type: 'string', default: '200000' },
      dry: { type: 'boolean', default: false },
    },
  })
  const names = values.clients?.split(',').map((name) => name.trim())
  await runClients({ names, total: Number(values.events), rounds: Number(values.rounds), dry: values.dry })
}
