/** Builds programs from their sources, so that they can be started as processes of their own. */
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** Builds the `.ts` files of these names beside `here` (a module's URL) into the folder `name`, and returns its path. */
export async function buildPrograms(here, programs, name) {
  const outdir = fileURLToPath(new URL(`../../node_modules/.cache/rivulet-${name}/`, import.meta.url))
  await build({
    entryPoints: programs.map((program) => fileURLToPath(new URL(`${program}.ts`, here))),
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    packages: 'external',
    platform: 'node',
    target: 'node20',
    format: 'esm',
    sourcemap: 'inline',
    logLevel: 'warning',
  })
  return outdir
}
