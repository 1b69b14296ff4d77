/** Measures what an import costs a page, minified and compressed, and holds it against `size-budgets.json` and the README. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { rollup } from 'rollup'
import { minify } from 'terser'
import { manifest } from './entries.mjs'

const root = new URL('../', import.meta.url)
const budgets = JSON.parse(readFileSync(new URL('size-budgets.json', root), 'utf8'))

/** Resolves the package's own name as a consumer's bundler does, by `exports`. */
function ownPackage(program) {
  return {
    name: 'own-package',
    resolveId(id) {
      if (id === '\0program') return id
      const entry =
        id === manifest.name ? '.' : id.startsWith(`${manifest.name}/`) ? `./${id.slice(manifest.name.length + 1)}` : ''
      if (!entry) return null
      return {
        id: fileURLToPath(new URL(manifest.exports[entry].default, root)),
        moduleSideEffects: manifest.sideEffects,
      }
    },
    load: (id) => (id === '\0program' ? program : null),
  }
}

/** Bytes of a program that only imports what it is given, lists of names by specifier, and keeps it. */
export async function measure(imports) {
  const program = Object.entries(imports)
    .map(([specifier, names]) => `export { ${names} } from '${specifier}'`)
    .join('\n')
  const bundle = await rollup({
    input: '\0program',
    plugins: [ownPackage(program)],
    onwarn(warning) {
      throw new Error(warning.message)
    },
  })
  const { output } = await bundle.generate({ format: 'es' })
  const { code } = await minify(output[0].code, { module: true, ecma: 2020, compress: { passes: 2 } })
  if (!code) throw new Error(`nothing is left of ${program}`)
  return { minified: Buffer.byteLength(code), gzipped: gzipSync(code, { level: 9 }).byteLength }
}

const inWords = (bytes) => `${(bytes / 1000).toFixed(1)} kB`

/** Puts the figures between the marks of `text`: `<!-- size:core -->5.2 kB<!-- /size -->`. A mark without a figure throws. */
export function writeFigures(text, figures) {
  return text.replace(/(<!-- size:([\w-]+) -->)(.*?)(<!-- \/size -->)/g, (_all, open, name, _old, close) => {
    if (!(name in figures))
      throw new Error(`README.md asks for the size of ${name}, which size-budgets.json does not have`)
    return `${open}${figures[name]}${close}`
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const figures = {}
  const rows = []
  for (const { name, from, import: names, beside, limit } of budgets) {
    // What has no use by itself counts for what it adds to what it is used with.
    const without = beside ? await measure(beside) : { minified: 0, gzipped: 0 }
    const whole = await measure({ ...beside, [from]: names })
    const minified = whole.minified - without.minified
    const gzipped = whole.gzipped - without.gzipped
    figures[name] = inWords(gzipped)
    rows.push({
      name,
      import: `{ ${names} } from '${from}'`,
      minified,
      gzipped,
      limit,
      share: `${Math.round((100 * gzipped) / limit)} %`,
    })
    if (gzipped > limit) {
      console.error(`${name} is ${gzipped - limit} bytes over its budget`)
      process.exitCode = 1
    }
  }
  console.table(rows)

  const readme = new URL('README.md', root)
  if (existsSync(readme)) {
    const text = readFileSync(readme, 'utf8')
    const updated = writeFigures(text, figures)
    if (process.argv.includes('--write')) {
      writeFileSync(readme, updated)
    } else if (updated !== text) {
      console.error('README.md has other sizes: run `npm run size -- --write`')
      process.exitCode = 1
    }
  }
}
