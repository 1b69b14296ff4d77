/** Installs the packages of `projects/nestjs`, compiles its server and starts it. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { installProject } from './install-project.ts'

export interface NestServer {
  /** Base URL, without a trailing slash. */
  readonly url: string
  close(): Promise<void>
}

/** Resolves with the function that starts a NestJS application. */
export async function loadNestServer(): Promise<() => Promise<NestServer>> {
  const folder = installProject('nestjs')
  // Next to the packages, so that the compiled file finds them.
  const outfile = join(folder, 'node_modules/.cache/server.mjs')
  await build({
    entryPoints: [join(folder, 'server.ts')],
    tsconfig: join(folder, 'tsconfig.json'),
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
