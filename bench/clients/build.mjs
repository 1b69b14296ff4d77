/** Builds each client, with what runs beside it in the page, into one file; our part from its source, as pages load it. */
import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { rollup } from 'rollup'
import { nodeResolve } from '@rollup/plugin-node-resolve'
import terser from '@rollup/plugin-terser'
import { typescript } from '../build.mjs'
import { outDir } from './build-dir.mjs'

const here = fileURLToPath(new URL('./', import.meta.url))

/** The names of the clients, which are those of their adapters' files. */
export const clientNames = async () =>
  (await readdir(`${here}adapters`)).filter((file) => file.endsWith('.mjs')).map((file) => file.slice(0, -4))

/** Ours is minified; peers are taken as they publish themselves. */
export async function buildClient(name) {
  const isOurs = name.startsWith('rivulet')
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
      isOurs && terser({ module: true, ecma: 2022, compress: { passes: 2 } }),
    ],
    onwarn: () => {},
  })
  await bundle.write({ file: `${outDir}${name}.mjs`, format: 'es' })
  await bundle.close()
}
