/** The tables in the documents list exactly the options, defaults, error codes, exports and keys of the code. */
import { readFileSync } from 'node:fs'
import ts from 'typescript'
import { expect, test } from 'vitest'
import { ruleKeys } from '../../mock-server/scenario/rule.ts'
import { entries } from '../../scripts/entries.mjs'
import { readDocument, root } from './markdown.ts'

const parse = (path: string): ts.SourceFile =>
  ts.createSourceFile(path, readFileSync(`${root}${path}`, 'utf8'), ts.ScriptTarget.ES2022, true)

interface Option {
  readonly name: string
  /** The default, or `–` if there is none. */
  readonly defaultValue: string
}

const stripMarkdown = (text: string): string => text.replaceAll('`', '').trim()

/** Returns the members of an interface with the defaults from their `@defaultValue` tags. */
function optionsOf(path: string, name: string, prefix = ''): Option[] {
  const found = parse(path).statements.find(
    (statement) => ts.isInterfaceDeclaration(statement) && statement.name.text === name,
  )
  if (!found) throw new Error(`${path} has no interface ${name}`)
  return (found as ts.InterfaceDeclaration).members.map((member) => {
    const tag = ts.getJSDocTags(member).find(({ tagName }) => tagName.text === 'defaultValue')
    const defaultValue = stripMarkdown(ts.getTextOfJSDocComment(tag?.comment) ?? '–')
    return { name: `${prefix}${member.name!.getText()}`, defaultValue }
  })
}

/** Returns the text between a heading and the next heading of the same or a higher level. */
function readSection(document: string, heading: string): string {
  const text = readDocument(document)
  const from = text.indexOf(`\n${heading}\n`)
  if (from < 0) throw new Error(`${document} has no heading ${heading}`)
  const rest = text.slice(from + heading.length + 2)
  const [level = '#'] = heading.split(' ')
  const end = rest.search(new RegExp(`^#{1,${level.length}} `, 'm'))
  return end < 0 ? rest : rest.slice(0, end)
}

