/** Type-checks each folder with its own settings. */
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'

// Not the `tsc` of node_modules/.bin, which may be the older TypeScript that is installed for the consumer check.
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')

for (const project of ['src', 'mock-server', 'test', 'scripts']) {
  const { status } = spawnSync(process.execPath, [tsc, '--project', project], { stdio: 'inherit' })
  if (status !== 0) process.exitCode = 1
}
