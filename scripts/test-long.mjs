/**
 * Runs the long campaigns in full: property tests with random seeds, thundering herds, chaos, storms of the server,
 * fuzzing and the soak.
 * `npm test` runs short versions with fixed seeds. `npm run test:long -- chaos soak` runs only these two campaigns.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { ensureBrowser } from './browser.mjs'
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
const vitest = (...files) =>
  node('node_modules/vitest/vitest.mjs', 'run', '--project', 'unit', '--project', 'node', ...files)

const campaigns = [
  { name: 'properties', run: () => vitest('.property.test.ts') },
  { name: 'herd', run: () => vitest('thundering-herd') },
  { name: 'chaos', run: () => node('test/chaos/run.mjs', '--seeds', '1000', '--minutes', '60') },
  { name: 'server', run: () => vitest('test/server/chaos', 'test/server/storm') },
  { name: 'fuzz', run: () => node('test/fuzz/run.mjs', '--seconds', '600') },
  { name: 'soak', run: () => node('test/soak/run.mjs') },
]

const names = process.argv.slice(2)
const unknown = names.filter((name) => !campaigns.some((campaign) => campaign.name === name))
if (unknown.length > 0) {
  throw new TypeError(
    `Unknown campaign: ${unknown.join(', ')}. The campaigns are ${campaigns.map(({ name }) => name).join(', ')}`,
  )
}
const selected = campaigns.filter(({ name }) => names.length === 0 || names.includes(name))
// The soak also runs in a browser; without a browser it would prove too little.
if (selected.some(({ name }) => name === 'soak') && !ensureBrowser()) process.exit(1)
// Without Redis, vitest would leave out the tests that need it.
if (selected.some(({ name }) => name === 'server') && !ensureRedis()) process.exit(1)

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
