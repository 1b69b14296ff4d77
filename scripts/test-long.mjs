/**
 * Runs the long campaigns in full: property tests with random seeds, thundering herds, chaos, storms of the server,
 * fuzzing, the soak, all tests of browsers in every engine, and the checks of the package in every runtime.
 * `npm test` runs short versions with fixed seeds. `npm run test:long -- chaos soak` runs only these two campaigns.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { ensureBrowser } from './browser.mjs'
import { ensureEngines } from './engines.mjs'
import { ensureRedis } from './redis.mjs'

const root = fileURLToPath(new URL('../', import.meta.url))

/** Runs a program of this repository in Node, with `RIVULET_LONG` set; returns whether it succeeded. */
function node(program, ...args) {
  const { status } = spawnSync(process.execPath, [program, ...args], {
    cwd: root,
    env: { ...process.env, RIVULET_LONG: '1' },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  return status === 0
}
const vitestIn = (projects, ...files) =>
  node('node_modules/vitest/vitest.mjs', 'run', ...projects.flatMap((name) => ['--project', name]), ...files)
const vitest = (...files) => vitestIn(['unit', 'node'], ...files)
const build = () => node('node_modules/rollup/dist/bin/rollup', '--config', '--silent')

const campaigns = [
  { name: 'properties', run: () => vitest('.property.test.ts') },
  { name: 'herd', run: () => vitest('thundering-herd') },
  { name: 'chaos', run: () => node('test/chaos/run.mjs', '--seeds', '1000', '--minutes', '60') },
  { name: 'server', run: () => vitest('test/server/chaos', 'test/server/storm') },
  { name: 'fuzz', run: () => node('test/fuzz/run.mjs', '--seconds', '600') },
  { name: 'soak', run: () => node('test/soak/run.mjs') },
  { name: 'engines', run: () => vitestIn(['browser*', 'firefox*', 'webkit*']) },
  { name: 'runtimes', run: () => build() && vitestIn(['package'], 'test/package/runtimes.test.ts') },
]

const names = process.argv.slice(2)
const unknown = names.filter((name) => !campaigns.some((campaign) => campaign.name === name))
if (unknown.length > 0) {
  throw new TypeError(
    `Unknown campaign: ${unknown.join(', ')}. The campaigns are ${campaigns.map(({ name }) => name).join(', ')}`,
  )
}
const selected = campaigns.filter(({ name }) => names.length === 0 || names.includes(name))
const isSelected = (...names) => selected.some(({ name }) => names.includes(name))
// Without the browsers and Redis, these campaigns would prove too little.
if (isSelected('soak', 'engines') && !ensureBrowser()) process.exit(1)
if (isSelected('engines') && ensureEngines().length > 0) process.exit(1)
if (isSelected('server') && !ensureRedis()) process.exit(1)

const results = []
for (const { name, run } of selected) {
  console.log(`\n▸ ${name}`)
  const startedAt = performance.now()
  const outcome = run() ? 'passed' : 'failed'
  results.push({ name, outcome, minutes: ((performance.now() - startedAt) / 60_000).toFixed(1) })
}
console.log('')
for (const { name, outcome, minutes } of results)
  console.log(`${outcome.padEnd(8)} ${minutes.padStart(6)} min  ${name}`)
const failed = results.filter(({ outcome }) => outcome !== 'passed').length
console.log(`\n${results.length - failed} passed, ${failed} failed`)
if (failed > 0) process.exitCode = 1
