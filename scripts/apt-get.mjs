/** Installs Debian packages on machines where that needs no question: CI, as root. */
import { spawnSync } from 'node:child_process'

/** Runs apt-get non-interactively; returns whether it succeeded. */
export function aptGet(...args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  return spawnSync('apt-get', ['-qq', ...args], { stdio: ['ignore', 'inherit', 'inherit'], env }).status === 0
}

/** Whether packages may be installed with apt-get: `isAllowed`, on Linux and as root. */
export const canInstall = (isAllowed) => isAllowed && process.platform === 'linux' && process.getuid?.() === 0
