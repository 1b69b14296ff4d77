/**
 * Runs the checks and tests in order. `npm test` runs all steps, `npm test -- lint check:size` runs only these two.
 * `--install-browser`, `--install-engines` and `--install-redis` may install what is missing, as CI does.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { ensureBrowser } from './browser.mjs'
import { ensureEngines } from './engines.mjs'
import { ensureRedis } from './redis.mjs'

const root = fileURLToPath(new URL('../', import.meta.url))
const bin = 'node_modules'

/** Runs a program of this repository in Node; returns whether it succeeded. */
function node(program, ...args) {
  const { status } = spawnSync(process.execPath, [join(root, program), ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  return status === 0
}

/** Runs the tests and counts the results. Without Chromium, it runs only the projects that do not need it. */
function runTests(counts, hasBrowser) {
  const folder = mkdtempSync(join(tmpdir(), 'rivulet-tests-'))
  const outputFile = join(folder, 'report.json')
  try {
    const projects = hasBrowser
      ? []
      : ['unit', 'node', 'happy-dom', 'firefox*', 'webkit*'].flatMap((name) => ['--project', name])
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${outputFile}`]
    const succeeded = node(`${bin}/vitest/vitest.mjs`, 'run', ...projects, ...reporters)
    const report = JSON.parse(readFileSync(outputFile, 'utf8'))
    counts.passed = report.numPassedTests
    counts.failed = report.numFailedTests
    counts.skipped = report.numPendingTests + report.numTodoTests
    // An error outside a test, or a file that does not load, fails the run but is not counted as a failed test.
    if (!succeeded && counts.failed === 0) counts.failed = 1
    return succeeded
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const counts = { passed: 0, failed: 0, skipped: 0 }
let hasBrowser = true
let hasRedis = true
/** Engines that are not on this machine. */
let missingEngines = []

/**
 * The steps, named after the scripts of package.json. A step does not run, and counts as failed, if the step that it
 * `needs` has failed.
 */
const steps = [
  { name: 'check:format', run: () => node(`${bin}/oxfmt/bin/oxfmt`, '--check') },
  { name: 'lint', run: () => node(`${bin}/oxlint/bin/oxlint`, '--deny-warnings') },
  { name: 'typecheck', run: () => node('scripts/typecheck.mjs') },
  { name: 'check:layers', run: () => node('scripts/check-layers.mjs') },
  { name: 'check:unused', run: () => node(`${bin}/knip/bin/knip.js`) },
  { name: 'build', run: () => node(`${bin}/rollup/dist/bin/rollup`, '--config', '--silent') },
  { name: 'check:package', needs: 'build', run: () => node('scripts/check-package.mjs') },
  { name: 'check:size', needs: 'build', run: () => node('scripts/check-size.mjs') },
  { name: 'check:api', needs: 'build', run: () => node('scripts/check-api.mjs') },
  { name: 'tests', needs: 'build', run: () => runTests(counts, hasBrowser) },
]

const { values: options, positionals } = parseArgs({
  options: {
    'install-browser': { type: 'boolean' },
    'install-engines': { type: 'boolean' },
    'install-redis': { type: 'boolean' },
  },
  allowPositionals: true,
})
const unknown = positionals.filter((name) => !steps.some((step) => step.name === name))
if (unknown.length > 0) {
  throw new TypeError(`Unknown step: ${unknown.join(', ')}. The steps are ${steps.map(({ name }) => name).join(', ')}`)
}
const selected = steps.filter(({ name }) => positionals.length === 0 || positionals.includes(name))

if (selected.some(({ name }) => name === 'tests')) {
  hasBrowser = ensureBrowser(options['install-browser'] ? { mayInstall: true } : {})
  missingEngines = ensureEngines(options['install-engines'] ? { mayInstall: true } : {})
  hasRedis = ensureRedis(options['install-redis'] ? { mayInstall: true } : {})
}
const started = performance.now()
const inSeconds = (since) => ((performance.now() - since) / 1000).toFixed(1).padStart(6)
const results = []
for (const { name, needs, run } of selected) {
  console.log(`\n▸ ${name}`)
  const since = performance.now()
  const isBlocked = results.some((result) => result.name === needs && result.outcome !== 'passed')
  let outcome = 'not run'
  if (!isBlocked) outcome = run() ? 'passed' : 'failed'
  results.push({ name, outcome, seconds: inSeconds(since) })
}

console.log('')
for (const { name, outcome, seconds } of results) console.log(`${outcome.padEnd(8)} ${seconds} s  ${name}`)
console.log(`${''.padEnd(8)} ${inSeconds(started)} s  in total`)
if (!hasBrowser) {
  console.log('\nThe tests that need a browser did not run. Install one with `npx playwright install chromium`.')
}
for (const name of missingEngines)
  console.log(`\nThe tests in ${name} did not run. As root on Debian, \`npm test -- --install-engines\` installs it.`)
if (!hasRedis)
  console.log('\nThe tests that need a Redis server did not run. Install Redis 7 or set REDIS_SERVER_PATH.')

// A failed check counts as one failure, so that the closing line agrees with the exit code.
counts.failed += results.filter(
  ({ name, outcome }) => outcome !== 'passed' && (name !== 'tests' || outcome === 'not run'),
).length
console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
if (counts.failed > 0) process.exitCode = 1
