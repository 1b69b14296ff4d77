/** Bundles `program.ts` for a platform that does not run in this process, or has globals of its own. */
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/**
 * Resolves with the code of `program.ts`: as a module that exports `program`, or as a script that sets the global
 * `program`.
 */
export async function buildProgram(format: 'esm' | 'iife'): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('program.ts', import.meta.url))],
    // The variable alone would be local to the `eval` that runs the script, because the code is strict.
    ...(format === 'iife' && { globalName: 'bundle', footer: { js: 'globalThis.program = bundle.program' } }),
    bundle: true,
    write: false,
    target: 'es2022',
    format,
    logLevel: 'warning',
  })
  return outputFiles[0]!.text
}
