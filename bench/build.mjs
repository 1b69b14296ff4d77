/** Bundles each adapter with its parser into one file that Node and a page can load; Rivulet is built from its source, or a baseline's package. */
import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { nodeResolve } from '@rollup/plugin-node-resolve'
import terser from '@rollup/plugin-terser'
import { rollup } from 'rollup'
import ts from 'typescript'
import { outDir } from './build-dir.mjs'
import { adapterOf, isBaseline, isRivulet, resolveRivulet } from './baseline.mjs'

const here = fileURLToPath(new URL('./', import.meta.url))

/** A rollup plugin that only strips types. */
export const typescript = {
  name: 'typescript',
  transform(code, id) {
    if (!id.endsWith('.ts')) return null
    const { outputText } = ts.transpileModule(code, { compilerOptions: { target: 'es2022', module: 'esnext' } })
    return { code: outputText, map: null }
  },
}

/** Returns the names of the adapters, which are their file names. */
export const adapterNames = async () =>
  (await readdir(`${here}adapters`)).filter((file) => file.endsWith('.mjs')).map((file) => file.slice(0, -4))

/** Builds one adapter. Rivulet is minified; peers are used as published. */
export async function buildAdapter(name, baselineDir) {
  const bundle = await rollup({
    input: `${here}adapters/${adapterOf(name)}.mjs`,
    plugins: [
      name === 'undici' && {
        name: 'external',
        resolveId: (id) =>
          id.includes('undici/lib')
            ? { id: new URL(id, `file://${here}adapters/`).pathname, external: 'absolute' }
            : null,
      },
      resolveRivulet(isBaseline(name) ? baselineDir : undefined),
      nodeResolve({ browser: true, extensions: ['.mjs', '.js', '.ts'] }),
      typescript,
      isRivulet(name) && terser({ module: true, ecma: 2022 }),
    ],
    onwarn: () => {},
  })
  await bundle.write({ file: `${outDir}${name}.mjs`, format: 'es' })
  await bundle.close()
}
