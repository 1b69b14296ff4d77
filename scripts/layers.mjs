/** Checks that imports point only downward through the floors of the house, type imports included. */
import { readdirSync, readFileSync } from 'node:fs'
import { posix, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/** Floors of `src`. A file imports from its own folder and from lower floors. Half a floor: parts of one entry alone. */
const floors = {
  'src/base': 0,
  'src/wire': 1,
  'src/protocols': 1,
  'src/connect': 2,
  'src/source': 3,
  'src/event-source': 3.5,
  'src/multiplex': 3.5,
  'src/parser': 3.5,
  'src/persist': 3.5,
  'src/share': 3.5,
  src: 4,
}

/** All that the mock server shares with the SDK. */
const sharedWithMockServer = ['src/wire/encode.ts', 'src/wire/parse.ts', 'src/base/errors.ts']

/** Faces of the mock server that only run in Node; everything else of it also runs in a page and in a service worker. */
const nodeFaces = /^mock-server\/((node|server|cli)(-[a-z-]+)?|index)\.ts$|^mock-server\/node\//

/** Packages, by the files that may import them. The rest of `src` has no dependency at all. */
const packages = {
  jose: /^mock-server\//,
  msw: /^mock-server\/msw\.ts$/,
}

/** The part of an import that names the module, in each of its forms. */
function specifierOf(node) {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier
  if (ts.isImportTypeNode(node)) return ts.isLiteralTypeNode(node.argument) ? node.argument.literal : node.argument
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) return node.arguments[0]
  return undefined
}

/** Every module that `text` names: imports, re-exports, `import()` and `import('…')` types. */
export function findImports(path, text) {
  const found = []
  const visit = (node) => {
    const specifier = specifierOf(node)
    if (specifier) found.push(ts.isStringLiteralLike(specifier) ? specifier.text : '(computed)')
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest))
  return found
}

/** Why `from` must not import `to`, or `undefined` where it may. Both are paths from the root, or `to` is a package. */
export function judgeImport(from, to) {
  if (to.startsWith('node:')) {
    return nodeFaces.test(from) ? undefined : 'only the Node faces of the mock server import Node'
  }
  if (!to.startsWith('src/') && !to.startsWith('mock-server/')) {
    return packages[to]?.test(from) ? undefined : 'this package is not among what this file may import'
  }
  if (from.startsWith('mock-server/')) {
    if (to.startsWith('mock-server/')) {
      if (!nodeFaces.test(to) || nodeFaces.test(from)) return undefined
      return 'what runs everywhere must not import a Node face'
    }
    return sharedWithMockServer.includes(to)
      ? undefined
      : `the mock server shares only ${sharedWithMockServer.join(', ')}`
  }
  if (to.startsWith('mock-server/')) return 'the SDK does not know its mock server'
  const [folder, target] = [posix.dirname(from), posix.dirname(to)]
  if (!(folder in floors)) return `${folder} has no floor: give it one in scripts/layers.mjs`
  if (!(target in floors)) return `${target} has no floor: give it one in scripts/layers.mjs`
  return folder === target || floors[target] < floors[folder]
    ? undefined
    : `floor ${floors[folder]} (${folder}) imports floor ${floors[target]} (${target})`
}

/** The first cycle that is reached from each file, as lists of paths. */
function findCycles(graph) {
  const cycles = []
  const state = new Map()
  const visit = (path, trail) => {
    if (state.get(path) === 'done') return
    if (state.get(path) === 'open') {
      cycles.push([...trail.slice(trail.indexOf(path)), path])
      return
    }
    state.set(path, 'open')
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path])
    state.set(path, 'done')
  }
  for (const path of graph.keys()) visit(path, [])
  return cycles
}

/** Every violation in `files`, a map of path to text, as lines to print. */
export function checkLayers(files) {
  const violations = []
  const graph = new Map()
  for (const [from, text] of files) {
    const targets = findImports(from, text).map((specifier) =>
      specifier.startsWith('.') ? posix.join(posix.dirname(from), specifier) : specifier,
    )
    graph.set(
      from,
      targets.filter((to) => files.has(to)),
    )
    for (const to of targets) {
      const reason = judgeImport(from, to)
      if (reason) violations.push(`${from} → ${to}: ${reason}`)
    }
  }
  return [...violations, ...findCycles(graph).map((cycle) => `cycle: ${cycle.join(' → ')}`)]
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = new URL('../', import.meta.url)
  const files = new Map()
  for (const folder of ['src', 'mock-server']) {
    for (const name of readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })) {
      const path = `${folder}/${name.split(sep).join('/')}`
      if (path.endsWith('.ts')) files.set(path, readFileSync(new URL(path, root), 'utf8'))
    }
  }
  const violations = checkLayers(files)
  for (const violation of violations) console.error(violation)
  console.log(`${files.size} files, ${violations.length} violations`)
  if (violations.length > 0) process.exitCode = 1
}
