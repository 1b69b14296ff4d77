/**
 * `node bench/run.mjs`: builds and measures parsers, clients and sizes, and writes RESULTS.md.
 *
 * --only parsers,one-event,clients,sizes   --baseline DIR (another checkout with a built `dist`)   --dry (writes nothing)
 * Of the parsers: --runtime node,chromium   --adapters a,b   --launches 3   --rounds 3   --corpora "CR,CRLF"   --cuts event,7
 */
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { outDir } from './build-dir.mjs'
import { adapterNames, buildAdapter } from './build.mjs'
import { startChromium } from './chromium.mjs'
import { runClients } from './clients/run.mjs'
import { startNode } from './node.mjs'
import { runOneEvent } from './one-event.mjs'
import { benchParsers, reference } from './parsers.mjs'
import { report, summary } from './report.mjs'
import { isRivulet, openBaseline, withBaseline } from './baseline.mjs'
import { runSizes } from './sizes.mjs'

if (!existsSync(new URL('node_modules', import.meta.url))) {
  console.error('The peers are not installed; run `npm ci --prefix bench` first')
  process.exit(1)
}

const list = (text) => text?.split(',').map((item) => item.trim())
const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    baseline: { type: 'string' },
    runtime: { type: 'string', default: 'node,chromium' },
    adapters: { type: 'string' },
    launches: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '3' },
    corpora: { type: 'string' },
    cuts: { type: 'string' },
    dry: { type: 'boolean', default: false },
  },
})
const { dry } = values
const baseline = values.baseline === undefined ? undefined : openBaseline(values.baseline)
const runtimes = list(values.runtime)
const starts = { node: startNode, chromium: startChromium }
const log = (line) => console.log(line)

async function runParsers() {
  await rm(outDir, { recursive: true, force: true })
  const wanted = [...new Set([...(list(values.adapters) ?? (await adapterNames())), reference])]
  // Next to each other, because the machine's speed drifts within a round.
  const adapters = wanted.flatMap((name) => (baseline && isRivulet(name) ? [name, withBaseline(name)] : [name]))
  for (const name of adapters) await buildAdapter(name, baseline?.dir)
  const results = []
  for (const name of runtimes) {
    const runtime = await starts[name]()
    log(`${runtime.version}, CPU time, ${reference} = 1.00`)
    const cells = await benchParsers(runtime, {
      adapters: adapters.filter((adapter) => adapter !== 'undici' || name === 'node'),
      launches: Number(values.launches),
      rounds: Number(values.rounds),
      ...(values.corpora && { corpora: list(values.corpora) }),
      ...(values.cuts && { cuts: list(values.cuts).map((cut) => Number(cut) || cut) }),
      log,
    })
    await runtime.close()
    results.push({ version: runtime.version, cells })
    log(summary(cells))
  }
  if (!dry) await report(results, { launches: values.launches, rounds: values.rounds, baseline })
}

const parts = {
  parsers: runParsers,
  'one-event': () => runtimes.includes('node') && runOneEvent({ dry }),
  clients: () => runtimes.includes('chromium') && runClients({ baseline, dry }),
  sizes: () => runSizes({ dry }),
}
// Options that select parsers leave out the other parts.
const chosen = list(values.only) ?? (values.adapters || values.corpora ? ['parsers'] : Object.keys(parts))
for (const part of chosen) {
  if (!parts[part]) throw new Error(`Unknown part ${part}; there are ${Object.keys(parts).join(', ')}`)
  await parts[part]()
}
log(`${Math.round(process.uptime() / 60)} minutes`)
