/** A project like a reader's: a folder in which the built package and the other packages that snippets import are installed. */
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Block, root, scriptsOf, setupOf } from './markdown.ts'

/** Other packages that snippets import, and Node's types. */
const linkedPackages = [
  '@microsoft/fetch-event-source',
  '@types/node',
  '@types/react',
  'express',
  'jose',
  'msw',
  'react',
  'svelte',
  'valibot',
  'vitest',
  'vue',
]

export interface DocsProject {
  readonly folder: string
  /** Writes a file and returns its path. */
  write(name: string, text: string): string
  remove(): void
}

/**
 * Creates the project in a temporary folder.
 * @throws Error if the package has not been built, because snippets import its built files as users do
 */
export function createDocsProject(): DocsProject {
  if (!existsSync(join(root, 'dist/index.js'))) throw new Error('dist/ is missing: run `npm run build` first')
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'rivulet-docs-')))
  const write = (name: string, text: string): string => {
    const path = join(folder, name)
    writeFileSync(path, text)
    return path
  }
  const link = (name: string, target: string): void => {
    const path = join(folder, 'node_modules', name)
    mkdirSync(dirname(path), { recursive: true })
    symlinkSync(target, path, 'junction')
  }
  write('package.json', JSON.stringify({ name: 'reader', private: true, type: 'module' }))
  link('rivulet', root)
  for (const name of linkedPackages) link(name, join(root, 'node_modules', name))
  return { folder, write, remove: () => rmSync(folder, { recursive: true }) }
}

/** Returns the complete program for a block, and the number of lines before the block's own code. */
export function programOf(block: Block): { text: string; offset: number } {
  const setup = setupOf(block)
  const code = block.language === 'html' ? scriptsOf(block).join('\n') : block.code
  return { text: setup + code, offset: setup.split('\n').length - 1 }
}

/** Returns a file name for a block: that of its flag `file=name`, if other blocks import it. */
export function fileNameOf(block: Block, extension = block.language === 'ts' ? 'ts' : 'js'): string {
  const { document, line, flags } = block
  const name = flags.find((flag) => flag.startsWith('file='))?.slice('file='.length)
  return `${name ?? `${document.replace(/\W+/g, '-')}-${line}`}.${extension}`
}