/** Returns the cells of the table rows that begin with code, without backticks. */
function rowsOf(text: string): string[][] {
  return Array.from(text.matchAll(/^\| (`.*) \|$/gm), ([, row = '']) => row.split(' | ').map(stripMarkdown))
}

const byName = (one: { name: string }, other: { name: string }): number => one.name.localeCompare(other.name)

test.each([
  [
    'all',
    [
      ...optionsOf('src/request/options.ts', 'CommonOptions'),
      ...optionsOf('src/source/retry.ts', 'RetryOptions', 'retry.'),
    ],
  ],
  ['client', optionsOf('src/request/options.ts', 'ClientOptions')],
  ['stream', optionsOf('src/request/stream-options.ts', 'StreamOptions')],
  ['feed', optionsOf('src/request/stream-options.ts', 'SubscribeOptions')],
  ['run', optionsOf('src/request/stream-options.ts', 'RunOptions')],
])('docs/reference.md lists the options of scope "%s" with their defaults', (scope, options) => {
  const rows = rowsOf(readSection('docs/reference.md', '## Options')).filter((cells) => cells[1] === scope)
  const written = rows.map(([name = '', , defaultValue = '']) => ({ name, defaultValue }))
  expect(written.sort(byName)).toEqual(options.toSorted(byName))
})

test.each([
  ['ServiceOptions', 'mock-server/service/service.ts', ['onRestart']],
  ['MockServerOptions', 'mock-server/node/mock-server.ts', []],
])('docs/testing.md lists the options of %s with their defaults', (name, path, internal: string[]) => {
  const rows = rowsOf(readSection('docs/testing.md', '## Options'))
  const written = new Map(rows.map(([option = '', defaultValue = '']) => [option, defaultValue.replace(/^–$/, '')]))
  const options = optionsOf(path, name).filter((option) => !internal.includes(option.name))
  for (const option of options)
    expect({ name: option.name, defaultValue: written.get(option.name) }).toEqual({
      ...option,
      defaultValue: option.defaultValue.replace(/^–$/, ''),
    })
})

test('docs/testing.md lists no option that the mock server does not have', () => {
  const known = [
    ...optionsOf('mock-server/service/service.ts', 'ServiceOptions'),
    ...optionsOf('mock-server/node/mock-server.ts', 'MockServerOptions'),
    ...optionsOf('mock-server/node/node-handler.ts', 'NodeHandlerOptions'),
  ].map(({ name }) => name)
  for (const [name] of rowsOf(readSection('docs/testing.md', '## Options'))) expect(known).toContain(name)
})

/** The members of `StreamErrorCode`. */
const codes = ((): string[] => {
  const type = parse('src/base/errors.ts').statements.find(
    (statement) => ts.isTypeAliasDeclaration(statement) && statement.name.text === 'StreamErrorCode',
  )
  const { types } = (type as ts.TypeAliasDeclaration).type as ts.UnionTypeNode
  return types.map((member) => ((member as ts.LiteralTypeNode).literal as ts.StringLiteral).text)
})()

test('docs/reference.md lists the error codes in order', () => {
  expect(codes.length).toBeGreaterThan(10)
  expect(rowsOf(readSection('docs/reference.md', '## Errors')).map(([code]) => code)).toEqual(codes)
})

test('docs/errors.md has one section per error code, in order', () => {
  expect(Array.from(readSection('docs/errors.md', '## Codes').matchAll(/^### `(.*)`$/gm), ([, code]) => code)).toEqual(
    codes,
  )
})

test('docs/testing.md lists the keys of a scenario in the order of `ruleKeys`', () => {
  expect(rowsOf(readSection('docs/testing.md', '## Scenarios')).map(([key]) => key)).toEqual(Object.keys(ruleKeys))
})

/** Returns the names that an entry point exports. */
function exportsOf(path: string): string[] {
  return parse(path).statements.flatMap((statement) => {
    if (ts.isExportDeclaration(statement) && statement.exportClause && ts.isNamedExports(statement.exportClause)) {
      return statement.exportClause.elements.map(({ name }) => name.text)
    }
    const isExported =
      ts.canHaveModifiers(statement) &&
      ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)
    if (!isExported) return []
    if (ts.isVariableStatement(statement))
      return statement.declarationList.declarations.map(({ name }) => name.getText())
    return [(statement as ts.FunctionDeclaration).name!.text]
  })
}

/** Returns the names in the first cells of tables, without the header rows. */
function namesOf(text: string): string[] {
  const rows = text.replace(/^\|.*\|\n(?=\| ---)/gm, '').matchAll(/^\| (`.*?) \|/gm)
  return Array.from(rows, ([, cell = '']) =>
    Array.from(cell.matchAll(/`(for await|\w+)/g), ([, name = '']) => name),
  ).flat()
}

const rows = Object.entries(entries).map(
  ([name, path]) => [name === 'index' ? 'rivulet' : `rivulet/${name}`, path] as const,
)

test('docs/reference.md lists each entry point', () => {
  const links = readSection('docs/reference.md', '## Entry points').matchAll(/\[`(rivulet[\w/-]*)`\]/g)
  expect(new Set(Array.from(links, ([, entry]) => entry))).toEqual(new Set(rows.map(([entry]) => entry)))
})

test.each(rows)('docs/reference.md lists each export of %s', (entry, path) => {
  // A line such as "A `Client`:" introduces a table of members, which are not exports.
  const tables = readSection('docs/reference.md', `## \`${entry}\``).replace(/^A `\w+`:\n\n(\|.*\n)+/gm, '')
  expect(namesOf(tables).sort()).toEqual([...new Set(exportsOf(path))].sort())
})

/** Returns the names of an interface's own members, except symbols. */
function membersOf(path: string, name: string): string[] {
  return [...new Set(optionsOf(path, name).map((member) => member.name))].filter((member) => !member.startsWith('['))
}

test.each([
  ['Client', 'src/client/client.ts', []],
  ['Subscription', 'src/client/subscription.ts', ['for await']],
  ['Run', 'src/client/run.ts', ['for await']],
])('docs/reference.md lists each member of %s', (name, path, more: string[]) => {
  const [, table = ''] =
    new RegExp(`^A \`${name}\`:\n\n((?:\\|.*\n)+)`, 'm').exec(readDocument('docs/reference.md')) ?? []
  expect(namesOf(table).sort()).toEqual([...membersOf(path, name), ...more].sort())
})

test.each([
  ['Mock', 'mock-server/mock/mock.ts', '## In process', ['has']],
  ['MockServer', 'mock-server/node/mock-server.ts', '## On a socket', []],
])('docs/testing.md lists each member of %s', (name, path, heading, internal: string[]) => {
  const members = membersOf(path, name).filter((member) => !internal.includes(member))
  expect(namesOf(readSection('docs/testing.md', heading)).sort()).toEqual(members.sort())
})
