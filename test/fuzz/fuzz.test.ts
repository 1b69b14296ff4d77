/** A short fuzzing run with a fixed seed; `npm run fuzz` starts the long run, with a new seed each time. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { tasks } from './tasks.ts'

const SEED = 20_260_101

test.each(tasks)('fuzz property $name holds for a fixed seed', async ({ runs, check }) => {
  const details = await check({ seed: SEED, numRuns: runs })
  expect(details.failed, fc.defaultReportMessage(details)).toBe(false)
  expect(details.numRuns).toBe(runs)
})
