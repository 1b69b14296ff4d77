/** `npm install` installs a single package, which contains every file it needs and no others. */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, inject, test } from 'vitest'

const { folder, installed } = inject('consumer')
const packageFolder = join(folder, 'node_modules/rivulet')
const manifest = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8'))
const files = readdirSync(packageFolder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) =>
    join(entry.parentPath, entry.name)
      .slice(packageFolder.length + 1)
      .replaceAll('\\', '/'),
  )

test('npm install adds a single package without dependencies', () => {
  expect(installed).toEqual(['rivulet'])
  expect(manifest.dependencies ?? {}).toEqual({})
})

test('every file named in the manifest exists', () => {
  const named = [
    ...Object.values<{ types: string; default: string } | string>(manifest.exports).flatMap((entry) =>
      typeof entry === 'string' ? [entry] : [entry.types, entry.default],
    ),
    ...Object.values<string>(manifest.bin),
    manifest.unpkg,
    manifest.jsdelivr,
  ]
  expect(named.filter((path) => !existsSync(join(packageFolder, path)))).toEqual([])
})

test('the package contains the license, the documents and every source map, but no sources, tests or settings', () => {
  expect(files.filter((path) => !/^(?:dist|docs)\//.test(path)).toSorted()).toEqual([
    'CHANGELOG.md',
    'CONTRIBUTING.md',
    'LICENSE',
    'PROTOCOL.md',
    'README.md',
    'SECURITY.md',
    'package.json',
  ])
  const guides = files.filter((path) => path.startsWith('docs/'))
  expect(guides).toContain('docs/index.md')
  expect(guides.filter((path) => !/^docs\/(?:[\w-]+\.md|images\/[\w-]+\.png)$/.test(path))).toEqual([])
  const scripts = files.filter((path) => path.endsWith('.js'))
  expect(scripts.filter((path) => !files.includes(`${path}.map`))).toEqual([])
})

test('require() loads the package on the Node versions that `engines` names', () => {
  expect(manifest.engines.node).toBe('^20.19.0 || >=22.12.0')
  const script = "console.log(typeof require('rivulet').createClient)"
  expect(execFileSync(process.execPath, ['-e', script], { cwd: folder, encoding: 'utf8' }).trim()).toBe('function')
})

test('the package contains the licenses of bundled packages', () => {
  expect(readFileSync(join(packageFolder, 'dist/LICENSES.md'), 'utf8')).toMatch(/^## jose .*\(MIT\)$/m)
})

test('the SDK entries import only files in the package', () => {
  const imports = (path: string): string[] =>
    [...readFileSync(join(packageFolder, path), 'utf8').matchAll(/^(?:import|export)\b[^;]*?\bfrom '([^']+)'/gm)].map(
      ([, name]) => name!,
    )
  for (const entry of ['dist/index.js', 'dist/openai.js', 'dist/mock.js']) {
    expect(imports(entry).filter((name) => !name.startsWith('./'))).toEqual([])
  }
})

test('the installed command prints help', () => {
  const help = execFileSync(process.execPath, [join(folder, 'node_modules/.bin/rivulet'), 'mock', '--help'], {
    encoding: 'utf8',
  })
  expect(help).toContain('--port')
})
