/** Installs the packages of a folder in `projects`, which are dependencies of that folder only. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

type Packages = Readonly<Record<string, { readonly version?: string; readonly optional?: boolean }>>

function readPackages(file: string): Packages {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { packages: Packages }).packages : {}
}

/** Returns whether every package of the lock file is installed in its version, according to npm's own list. */
function isInstalled(folder: string): boolean {
  const installed = readPackages(join(folder, 'node_modules/.package-lock.json'))
  return Object.entries(readPackages(join(folder, 'package-lock.json'))).every(
    ([path, { version, optional }]) => path === '' || optional || installed[path]?.version === version,
  )
}

/**
 * Installs the packages of a project if any are missing, and returns the path of its folder. Each project belongs to one
 * test file, because test files run in parallel, and to `test/package/runtimes.test.ts`, which runs after them.
 */
export function installProject(name: string): string {
  const folder = fileURLToPath(new URL(`projects/${name}`, import.meta.url))
  if (!isInstalled(folder)) {
    execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
      shell: process.platform === 'win32',
    })
  }
  return folder
}
