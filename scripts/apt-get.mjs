/** Finds programs that the tests start, and installs them from Debian where that needs no question: on CI, as root. */
import { spawnSync } from 'node:child_process'

/** Runs apt-get non-interactively; returns whether it succeeded. */
function aptGet(...args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  return spawnSync('apt-get', ['-qq', ...args], { stdio: ['ignore', 'inherit', 'inherit'], env }).status === 0
}

/**
 * Finds a program with `find`. If there is none, installs Debian's `packageNames` when `mayInstall` is set and the user
 * is root. Returns whether there is one. `name` and `megabytes`, the size of the packages, are for messages.
 * @throws Error with `missingMessage` on CI if there is still no program, because skipped tests prove nothing
 */
export function ensureProgram({ name, find, packageNames, megabytes, missingMessage, mayInstall }) {
  const found = find()
  if (found) {
    console.log(`${name}: ${found}`)
    return true
  }
  if (mayInstall && process.platform === 'linux' && process.getuid?.() === 0) {
    console.log(
      `${name}: none found. Installing Debian's ${packageNames.join(', ')} with apt-get (about ${megabytes} MB).`,
    )
    // The packages that Chromium recommends would add about 90 MB.
    if (aptGet('update') && aptGet('install', '-y', '--no-install-recommends', ...packageNames) && find()) return true
  }
  if (process.env.CI) throw new Error(missingMessage)
  console.warn(`\n${'*'.repeat(missingMessage.length)}\n${missingMessage}\n${'*'.repeat(missingMessage.length)}\n`)
  return false
}
