/** `npm run soak`: builds the package and the soak's programs, and starts the long run. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { buildPrograms } from './build.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))
/** Runs Node with `args` and returns its exit code. */
const node = (...args) => spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' }).status ?? 1

const folder = await buildPrograms('runner')
// Build the package first, because the page loads the built package, as users do.
process.exitCode =
  node(`${root}node_modules/rollup/dist/bin/rollup`, '--config', '--silent') ||
  node('--enable-source-maps', `${folder}runner.mjs`, folder, root, ...process.argv.slice(2))
