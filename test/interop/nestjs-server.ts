/** Installs the packages of `projects/nestjs` if any are missing, compiles its server and starts it. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const nestFolder = fileURLToPath(new URL('projects/nestjs', import.meta.url))

export interface NestServer {
  /** Base URL, without a trailing slash. */
  readonly url: string
  close(): Promise<void>
}

type Packages = Readonly<Record<string, { readonly version?: string; readonly optional?: boolean }>>

const readPackages = (path: string): Packages => {
  const file = join(nestFolder, path)
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { packages: Packages }).packages : {}
}

/** Returns whether every package of the lock file is installed in its version, according to npm's own list. */
function isInstalled(): boolean {
  const installed = readPackages('node_modules/.package-lock.json')
  return Object.entries(readPackages('package-lock.json')).every(
    ([path, { version, optional }]) => path === '' || optional || installed[path]?.version === version,
  )
}

/** Resolves with the function that starts a NestJS application. */
export async function loadNestServer(): Promise<() => Promise<NestServer>> {
  if (!isInstalled()) {
    execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: nestFolder,
      stdio: ['ignore', 'ignore', 'inherit'],
      shell: process.platform === 'win32',
    })
  }
  // Next to the packages, so that the compiled file finds them.
  const outfile = join(nestFolder, 'node_modules/.cache/server.mjs')
  await build({
    entryPoints: [join(nestFolder, 'server.ts')],
    tsconfig: join(nestFolder, 'tsconfig.json'),
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    target: 'node20',
    format: 'esm',
    logLevel: 'warning',
  })
  const { startServer } = (await import(/* @vite-ignore */ pathToFileURL(outfile).href)) as {
    startServer(): Promise<NestServer>
  }
  return startServer
}
