/** Measures the bytes that a page loads for each client; rivulet is taken from the built package. `node bench/sizes.mjs` writes the table. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { addedSize, bundleSize } from '../scripts/bundle-size.mjs'
import { versionOf } from '../test/docs/peer-sizes.mjs'
import { writeSection } from './results.mjs'

const root = new URL('../', import.meta.url)
const bench = fileURLToPath(new URL('./', import.meta.url))

/** The peers, each with the names that a page imports. */
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

/** Measures the peers and the rivulet entries that have a size budget, and writes the section. */
export async function runSizes({ dry = false, log = console.log } = {}) {
  const budgets = JSON.parse(await readFile(new URL('size-budgets.json', root), 'utf8'))
  const rows = []
  for (const { from, import: names, beside } of budgets) {
    const note = beside ? `beside \`${beside.rivulet}\`` : ''
    rows.push({ from, names, note, ...(await addedSize({ [from]: names }, beside, fileURLToPath(root))) })
  }
  for (const { from, names } of peers)
    rows.push({ from, names, note: versionOf(from), ...(await bundleSize({ [from]: names }, bench)) })
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
Written by \`npm run bench\` (see sizes.mjs). Bytes of a bundle that imports only this, bundled and minified by esbuild
with the package's browser files, and compressed by gzip -9.

| import | from | minified | gzip |
| --- | --- | ---: | ---: |
${table.join('\n')}
`,
  )
}

if (process.argv[1] === new URL(import.meta.url).pathname) await runSizes({ dry: process.argv.includes('--dry') })
