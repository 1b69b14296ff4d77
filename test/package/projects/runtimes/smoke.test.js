/** Runs the checks in Jest or Vitest, and writes the results to a file. */
import { writeFileSync } from 'node:fs'
import { runChecks } from './smoke.js'

const { SMOKE_URLS, SMOKE_RESULTS } = process.env

test('the checks', async () => {
  writeFileSync(SMOKE_RESULTS, JSON.stringify(await runChecks(JSON.parse(SMOKE_URLS))))
}, 60_000)
