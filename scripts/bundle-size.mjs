/** Measures what imports cost a page: bundled and minified by esbuild, compressed by gzip -9. All published sizes come from here. */
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

/**
 * Bytes of a page's bundle that has these imports and nothing else.
 * @param {Record<string, string>} imports names by module specifier: `{ rivulet: 'createClient' }`
 * @param {string} resolveDir the folder whose packages are meant
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
    logLevel: 'error',
  })
  if (!bundle) throw new Error(`esbuild wrote nothing for ${contents}`)
  return { minified: bundle.contents.byteLength, gzipped: gzipSync(bundle.contents, { level: 9 }).byteLength }
}

/** Bytes that `imports` add to a page which has the imports `beside` already. */
export async function addedSize(imports, beside, resolveDir) {
  const whole = await bundleSize({ ...beside, ...imports }, resolveDir)
  const without = beside ? await bundleSize(beside, resolveDir) : { minified: 0, gzipped: 0 }
  return { minified: whole.minified - without.minified, gzipped: whole.gzipped - without.gzipped }
}

/** A size as documents print it. */
export const inKilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`
