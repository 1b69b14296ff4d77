/** Bundles each client with the page's program into one file; rivulet is built from its source. */
import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { nodeResolve } from '@rollup/plugin-node-resolve'
import terser from '@rollup/plugin-terser'
import { rollup } from 'rollup'
import { typescript } from '../build.mjs'
import { outDir } from './build-dir.mjs'

const here = fileURLToPath(new URL('./', import.meta.url))

/** Returns the names of the clients, which are the file names of their adapters. */
export const clientNames = async () =>
  (await readdir(`${here}adapters`)).filter((file) => file.endsWith('.mjs')).map((file) => file.slice(0, -4))

/** Builds one client. rivulet is minified; peers are used as published. */
export async function buildClient(name) {
  const isRivulet = name.startsWith('rivulet')
  const program = `
    import * as adapter from ${JSON.stringify(`${here}adapters/${name}.mjs`)}
    import { run } from ${JSON.stringify(`${here}page.mjs`)}
    export const start = (total) => run(adapter, total)
    export const { checks } = adapter`
  const bundle = await rollup({
    input: '\0program',
    plugins: [
      {
        name: 'program',
        resolveId: (id) => (id === '\0program' ? id : null),
        load: (id) => (id === '\0program' ? program : null),
      },
      nodeResolve({ browser: true, extensions: ['.mjs', '.js', '.ts'] }),
      typescript,
      isRivulet && terser({ module: true, ecma: 2022, compress: { passes: 2 } }),
    ],
    onwarn: () => {},
  })
  await bundle.write({ file: `${outDir}${name}.mjs`, format: 'es' })
  await bundle.close()
}
