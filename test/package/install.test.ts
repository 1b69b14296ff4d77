/** What `npm install` brings: one package, complete and without more. */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, inject, test } from 'vitest'

const { folder, installed } = inject('consumer')
const home = join(folder, 'node_modules/rivulet')
const manifest = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'))
const files = readdirSync(home, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) =>
    join(entry.parentPath, entry.name)
      .slice(home.length + 1)
      .replaceAll('\\', '/'),
  )

test('one package is installed', () => {
  expect(installed).toEqual(['rivulet'])
  expect(manifest.dependencies ?? {}).toEqual({})
})

test('every file that the manifest names is there', () => {
  const named = [
    ...Object.values<{ types: string; default: string } | string>(manifest.exports).flatMap((entry) =>
      typeof entry === 'string' ? [entry] : [entry.types, entry.default],
    ),
    ...Object.values<string>(manifest.bin),
    manifest.unpkg,
    manifest.jsdelivr,
  ]
  expect(named.filter((path) => !existsSync(join(home, path)))).toEqual([])
})

test('no sources, tests or settings are in it, but the license, the contract and every source map', () => {
  expect(files.filter((path) => !path.startsWith('dist/')).toSorted()).toEqual([
    'CHANGELOG.md',
    'LICENSE',
    'PROTOCOL.md',
    'README.md',
    'package.json',
  ])
  const scripts = files.filter((path) => path.endsWith('.js'))
  expect(scripts.filter((path) => !files.includes(`${path}.map`))).toEqual([])
})

test('the licenses of what is bundled are in it', () => {
  expect(readFileSync(join(home, 'dist/LICENSES.md'), 'utf8')).toMatch(/^## jose .*\(MIT\)$/m)
})

test('the SDK imports nothing but its own files', () => {
  const imports = (path: string): string[] =>
    [...readFileSync(join(home, path), 'utf8').matchAll(/^(?:import|export)\b[^;]*?\bfrom '([^']+)'/gm)].map(
      ([, name]) => name!,
    )
  for (const entry of ['dist/index.js', 'dist/openai.js', 'dist/mock.js']) {
    expect(imports(entry).filter((name) => !name.startsWith('./'))).toEqual([])
  }
})

test('the command runs', () => {
  const help = execFileSync(process.execPath, [join(folder, 'node_modules/.bin/rivulet'), 'mock', '--help'], {
    encoding: 'utf8',
  })
  expect(help).toContain('--port')
})
