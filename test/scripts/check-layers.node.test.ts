/** The import rules detect every kind of violation and accept allowed imports. */
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { cruiseImports, describeViolations } from '../../scripts/check-layers.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Files that the test cases import. */
const targets = [
  'src/base/errors.ts',
  'src/client/client.ts',
  'src/connect/connect.ts',
  'src/protocols/native.ts',
  'src/share/member.ts',
  'src/source/state.ts',
  'src/sse/encode.ts',
  'server/feed/feed.ts',
  'server/node/to-node.ts',
  'server/stream/tail.ts',
  'mock-server/feed/feed.ts',
  'mock-server/node/node-handler.ts',
  'mock-server/run/run.ts',
  'mock-server/service/service.ts',
  'node_modules/jose/index.js',
  'node_modules/msw/index.js',
]

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rivulet-layers-'))
  for (const path of targets) write(path, 'export const x = 1')
  for (const name of ['jose', 'msw']) write(`node_modules/${name}/package.json`, `{"name":"${name}","main":"index.js"}`)
})
afterEach(() => rmSync(folder, { recursive: true }))

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), text)
}

/** Adds `files` to the tree that contains the targets, and returns all violations in it. */
async function check(files: Record<string, string>): Promise<string[]> {
  for (const [path, text] of Object.entries(files)) write(path, text)
  return describeViolations(await cruiseImports(folder))
}

describe('an allowed import', () => {
  test.each([
    ['a file in the same folder', 'src/source/source.ts', './state.ts'],
    ['a lower layer', 'src/source/source.ts', '../connect/connect.ts'],
    ['the lowest layer, from an entry', 'src/index.ts', './base/errors.ts'],
    ['the parts of an entry, from that entry', 'src/share.ts', './share/member.ts'],
    ['shared SDK code, from the mock server', 'mock-server/stream/frame.ts', '../../src/sse/encode.ts'],
    ['shared SDK code, from the server', 'server/log/frame.ts', '../../src/sse/encode.ts'],
    ['a lower layer of the server', 'server/feed/handler.ts', '../stream/tail.ts'],
    ['the server, from the mock server', 'mock-server/feed/ticker.ts', '../../server/feed/feed.ts'],
    ['Node, at the edge of the server', 'server/node/sockets.ts', 'node:http'],
    ['the Node part of the server, from its entry', 'server/node.ts', './node/to-node.ts'],
    ['Node, at the edge of the mock server', 'mock-server/node/sockets.ts', 'node:http'],
    ['jose, for authentication', 'mock-server/auth/jwt.ts', 'jose'],
    ['msw, in the msw folder', 'mock-server/msw/handlers.ts', 'msw'],
  ])('an import of %s is allowed', async (_description, from, to) => {
    expect(await check({ [from]: `import { x } from '${to}'` })).toEqual([])
  })
})

