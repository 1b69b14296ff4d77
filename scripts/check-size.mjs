/** Compares the size of each entry with `size-budgets.json` and the documents. `npm run check:size -- --write` updates the documents. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { addedSize, inKilobytes } from './bundle-size.mjs'
import { outdatedDocuments } from './document-figures.mjs'

const root = new URL('../', import.meta.url)
/**
 * `limit` is in compressed bytes. `beside` lists imports that a page with this import already has; their size does not
 * count.
 */
const budgets = JSON.parse(readFileSync(new URL('size-budgets.json', root), 'utf8'))

const figures = {}
const rows = []
for (const { name, from, import: names, beside, limit } of budgets) {
  const { minified, gzipped } = await addedSize({ [from]: names }, beside, fileURLToPath(root))
  figures[name] = inKilobytes(gzipped)
  rows.push({
    import: `{ ${names} } from '${from}'`,
    minified,
    gzipped,
    limit,
    used: `${Math.round((100 * gzipped) / limit)} %`,
  })
  if (gzipped <= limit) continue
  console.error(`${name} is ${gzipped - limit} bytes over its budget`)
  process.exitCode = 1
}
console.table(rows)

for (const path of outdatedDocuments('size', figures, { write: process.argv.includes('--write') })) {
  console.error(`${path} has outdated sizes: run \`npm run check:size -- --write\``)
  process.exitCode = 1
}
