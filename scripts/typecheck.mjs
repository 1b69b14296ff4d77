/** Type-checks each folder with its own settings. */
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'

// Not node_modules/.bin/tsc, which may belong to the older TypeScript that the package tests use.
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')

for (const project of ['src', 'server', 'mock-server', 'examples', 'test', 'scripts']) {
  const { status } = spawnSync(process.execPath, [tsc, '--project', project], { stdio: 'inherit' })
  if (status !== 0) process.exitCode = 1
}
