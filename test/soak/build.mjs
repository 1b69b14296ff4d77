/** Builds the programs of the soak from their sources: the server and the clients are processes of their own. */
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const here = new URL('./', import.meta.url)

/** Builds them, and returns the folder. Users of the same folder at the same time would disturb each other. */
export async function buildPrograms(name) {
  const outdir = fileURLToPath(new URL(`../../node_modules/.cache/rivulet-soak/${name}/`, here))
  await build({
    entryPoints: ['campaign', 'server', 'node-client'].map((program) => fileURLToPath(new URL(`${program}.ts`, here))),
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
