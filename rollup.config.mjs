/** Builds the package: ES modules with shared chunks, the script-tag files, the command line, and the types of it all. */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { nodeResolve } from '@rollup/plugin-node-resolve'
import terser from '@rollup/plugin-terser'
import { dts } from 'rollup-plugin-dts'
import ts from 'typescript'

/** One line per public entry: its file in `dist`, and its source. `package.json#exports` has the same names. */
const entries = present({
  index: 'src/index.ts',
  openai: 'src/openai.ts',
  mock: 'mock-server/mock.ts',
  msw: 'mock-server/msw.ts',
  'mock-server': 'mock-server/index.ts',
})

const commandLine = present({ cli: 'mock-server/cli.ts' })

function present(sources) {
  return Object.fromEntries(
    Object.entries(sources).filter(([name, source]) => {
      const exists = existsSync(new URL(source, import.meta.url))
      if (!exists) console.warn(`entry ${name} is left out: ${source} does not exist yet`)
      return exists
    }),
  )
}

/** Types are erased one file at a time, which `isolatedModules` makes sound; `npm run types` checks them. */
function typescript() {
  return {
    name: 'typescript',
    transform(code, id) {
      if (!id.endsWith('.ts')) return null
      const { outputText, sourceMapText } = ts.transpileModule(code, {
        fileName: id,
        compilerOptions: {
          target: ts.ScriptTarget.ES2022,
          module: ts.ModuleKind.ESNext,
          verbatimModuleSyntax: true,
          isolatedModules: true,
          sourceMap: true,
          inlineSources: true,
        },
      })
      return { code: outputText.replace(/\n\/\/# sourceMappingURL=.*$/, '\n'), map: sourceMapText }
    },
  }
}

/** A warning of the bundler is a fault of the package. */
function onwarn(warning) {
  throw Object.assign(new Error(warning.message), warning)
}

const external = (id) => id.startsWith('node:') || id === 'msw'
const plugins = [typescript(), nodeResolve({ exportConditions: ['default'] })]
const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'))
const banner = `/*! rivulet ${version}, MIT license */`

const modules = {
  input: { ...entries, ...commandLine },
  external,
  plugins,
  onwarn,
  output: {
    dir: 'dist',
    format: 'es',
    sourcemap: true,
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name].js',
    hoistTransitiveImports: false,
  },
}

const scriptTag = {
  input: 'src/index.ts',
  plugins,
  onwarn,
  output: [
    { file: 'dist/rivulet.global.js', plugins: [] },
    { file: 'dist/rivulet.global.min.js', plugins: [terser()] },
  ].map((output) => ({ ...output, format: 'iife', name: 'Rivulet', exports: 'named', sourcemap: true, banner })),
}

const types = {
  input: entries,
  external,
  plugins: [dts({ tsconfig: fileURLToPath(new URL('mock-server/tsconfig.json', import.meta.url)) })],
  onwarn,
  output: { dir: 'dist', format: 'es', entryFileNames: '[name].d.ts', chunkFileNames: 'chunks/[name].d.ts' },
}

export default [
  ...(Object.keys({ ...entries, ...commandLine }).length > 0 ? [modules] : []),
  ...('index' in entries ? [scriptTag] : []),
  ...(Object.keys(entries).length > 0 ? [types] : []),
]
