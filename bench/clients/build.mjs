/** Bundles each client with its program of the page into one file; Rivulet is built from its source, or a baseline's package. */
import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { nodeResolve } from '@rollup/plugin-node-resolve'
import terser from '@rollup/plugin-terser'
import { rollup } from 'rollup'
import { typescript } from '../build.mjs'
import { adapterOf, isBaseline, isRivulet, resolveRivulet } from '../baseline.mjs'
import { outDir } from './build-dir.mjs'

const here = fileURLToPath(new URL('./', import.meta.url))

/** Returns the names of the clients in a folder of adapters, which are their file names. */
export const clientNames = async (folder) =>
  (await readdir(`${here}adapters/${folder}`)).filter((file) => file.endsWith('.mjs')).map((file) => file.slice(0, -4))

/**
 * Builds one client. Rivulet is minified; peers are used as published.
 * @throws MissingEntry if the baseline's package lacks what the adapter imports
 */
export async function buildClient({ folder, program }, name, baselineDir) {
  const input = `
    import * as adapter from ${JSON.stringify(`${here}adapters/${folder}/${adapterOf(name)}.mjs`)}
    import { createProgram } from ${JSON.stringify(`${here}programs/${program}.mjs`)}
    export const { findObstacle = () => undefined } = adapter
    export const program = createProgram(adapter)`
  const bundle = await rollup({
    input: '\0input',
    plugins: [
      {
        name: 'input',
        resolveId: (id) => (id === '\0input' ? id : null),
        load: (id) => (id === '\0input' ? input : null),
      },
      resolveRivulet(isBaseline(name) ? baselineDir : undefined),
      nodeResolve({ browser: true, extensions: ['.mjs', '.js', '.ts'] }),
      typescript,
      isRivulet(name) && terser({ module: true, ecma: 2022, compress: { passes: 2 } }),
    ],
    onwarn: () => {},
  })
  await bundle.write({ file: `${outDir}${folder}/${name}.mjs`, format: 'es' })
  await bundle.close()
}
