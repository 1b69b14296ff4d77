/** Builds the mock server from its source into one file. */
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const entry = fileURLToPath(new URL('../../mock-server/index.ts', import.meta.url))
const outfile = fileURLToPath(new URL('.build/mock-server.mjs', import.meta.url))

/** Builds the mock server and resolves with its module. */
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

/** Path of the built file. */
export const builtServer = outfile
