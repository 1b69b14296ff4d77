/** The published types, as users' compilers see them: two versions, two ways of resolution, nothing skipped. */
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { describe, expect, inject, test } from 'vitest'

const { folder } = inject('consumer')
const { resolve } = createRequire(import.meta.url)

const compilers = [
  ['TypeScript 6', resolve('typescript/bin/tsc')],
  ['TypeScript 5.9', resolve('typescript-previous/bin/tsc')],
] as const

const resolutions = [
  ['bundler', ['--module', 'esnext', '--moduleResolution', 'bundler']],
  ['nodenext', ['--module', 'nodenext', '--moduleResolution', 'nodenext']],
] as const

function compile(tsc: string, files: string[], flags: readonly string[]): string {
  const strict = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--target', 'es2022']
  const { status, stdout } = spawnSync(
    process.execPath,
    [tsc, ...strict, ...flags, ...files.map((file) => join(folder, 'types', file))],
    { cwd: folder, encoding: 'utf8' },
  )
  return status === 0 ? '' : stdout
}

describe.each(compilers)('%s', (_version, tsc) => {
  describe.each(resolutions)('%s', (_name, flags) => {
    test('a page, without any types of Node', () => {
      const page = ['--lib', 'es2022,dom', '--types', '', '--skipLibCheck', 'false']
      expect(compile(tsc, ['page.ts', 'disposable.ts'], [...flags, ...page])).toBe('')
    })

    test('a test, in Node', () => {
      const node = ['--lib', 'es2023,dom', '--types', 'node', '--skipLibCheck', 'false']
      expect(compile(tsc, ['node.ts'], [...flags, ...node])).toBe('')
    })
  })
})
