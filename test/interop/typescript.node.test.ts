/** The declarations of the built package compile with the oldest TypeScript and the libs that README.md names. */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from 'vitest'
import { installProject } from './install-project.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

let folder: string
beforeAll(() => {
  folder = installProject('typescript')
  if (!existsSync(join(root, 'dist/index.d.ts'))) throw new Error('The package is not built; run `npm run build` first')
  // Not a link to the repository, in which the test runner would find all tests again.
  const installed = join(folder, 'node_modules/rivulet')
  rmSync(installed, { recursive: true, force: true })
  mkdirSync(installed)
  cpSync(join(root, 'package.json'), join(installed, 'package.json'))
  symlinkSync(join(root, 'dist'), join(installed, 'dist'), 'junction')
}, 300_000)

/** Compiles the project; returns the exit status and the messages of the compiler. */
function compile(lib: string, types: string[]): { status: number | null; stdout: string } {
  const compiler = join(folder, 'node_modules/typescript/bin/tsc')
  const options = ['--project', folder, '--lib', lib, ...types]
  return spawnSync(process.execPath, [compiler, ...options], { cwd: folder, encoding: 'utf8' })
}

/** Without them, the project sees no types but its own. */
const typesOfNode = ['--types', 'node']

test.each<[string, string, string[]]>([
  ['dom', 'without', []],
  ['dom', 'with', typesOfNode],
  ['webworker', 'with', typesOfNode],
])('with the lib %s, and %s the types of Node, they compile without skipLibCheck', (lib, _word, types) => {
  expect(compile(`es2022,${lib}`, types)).toMatchObject({ status: 0, stdout: '' })
})

test('the types of Node do not replace the lib, because they lack some of its names', () => {
  const { stdout } = compile('es2022', typesOfNode)
  const missing = [...stdout.matchAll(/Cannot find name '(\w+)'/g)].map(([, name]) => name)
  expect(missing).toEqual(expect.arrayContaining(['BodyInit', 'HeadersInit']))
})
