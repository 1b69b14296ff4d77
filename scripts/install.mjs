/** Installs the packages in the lock file if any are missing or outdated, so that one command works on a fresh clone. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'

const root = new URL('../', import.meta.url)
const read = (path) => JSON.parse(readFileSync(new URL(path, root), 'utf8')).packages

/**
 * Returns the packages that are missing or have a different version, according to npm's list in `node_modules`. File
 * times are not compared, because a checkout changes them.
 */
function missingPackages() {
  const lockFile = new URL('node_modules/.package-lock.json', root)
  const installed = existsSync(lockFile) ? read(lockFile) : {}
  return Object.entries(read('package-lock.json')).filter(
    ([path, { version, optional }]) =>
      path !== '' && !(optional && !installed[path]) && installed[path]?.version !== version,
  )
}

const missing = missingPackages()
if (missing.length > 0) {
  // `npm ci` deletes an existing node_modules. `npm install` adds what it lacks, and `--no-save` leaves the lock file alone.
  const command = existsSync(new URL('node_modules/.package-lock.json', root)) ? ['install', '--no-save'] : ['ci']
  console.log(
    `Installing packages with \`npm ${command.join(' ')}\`, because ${missing.length} are missing or outdated.`,
  )
  const { status } = spawnSync('npm', [...command, '--no-fund', '--no-audit'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  })
  process.exitCode = status ?? 1
}
