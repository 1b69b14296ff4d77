/**
 * Checks that files import only from their own and lower layers, and that CONTRIBUTING.md shows the current graph of
 * these imports. `npm run check:layers -- --write` updates the graph.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cruise } from 'dependency-cruiser'
import config, { entryFolders, layers } from '../.dependency-cruiser.mjs'

const root = fileURLToPath(new URL('../', import.meta.url))

/** Reads the imports in `folders` of `baseDir` and checks them against the rules. */
export async function cruiseImports(baseDir = root, folders = ['src', 'server', 'mock-server']) {
  const { options, forbidden = [] } = config
  const { output } = await cruise(folders, { ...options, baseDir, ruleSet: { forbidden }, validate: true })
  if (typeof output === 'string') throw new TypeError('dependency-cruiser returned a report instead of a result')
  return output
}

/** Describes each violation in one line: the importing file, the imported file and the violated rule. */
export function describeViolations({ summary }) {
  return summary.violations.map(({ from, to, rule, cycle }) => {
    const target = cycle ? cycle.map(({ name }) => name).join(' → ') : to
    return `${from} → ${target}: ${rule.name}`
  })
}

/** Returns the node of the graph that a file of `src` belongs to. */
function nodeOf(path) {
  const folder = dirname(path).slice('src/'.length)
  if (folder === '') return 'entries'
  return entryFolders.includes(folder) ? 'parts' : folder
}

/** Returns the imports between the folders of `src` as a Mermaid flowchart from top to bottom. */
export function drawImports({ modules }) {
  const nodes = ['entries', 'parts', ...layers]
  const labels = { entries: 'entries: src/*.ts', parts: `parts of one entry: ${entryFolders.join(', ')}` }
  const arrows = new Set()
  for (const { source, dependencies } of modules) {
    if (!source.startsWith('src/')) continue
    for (const { resolved } of dependencies) {
      const [from, to] = [nodeOf(source), nodeOf(resolved)]
      if (from !== to) arrows.add(`  ${from} --> ${to}`)
    }
  }
  const order = (arrow) => nodes.indexOf(arrow.split(' --> ')[0].trim()) * 100 + nodes.indexOf(arrow.split(' --> ')[1])
  const lines = [...arrows].sort((one, other) => order(one) - order(other))
  return ['flowchart TB', ...nodes.map((node) => `  ${node}["${labels[node] ?? node}"]`), ...lines].join('\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const result = await cruiseImports()
  const violations = describeViolations(result)
  for (const violation of violations) console.error(violation)
  console.log(`${result.modules.length} files and packages, ${violations.length} violations`)
  if (violations.length > 0) process.exitCode = 1

  const guide = `${root}CONTRIBUTING.md`
  const text = readFileSync(guide, 'utf8')
  const drawn = text.replace(
    /(<!-- imports -->\n```mermaid\n)[^]*?(\n```)/,
    (_all, open, close) => open + drawImports(result) + close,
  )
  if (process.argv.includes('--write')) writeFileSync(guide, drawn)
  else if (drawn !== text) {
    console.error('CONTRIBUTING.md shows an outdated import graph: run `npm run check:layers -- --write`')
    process.exitCode = 1
  }
}
