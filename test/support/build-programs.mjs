/** Bundles TypeScript programs so that tests can start them as separate processes. */
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/**
 * Bundles TypeScript files into a cache folder, and resolves with the folder's path. `programs` are the names of the
 * files, without `.ts`; they are next to the module whose URL is `here`.
 */
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
