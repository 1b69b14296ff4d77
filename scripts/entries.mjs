/** The public entries of the package: one line each, name to source. `package.json#exports` must have the same names. */
import { existsSync, readFileSync } from 'node:fs'

const root = new URL('../', import.meta.url)

/** The name is the file in `dist`, and the sub-path: `openai` is `rivulet/openai`. `index` is `rivulet` itself. */
const sources = {
  index: 'src/index.ts',
  openai: 'src/openai.ts',
  mock: 'mock-server/mock.ts',
  msw: 'mock-server/msw.ts',
  'mock-server': 'mock-server/index.ts',
}

/** What `npx rivulet` runs. */
const commandLine = { cli: 'mock-server/cli.ts' }

/** Leaves out, with a warning, what is not written yet. */
function present(all) {
  return Object.fromEntries(
    Object.entries(all).filter(([name, source]) => {
      const exists = existsSync(new URL(source, root))
      if (!exists) console.warn(`entry ${name} is left out: ${source} does not exist yet`)
      return exists
    }),
  )
}

/** The package as npm sees it. */
export const manifest = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'))

/** Name of an entry → how users import it. */
export const specifierOf = (name) => (name === 'index' ? manifest.name : `${manifest.name}/${name}`)

for (const name of Object.keys(sources)) {
  const { types, default: code } = manifest.exports[name === 'index' ? '.' : `./${name}`] ?? {}
  if (types !== `./dist/${name}.d.ts` || code !== `./dist/${name}.js`) {
    throw new Error(`package.json#exports lacks { "types": "./dist/${name}.d.ts", "default": "./dist/${name}.js" } for ${name}`)
  }
}
for (const path of Object.keys(manifest.exports)) {
  const name = path === '.' ? 'index' : path.slice(2)
  if (name !== 'package.json' && !(name in sources)) throw new Error(`scripts/entries.mjs lacks the export ${path}`)
}

export const entries = present(sources)
export const commands = present(commandLine)
