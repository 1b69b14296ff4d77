/** Builds the mock server from its source into one file. */
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const entry = fileURLToPath(new URL('../../mock-server/index.ts', import.meta.url))
const outfile = fileURLToPath(new URL('.build/mock-server.mjs', import.meta.url))

/** Builds it; the module. */
export async function buildServer() {
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'error',
  })
  return import(outfile)
}

/** Where it lies once it is built. */
export const built = outfile
