/** The published types compile with two TypeScript versions and two module resolutions, without `skipLibCheck`. */
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { expect, inject, test } from 'vitest'

const { resolve } = createRequire(import.meta.url)

const compilers = {
  'TypeScript 6': resolve('typescript/bin/tsc'),
  'TypeScript 5.9': resolve('typescript-previous/bin/tsc'),
}

const resolutions = {
  bundler: ['--module', 'esnext', '--moduleResolution', 'bundler'],
  nodenext: ['--module', 'nodenext', '--moduleResolution', 'nodenext'],
}

// The types of Node and MSW are large, so the node project covers each compiler and each resolution only once.
test.each([
  ['page', 'TypeScript 6', 'bundler'],
  ['page', 'TypeScript 6', 'nodenext'],
  ['page', 'TypeScript 5.9', 'bundler'],
  ['page', 'TypeScript 5.9', 'nodenext'],
  ['node', 'TypeScript 6', 'bundler'],
  ['node', 'TypeScript 5.9', 'nodenext'],
] as const)('the %s project compiles with %s and %s resolution', (project, compiler, resolution) => {
  const { folder } = inject('consumer')
  const { status, stdout } = spawnSync(
    process.execPath,
    [compilers[compiler], '--project', join(folder, `types/tsconfig.${project}.json`), ...resolutions[resolution]],
    { cwd: folder, encoding: 'utf8' },
  )
  expect(stdout).toBe('')
  expect(status).toBe(0)
})
