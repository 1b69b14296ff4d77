/** What a page loads for each client: minified and compressed, ours from its source. `node bench/sizes.mjs` writes the table. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { minify } from 'terser'
import { versionOf } from '../test/docs/peer-sizes.mjs'
import { writeSection } from './results.mjs'

const root = new URL('../', import.meta.url)

/** What a page imports of each. */
const peers = [
  { from: '@anthropic-ai/sdk', names: 'default' },
  { from: '@microsoft/fetch-event-source', names: 'fetchEventSource' },
  { from: 'eventsource', names: 'EventSource' },
  { from: 'eventsource-parser', names: 'createParser' },
  { from: 'extended-eventsource', names: 'EventSource' },
  { from: 'fetch-event-stream', names: 'stream' },
  { from: 'openai', names: 'default' },
  { from: 'parse-sse', names: 'parseServerSentEvents' },
]

/** Bytes of a page's bundle with these imports: path of a file or a package → names. */
async function measure(imports) {
  const contents = Object.entries(imports)
    .map(([path, names]) => `export { ${names} } from ${JSON.stringify(path)}`)
    .join('\n')
  if (!contents) return { minified: 0, gzipped: 0 }
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: fileURLToPath(new URL('.', import.meta.url)) },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    treeShaking: true,
    logLevel: 'error',
  })
  const { code } = await minify(outputFiles[0].text, { module: true, ecma: 2020, compress: { passes: 2 } })
  return { minified: Buffer.byteLength(code), gzipped: gzipSync(code, { level: 9 }).byteLength }
}

/** Writes the section; the entries of ours are those that have a budget. */
export async function runSizes({ dry = false, log = console.log } = {}) {
  const own = JSON.parse(await readFile(new URL('size-budgets.json', root), 'utf8'))
  const rows = []
  const fileOf = (from) => new URL(`src/${from.split('/')[1] ?? 'index'}.ts`, root).pathname
  for (const { from, import: names, beside = {} } of own) {
    const others = Object.fromEntries(Object.entries(beside).map(([other, its]) => [fileOf(other), its]))
    const without = await measure(others)
    const { minified, gzipped } = await measure({ ...others, [fileOf(from)]: names })
    const note = beside.rivulet ? `beside \`${beside.rivulet}\`` : ''
    rows.push({ from, names, note, minified: minified - without.minified, gzipped: gzipped - without.gzipped })
  }
  for (const { from, names } of peers)
    rows.push({ from, names, note: versionOf(from), ...(await measure({ [from]: names })) })
  rows.sort((a, b) => a.gzipped - b.gzipped)
  const bytes = (count) => count.toLocaleString('en')
  const table = rows.map(
    ({ from, names, note, minified, gzipped }) =>
      `| \`{ ${names} }\` | ${from}${note && ` ${note}`} | ${bytes(minified)} | ${bytes(gzipped)} |`,
  )
  log(table.join('\n'))
  if (dry) return
  await writeSection(
    'Sizes, measured',
    `
Written by \`npm run bench\` (see sizes.mjs). Bytes of a bundle (esbuild) that imports this and nothing else, with the package's files for
browsers, minified by terser, and compressed by gzip -9.

| import | from | minified | gzip |
| --- | --- | ---: | ---: |
${table.join('\n')}
`,
  )
}

if (process.argv[1] === new URL(import.meta.url).pathname) await runSizes({ dry: process.argv.includes('--dry') })
