/** Builds the package: ES modules with shared chunks, the script-tag files, the command line, and the types of it all. */
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nodeResolve } from '@rollup/plugin-node-resolve'
import terser from '@rollup/plugin-terser'
import { dts } from 'rollup-plugin-dts'
import ts from 'typescript'
import { commands, entries, manifest } from './scripts/entries.mjs'

const dist = fileURLToPath(new URL('dist', import.meta.url))
const external = (id) => id.startsWith('node:') || id === 'msw'
const banner = `/*! ${manifest.name} ${manifest.version}, ${manifest.license} license */`

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

/** The licenses of what is bundled travel with it. */
function licenses() {
  return {
    name: 'licenses',
    generateBundle(_options, bundle) {
      const folders = Object.values(bundle)
        .flatMap((output) => (output.type === 'chunk' ? output.moduleIds : []))
        .map(
          (id) =>
            id
              .split(sep)
              .join('/')
              .match(/^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0],
        )
      const texts = [...new Set(folders)].filter(Boolean).map((folder) => {
        const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
        const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each))
        if (!file) throw new Error(`${name} is bundled, but brings no license`)
        return `## ${name} ${version} (${license})\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`
      })
      const source = `# Licenses of what \`${manifest.name}\` bundles\n\n${texts.join('\n')}`
      if (texts.length > 0) this.emitFile({ type: 'asset', fileName: 'LICENSES.md', source })
    },
  }
}

/**
 * `Symbol.dispose` and `Disposable` are in no `lib` that users have by default, so the files that name them refer to it.
 * The bundler drops such references from the sources.
 */
function disposable() {
  return {
    name: 'disposable',
    renderChunk: (code) =>
      /\bSymbol\.(asyncDispose|dispose)\b|\b(Async)?Disposable\b/.test(code)
        ? { code: `/// <reference lib="esnext.disposable" />\n${code}`, map: null }
        : null,
  }
}

/** Removes what an earlier build left, after this one has written: who serves `dist` meanwhile finds every file. */
function prune(builds) {
  const written = new Set()
  let unfinished = builds.reduce((sum, { output }) => sum + [output].flat().length, 0)
  const plugin = {
    name: 'prune',
    writeBundle(_options, bundle) {
      for (const name of Object.keys(bundle)) written.add(name)
      if (--unfinished > 0) return
      for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
        const path = join(entry.parentPath ?? entry.path, entry.name)
        const name = path
          .slice(dist.length + 1)
          .split(sep)
          .join('/')
        if (entry.isFile() && !written.has(name)) rmSync(path)
      }
    },
  }
  return builds.map((build) => ({ ...build, plugins: [...build.plugins, plugin] }))
}

/** A warning of the bundler is a fault of the package. */
function onwarn(warning) {
  throw Object.assign(new Error(warning.message), warning)
}

const modules = {
  input: { ...entries, ...commands },
  external,
  plugins: [typescript(), nodeResolve({ exportConditions: ['default'] }), licenses()],
  onwarn,
  output: {
    dir: dist,
    format: 'es',
    sourcemap: true,
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name].js',
    hoistTransitiveImports: false,
  },
}

/** Files for script tags, plain and minified; each is one global. */
const scriptTag = (input, file, name) => ({
  input,
  plugins: [typescript()],
  onwarn,
  output: [
    { file: `${dist}/${file}.global.js` },
    { file: `${dist}/${file}.global.min.js`, plugins: [terser({ compress: { passes: 2 } })] },
  ].map((output) => ({ ...output, format: 'iife', name, exports: 'named', sourcemap: true, banner })),
})

const declarations = {
  input: entries,
  external,
  plugins: [dts({ tsconfig: fileURLToPath(new URL('mock-server/tsconfig.json', import.meta.url)) }), disposable()],
  onwarn,
  output: { dir: dist, format: 'es', entryFileNames: '[name].d.ts', chunkFileNames: 'chunks/[name].d.ts' },
}

export default prune([
  modules,
  scriptTag(entries.index, 'rivulet', 'Rivulet'),
  scriptTag(entries['event-source'], 'event-source', 'RivuletEventSource'),
  declarations,
])
