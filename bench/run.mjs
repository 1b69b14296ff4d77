/**
 * `node bench/run.mjs`: builds and measures parsers, clients and sizes, and writes RESULTS.md.
 *
 * --runtime node,chromium   --adapters a,b   --launches 3   --rounds 3   --corpora "CR,CRLF"   --cuts event,7   --dry (writes nothing)
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
import { baseline, benchParsers } from './parsers.mjs'
import { report, summary } from './report.mjs'
import { runSizes } from './sizes.mjs'

if (!existsSync(new URL('node_modules', import.meta.url))) {
  console.error('The peers are not installed; run `npm ci --prefix bench` first')
  process.exit(1)
}

const { values } = parseArgs({
  options: {
    runtime: { type: 'string', default: 'node,chromium' },
    adapters: { type: 'string' },
    launches: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '3' },
    corpora: { type: 'string' },
    cuts: { type: 'string' },
    dry: { type: 'boolean', default: false },
  },
})
const list = (text) => text?.split(',').map((item) => item.trim())
const starts = { node: startNode, chromium: startChromium }
const log = (line) => console.log(line)

await rm(outDir, { recursive: true, force: true })
const adapters = list(values.adapters) ?? (await adapterNames())
if (!adapters.includes(baseline)) adapters.push(baseline)
for (const name of adapters) await buildAdapter(name)

const results = []
for (const name of list(values.runtime)) {
  const runtime = await starts[name]()
  log(`${runtime.version}, CPU time, ${baseline} = 1.00`)
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
const { dry } = values
if (!dry) await report(results, { launches: values.launches, rounds: values.rounds })
if (!values.adapters && !values.corpora) {
  if (list(values.runtime).includes('node')) runOneEvent({ dry })
  if (list(values.runtime).includes('chromium')) await runClients({ dry })
  await runSizes({ dry })
}
log(`${Math.round(process.uptime() / 60)} minutes`)
