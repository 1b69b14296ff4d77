/** Builds the package: ES modules with shared chunks, script-tag files, the command line, and the type declarations. */
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nodeResolve } from '@rollup/plugin-node-resolve'
import terser from '@rollup/plugin-terser'
import { dts } from 'rollup-plugin-dts'
import ts from 'typescript'
import { commands, entries, manifest } from './scripts/entries.mjs'

const dist = fileURLToPath(new URL('dist', import.meta.url))
const external = (id) => id.startsWith('node:') || /^(msw|react|svelte|vue)(\/|$)/.test(id)
const banner = `/*! ${manifest.name} ${manifest.version}, ${manifest.license} license */`

/** Strips types file by file, which `isolatedModules` makes safe; `npm run typecheck` checks them. */
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

/** Writes `LICENSES.md` with the licenses of all bundled packages. */
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
        const file = readdirSync(folder).find((fileName) => /^licen[cs]e/i.test(fileName))
        if (!file) throw new Error(`${name} is bundled but contains no license file`)
        return `## ${name} ${version} (${license})\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`
      })
      const source = `# Licenses of the packages bundled in \`${manifest.name}\`\n\n${texts.join('\n')}`
      if (texts.length > 0) this.emitFile({ type: 'asset', fileName: 'LICENSES.md', source })
    },
  }
}

/**
 * Adds a reference to `lib.esnext.disposable` to declarations that use `Symbol.dispose` or `Disposable`, because no default
 * `lib` declares them and the bundler drops such references from the sources.
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

/**
 * Removes stale files, but only after all builds have finished writing, so that a server that serves `dist` never finds
 * a file missing.
 */
function prune(builds) {
  const written = new Set()
  let pendingOutputs = builds.reduce((sum, { output }) => sum + [output].flat().length, 0)
  const plugin = {
    name: 'prune',
    writeBundle(_options, bundle) {
      for (const name of Object.keys(bundle)) written.add(name)
      if (--pendingOutputs > 0) return
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

/** Turns bundler warnings into errors. */
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

/** Returns the Rollup configuration for a script-tag file, plain and minified, that defines one global. */
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
