/** The packed package passes the same checks in every runtime; `npm run test:long -- runtimes` runs all of them. */
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { startPlatformServer } from '../interop/platforms/server.ts'
import { type CheckResult, runtimes } from './runtimes.ts'

const { folder } = inject('consumer')
const isLong = Boolean(process.env['RIVULET_LONG'])

let checkNames: readonly string[]
beforeAll(async () => {
  ;({ checkNames } = (await import(`${folder}/runtimes/smoke.js`)) as { checkNames: readonly string[] })
})

interface Row {
  runtime: string
  passed: number
  skipped: string
  seconds: string
}
const rows: Row[] = []
afterAll(() => console.table(rows))

/** Describes the checks that did not run, by what the runtime lacks. */
function describeSkipped(results: readonly CheckResult[]): string {
  const reasons = results.filter(({ outcome }) => outcome === 'skipped').map(({ reason }) => reason!)
  return [...new Set(reasons)]
    .map((reason) => `${reasons.filter((other) => other === reason).length}: ${reason}`)
    .join(', ')
}

test.each(runtimes.filter((runtime) => isLong || !runtime.isLong))(
  '$name passes the checks, except those for which it lacks a global',
  async ({ name, unavailable, run }) => {
    const servers = await Promise.all(checkNames.map(() => startPlatformServer()))
    const startedAt = performance.now()
    if (unavailable) {
      rows.push({ runtime: name, passed: 0, skipped: unavailable, seconds: '' })
      return
    }
    const results = await run(
      folder,
      servers.map(({ url }) => url),
    )
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
    const outcomes = Object.values(results)
    const passed = outcomes.filter(({ outcome }) => outcome === 'passed').length
    rows.push({ runtime: name, passed, skipped: describeSkipped(outcomes), seconds })
    expect(Object.keys(results)).toEqual(checkNames)
    expect(Object.entries(results).filter(([, { outcome }]) => outcome === 'failed')).toEqual([])
    expect(JSON.stringify(servers.flatMap(({ foreign }) => foreign))).not.toContain('SECRET')
  },
  300_000,
)
