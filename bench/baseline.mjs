/** Where the adapters' imports of `rivulet` and `rivulet/…` lead: to the source, or to the built package of a baseline. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { entries } from '../scripts/entries.mjs'

const root = fileURLToPath(new URL('../', import.meta.url))
const SUFFIX = '-baseline'

/** Whether the adapter with this name measures Rivulet, of either build. */
export const isRivulet = (name) => name.startsWith('rivulet')
/** The name of the same adapter with the baseline's build. */
export const withBaseline = (name) => name + SUFFIX
/** Whether the name is one that `withBaseline` returned. */
export const isBaseline = (name) => name.endsWith(SUFFIX)
/** The name of the adapter's file, without its extension. */
export const adapterOf = (name) => (isBaseline(name) ? name.slice(0, -SUFFIX.length) : name)
/** The name as tables show it: `rivulet-on (baseline)`. */
export const labelOf = (name) => (isBaseline(name) ? `${adapterOf(name)} (baseline)` : name)

/** Thrown when a build lacks what an adapter imports. */
export class MissingEntry extends Error {}

/**
 * Checks that the folder is a checkout with a built package; returns its absolute path and its version and commit.
 * @throws Error if the folder is not one
 */
export function openBaseline(folder) {
  const dir = resolve(folder)
  const { name, version } = existsSync(join(dir, 'package.json'))
    ? JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'))
    : {}
  if (name !== 'rivulet') throw new Error(`--baseline is not a checkout of Rivulet: ${dir}`)
  if (!existsSync(join(dir, 'dist/index.js')))
    throw new Error(`--baseline has no dist/index.js; run \`npm ci && npm run build\` in ${dir}`)
  let commit
  try {
    commit = execFileSync('git', ['-C', dir, 'rev-parse', '--short', 'HEAD'], { stdio: ['ignore', 'pipe', 'ignore'] })
  } catch {
    // A folder without Git, such as an unpacked tarball, has no commit.
  }
  return { dir, version: `${version}${commit ? `, commit ${String(commit).trim()}` : ''}` }
}

/** A rollup plugin that resolves `rivulet` to the source, or to `dist` of the baseline in `dir`. */
export const resolveRivulet = (dir) => ({
  name: 'rivulet',
  resolveId(id) {
    if (id !== 'rivulet' && !id.startsWith('rivulet/')) return null
    const entry = id === 'rivulet' ? 'index' : id.slice('rivulet/'.length)
    if (!dir) return join(root, entries[entry])
    const file = join(dir, 'dist', `${entry}.js`)
    if (!existsSync(file)) throw new MissingEntry(`the build has no ${id}`)
    return file
  },
})
