/** The source file of each public entry of the package, by name. `package.json#exports` must list the same names. */
import { readFileSync } from 'node:fs'

const root = new URL('../', import.meta.url)

/**
 * Each name is both the file in `dist` and the subpath: `openai` is `rivulet/openai`, `server/node` is `rivulet/server/node`.
 * `index` is `rivulet` itself.
 */
export const entries = {
  index: 'src/index.ts',
  openai: 'src/openai.ts',
  anthropic: 'src/anthropic.ts',
  gemini: 'src/gemini.ts',
  'ai-sdk': 'src/ai-sdk.ts',
  'ag-ui': 'src/ag-ui.ts',
  langgraph: 'src/langgraph.ts',
  'event-source': 'src/event-source.ts',
  'fetch-event-source': 'src/fetch-event-source.ts',
  parser: 'src/parser.ts',
  'partial-json': 'src/partial-json.ts',
  multiplex: 'src/multiplex.ts',
  diagnostics: 'src/diagnostics.ts',
  inspector: 'src/inspector.ts',
  persist: 'src/persist.ts',
  share: 'src/share.ts',
  store: 'src/store.ts',
  react: 'src/react.ts',
  vue: 'src/vue.ts',
  svelte: 'src/svelte.ts',
  server: 'server/index.ts',
  'server/node': 'server/node.ts',
  'server/redis': 'server/redis.ts',
  mock: 'mock-server/mock.ts',
  msw: 'mock-server/msw.ts',
  'mock-server': 'mock-server/index.ts',
}

/** The program that `npx rivulet` runs. */
export const commands = { cli: 'mock-server/cli.ts' }

/** The contents of package.json. */
export const manifest = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'))

for (const name of Object.keys(entries)) {
  const { types, default: code } = manifest.exports[name === 'index' ? '.' : `./${name}`] ?? {}
  if (types !== `./dist/${name}.d.ts` || code !== `./dist/${name}.js`) {
    throw new Error(
      `package.json#exports lacks { "types": "./dist/${name}.d.ts", "default": "./dist/${name}.js" } for ${name}`,
    )
  }
}
for (const path of Object.keys(manifest.exports)) {
  const name = path === '.' ? 'index' : path.slice(2)
  if (name !== 'package.json' && !(name in entries))
    throw new Error(`scripts/entries.mjs lacks the package.json export ${path}`)
}
