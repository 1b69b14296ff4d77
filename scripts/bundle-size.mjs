/** Measures the size of imports, bundled and minified by esbuild and compressed by gzip -9. All published sizes are measured here. */
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

/**
 * Resolves with the size in bytes of a bundle that contains only these imports.
 * @param {Record<string, string>} imports names by module specifier: `{ rivulet: 'createClient' }`
 * @param {string} resolveDir the folder from which packages are resolved
 */
export async function bundleSize(imports, resolveDir) {
  const contents = Object.entries(imports)
    .map(([specifier, names]) => `export { ${names} } from ${JSON.stringify(specifier)}`)
    .join('\n')
  const {
    outputFiles: [bundle],
  } = await build({
    stdin: { contents, resolveDir },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    // A page with a binding has its framework.
    external: ['react', 'svelte', 'vue'],
    logLevel: 'error',
  })
  if (!bundle) throw new Error(`esbuild returned no bundle for ${contents}`)
  return { minified: bundle.contents.byteLength, gzipped: gzipSync(bundle.contents, { level: 9 }).byteLength }
}

/** Resolves with the number of bytes that `imports` add to a page that already has the imports in `beside`. */
export async function addedSize(imports, beside, resolveDir) {
  const combined = await bundleSize({ ...beside, ...imports }, resolveDir)
  const without = beside ? await bundleSize(beside, resolveDir) : { minified: 0, gzipped: 0 }
  return { minified: combined.minified - without.minified, gzipped: combined.gzipped - without.gzipped }
}

/** Formats a size for the documents. */
export const inKilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`
