/** Finds or installs the Redis server that the tests of the Redis log start. */
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { ensureProgram } from './apt-get.mjs'

/**
 * Returns the path of `redis-server`, or `undefined` if there is none. Tries `REDIS_SERVER_PATH`, then the folders of
 * `PATH`.
 * @throws Error if the file at `REDIS_SERVER_PATH` does not exist, because the tests must not run with a server other
 * than the requested one
 */
export function findRedis() {
  const requestedPath = process.env.REDIS_SERVER_PATH
  if (requestedPath) {
    if (existsSync(requestedPath)) return requestedPath
    throw new Error(`REDIS_SERVER_PATH names a file that does not exist: ${requestedPath}`)
  }
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'redis-server'))
    .find((path) => existsSync(path))
}

const missingMessage =
  'No Redis server was found. Install Redis 7 with your package manager (`apt-get install redis-server`, `brew install redis`), or set REDIS_SERVER_PATH.'

/**
 * Finds a Redis server. If there is none, installs Debian's when `mayInstall` is set and the user is root. Returns
 * whether there is one.
 * @throws Error on CI if there is still no server, because skipped tests prove nothing
 */
export function ensureRedis({ mayInstall = Boolean(process.env.CI) } = {}) {
  return ensureProgram({
    name: 'Redis',
    find: findRedis,
    packageNames: ['redis-server'],
    megabytes: 6,
    missingMessage,
    mayInstall,
  })
}
