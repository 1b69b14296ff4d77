/** Everything that has to hold, in order: `npm test` runs it all, `node scripts/test.mjs lint size` some of it. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensureBrowser } from './browser.mjs'

const root = fileURLToPath(new URL('../', import.meta.url))
const started = performance.now()
const tests = { passed: 0, failed: 0, skipped: 0 }

/** Runs a program of this repository in Node; true where it succeeded. */
function node(program, ...args) {
  const { status } = spawnSync(process.execPath, [join(root, program), ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  return status === 0
}

/** The tests of every project, counted. Without a browser those that need none. */
function vitest() {
  const folder = mkdtempSync(join(tmpdir(), 'rivulet-tests-'))
  const outputFile = join(folder, 'report.json')
  try {
    const projects = ensured ? [] : ['--project', 'node', '--project', 'happy-dom']
    const fine = node(
      'node_modules/vitest/vitest.mjs',
      'run',
      ...projects,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${outputFile}`,
    )
    const report = JSON.parse(readFileSync(outputFile, 'utf8'))
    tests.passed = report.numPassedTests
    tests.failed = report.numFailedTests
    tests.skipped = report.numPendingTests + report.numTodoTests
    // An error outside a test, or a file that does not load, fails the run and no test.
    if (!fine && tests.failed === 0) tests.failed = 1
    return fine
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** In order; a step whose `needs` failed is not run, and counts as failed with it. */
const steps = [
  { name: 'format', run: () => node('node_modules/oxfmt/bin/oxfmt', '--check') },
  { name: 'lint', run: () => node('node_modules/oxlint/bin/oxlint', '--deny-warnings') },
  { name: 'types', run: () => node('scripts/types.mjs') },
  { name: 'layers', run: () => node('scripts/layers.mjs') },
  { name: 'build', run: () => node('node_modules/rollup/dist/bin/rollup', '--config', '--silent') },
  { name: 'package', needs: 'build', run: () => node('scripts/package.mjs') },
  { name: 'size', needs: 'build', run: () => node('scripts/size.mjs') },
  { name: 'api', needs: 'build', run: () => node('scripts/api.mjs', '--check') },
  { name: 'tests', needs: 'build', run: vitest },
]

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !steps.some((step) => step.name === name))
if (unknown.length > 0)
  throw new TypeError(`no such step: ${unknown.join(', ')}; there are ${steps.map(({ name }) => name).join(', ')}`)

const ensured = wanted.length > 0 && !wanted.includes('tests') ? true : ensureBrowser()
const results = []
for (const { name, needs, run } of steps) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  console.log(`\n▸ ${name}`)
  const from = performance.now()
  const blocked = results.some((result) => result.name === needs && result.outcome !== 'passed')
  let outcome = 'not run'
  if (!blocked) outcome = run() ? 'passed' : 'failed'
  results.push({ name, outcome, seconds: ((performance.now() - from) / 1000).toFixed(1) })
}

console.log('')
for (const { name, outcome, seconds } of results) console.log(`${outcome.padEnd(8)} ${seconds.padStart(6)} s  ${name}`)
console.log(`${''.padEnd(8)} ${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s  in all`)
if (!ensured)
  console.log(
    '\nNo browser was found: the tests that need one did not run. Get one with `npx playwright install chromium`.',
  )

// A failed step beside the tests counts as one failure, so that the closing line never looks better than the exit code.
const failedSteps = results.filter(
  ({ name, outcome }) => outcome !== 'passed' && (name !== 'tests' || outcome === 'not run'),
)
tests.failed += failedSteps.length
console.log(`\n${tests.passed} passed, ${tests.failed} failed, ${tests.skipped} skipped`)
if (tests.failed > 0) process.exitCode = 1