describe('a forbidden import', () => {
  test.each([
    ['a higher layer', 'src/base/clock.ts', '../source/state.ts', 'base-imports-down'],
    ['the layer directly above', 'src/sse/parse.ts', '../protocols/native.ts', 'sse-imports-down'],
    ['the client layer, from a lower layer', 'src/connect/fetch.ts', '../client/client.ts', 'connect-imports-down'],
    ['the parts of an entry, from another entry', 'src/index.ts', './share/member.ts', 'entry-folder-is-private'],
    ['the parts of an entry, from a layer', 'src/client/run.ts', '../share/member.ts', 'client-imports-down'],
    ['the parts of another entry', 'src/persist/x.ts', '../share/member.ts', 'entry-folder-imports-down'],
    ['anything, from an unknown folder', 'src/utils/x.ts', '../base/errors.ts', 'sdk-folder-has-a-layer'],
    ['the mock server, from the SDK', 'src/client/run.ts', '../../mock-server/feed/feed.ts', 'sdk-stands-alone'],
    ['Node, from the SDK', 'src/base/clock.ts', 'node:timers', 'sdk-stands-alone'],
    ['a package, from the SDK', 'src/client/run.ts', 'jose', 'sdk-stands-alone'],
    ['the mock server, from the server', 'server/feed/x.ts', '../../mock-server/run/run.ts', 'server-knows-no-mock'],
    ['a higher layer of the server', 'server/log/x.ts', '../stream/tail.ts', 'server-log-imports-down'],
    ['a folder on the same layer of the server', 'server/run/x.ts', '../feed/feed.ts', 'imports-down'],
    ['Node, from the kernel', 'server/stream/x.ts', 'node:buffer', 'server-imports-no-node'],
    ['a Node file, from the kernel', 'server/index.ts', './node/to-node.ts', 'server-node-is-imported-by-its-entry'],
    ['anything, from an unknown folder of the server', 'server/utils/x.ts', '../feed/feed.ts', 'folder-has-a-layer'],
    [
      'SDK code that is not shared, from the server',
      'server/feed/x.ts',
      '../../src/connect/connect.ts',
      'shares-little',
    ],
    ['Node, from runtime-independent code', 'mock-server/mock/mock.ts', 'node:buffer', 'node-stays-at-the-edge'],
    [
      'a Node file, from runtime-independent code',
      'mock-server/mock.ts',
      './node/node-handler.ts',
      'node-is-imported-at-the-edge',
    ],
    ['a higher layer of the mock server', 'mock-server/http/x.ts', '../feed/feed.ts', 'mock-server-http-imports-down'],
    ['a folder on the same layer of the mock server', 'mock-server/feed/x.ts', '../run/run.ts', 'imports-down'],
    ['msw, outside the msw folder', 'mock-server/mock/mock.ts', 'msw', 'msw-is-for-msw'],
    ['jose, outside authentication', 'mock-server/http/x.ts', 'jose', 'jose-is-for-auth'],
    [
      'SDK code that is not shared, from the mock server',
      'mock-server/feed/x.ts',
      '../../src/connect/connect.ts',
      'mock-server-shares-little',
    ],
    ['a file that does not exist', 'src/base/clock.ts', './missing.ts', 'no-unresolved-import'],
  ])('an import of %s is reported', async (_description, from, to, rule) => {
    expect(await check({ [from]: `import { x } from '${to}'` })).toContainEqual(expect.stringContaining(rule))
  })

  test.each([
    ['import type', `import type { x } from '../source/state.ts'`],
    ['export from', `export { x } from '../source/state.ts'`],
    ['export star', `export * from '../source/state.ts'`],
    ['import for its effects', `import '../source/state.ts'`],
    ['dynamic import', `const state = await import('../source/state.ts')`],
    ['import type expression', `export type X = typeof import('../source/state.ts').x`],
  ])('a violation written as %s is reported', async (_form, text) => {
    expect(await check({ 'src/base/clock.ts': text })).toEqual([
      'src/base/clock.ts → src/source/state.ts: base-imports-down',
    ])
  })
})

test('the linter rejects a dynamic import whose target is not a literal', () => {
  write('src/base/clock.ts', 'export const load = (name: string): Promise<unknown> => import(name)')
  copyFileSync(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'))
  const oxlint = join(root, 'node_modules/oxlint/bin/oxlint')
  const { stdout, status } = spawnSync(process.execPath, [oxlint, 'src'], { cwd: folder, encoding: 'utf8' })
  expect(stdout).toContain('no-dynamic-require')
  expect(status).toBe(1)
})

test('a cycle of type imports is reported with every file on it', async () => {
  const violations = await check({
    'src/base/a.ts': `import type { B } from './b.ts'; export type A = B`,
    'src/base/b.ts': `import type { C } from './c.ts'; export type B = C`,
    'src/base/c.ts': `import type { A } from './a.ts'; export type C = A`,
    'src/base/d.ts': `import type { A } from './a.ts'; export type D = A`,
  })
  expect(violations).toContain('src/base/a.ts → src/base/b.ts → src/base/c.ts → src/base/a.ts: no-cycle')
  expect(violations.every((line) => line.endsWith('no-cycle'))).toBe(true)
})

describe('an entry contains nothing but re-exports', () => {
  /** Returns the statements of a file that are not `export … from '…'`. */
  const otherStatements = (text: string): string[] =>
    ts
      .createSourceFile('entry.ts', text, ts.ScriptTarget.Latest)
      .statements.filter((statement) => !(ts.isExportDeclaration(statement) && statement.moduleSpecifier))
      .map((statement) => text.slice(statement.pos, statement.end).trim())

  const entries = ['src', 'server', 'mock-server'].flatMap((name) =>
    readdirSync(join(root, name))
      .filter((file) => file.endsWith('.ts') && file !== 'cli.ts')
      .map((file) => `${name}/${file}`),
  )

  test.each(entries)('%s contains only re-exports', (path) => {
    expect(otherStatements(readFileSync(join(root, path), 'utf8'))).toEqual([])
  })

  test('cli.ts only calls main', () => {
    const text = readFileSync(join(root, 'mock-server/cli.ts'), 'utf8')
    expect(otherStatements(text).slice(1)).toEqual(['await main(process.argv.slice(2))'])
  })

  test.each([
    `export const version = '1'`,
    `import { x } from './base/errors.ts'`,
    `export { x }`,
    `export default function () {}`,
    `console.log()`,
  ])('the statement `%s` is detected', (statement) => {
    expect(otherStatements(`export { a } from './a.ts'\n${statement}\n`)).toEqual([statement])
  })
})
