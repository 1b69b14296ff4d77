/** The tables in the documents have exactly the options, defaults, error codes, exports and keys that the code has. */
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
  /** `–` where there is none. */
  readonly standard: string
}

const stripMarkdown = (text: string): string => text.replaceAll('`', '').trim()

/** The members of an interface, with the defaults that their comments give. */
function optionsOf(path: string, name: string, prefix = ''): Option[] {
  const found = parse(path).statements.find((one) => ts.isInterfaceDeclaration(one) && one.name.text === name)
  if (!found) throw new Error(`${path} has no interface ${name}`)
  return (found as ts.InterfaceDeclaration).members.map((member) => {
    const tag = ts.getJSDocTags(member).find(({ tagName }) => tagName.text === 'defaultValue')
    const standard = stripMarkdown(ts.getTextOfJSDocComment(tag?.comment) ?? '–')
    return { name: `${prefix}${member.name!.getText()}`, standard }
  })
}

/** The part of a document under a heading, up to the next one of its rank. */
function readSection(document: string, heading: string): string {
  const text = readDocument(document)
  const from = text.indexOf(`\n${heading}\n`)
  if (from < 0) throw new Error(`${document} has no heading ${heading}`)
  const rest = text.slice(from + heading.length + 2)
  const [rank = '#'] = heading.split(' ')
  const end = rest.search(new RegExp(`^#{1,${rank.length}} `, 'm'))
  return end < 0 ? rest : rest.slice(0, end)
}

/** Rows of tables whose first cell is code; cells without their marks. */
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
  ['stream', optionsOf('src/request/options.ts', 'StreamOptions')],
  ['feed', optionsOf('src/request/options.ts', 'SubscribeOptions')],
  ['run', optionsOf('src/request/options.ts', 'RunOptions')],
])('the README has the options of %s, with their defaults', (of, options) => {
  const rows = rowsOf(readSection('README.md', '## Options')).filter((cells) => cells[1] === of)
  const written = rows.map(([name = '', , standard = '']) => ({ name, standard }))
  expect(written.sort(byName)).toEqual(options.toSorted(byName))
})

test.each([
  ['ServiceOptions', 'mock-server/service/service.ts', ['onRestart']],
  ['MockServerOptions', 'mock-server/node/mock-server.ts', []],
])('docs/testing.md has the options of %s, with their defaults', (name, path, internal: string[]) => {
  const rows = rowsOf(readSection('docs/testing.md', '## Options'))
  const written = new Map(rows.map(([option = '', standard = '']) => [option, standard.replace(/^–$/, '')]))
  const options = optionsOf(path, name).filter((option) => !internal.includes(option.name))
  for (const option of options)
    expect({ name: option.name, standard: written.get(option.name) }).toEqual({
      ...option,
      standard: option.standard.replace(/^–$/, ''),
    })
})

test('docs/testing.md has no other options than these', () => {
  const known = [
    ...optionsOf('mock-server/service/service.ts', 'ServiceOptions'),
    ...optionsOf('mock-server/node/mock-server.ts', 'MockServerOptions'),
    ...optionsOf('mock-server/node/node-handler.ts', 'NodeHandlerOptions'),
  ].map(({ name }) => name)
  for (const [name] of rowsOf(readSection('docs/testing.md', '## Options'))) expect(known).toContain(name)
})

/** The members of the union of error codes. */
const codes = ((): string[] => {
  const type = parse('src/base/errors.ts').statements.find(
    (one) => ts.isTypeAliasDeclaration(one) && one.name.text === 'StreamErrorCode',
  )
  const { types } = (type as ts.TypeAliasDeclaration).type as ts.UnionTypeNode
  return types.map((one) => ((one as ts.LiteralTypeNode).literal as ts.StringLiteral).text)
})()

test('the README has the error codes', () => {
  expect(codes.length).toBeGreaterThan(10)
  expect(rowsOf(readSection('README.md', '## Errors')).map(([code]) => code)).toEqual(codes)
})

test('docs/errors.md has a section for each error code', () => {
  expect(Array.from(readSection('docs/errors.md', '## Codes').matchAll(/^### `(.*)`$/gm), ([, code]) => code)).toEqual(
    codes,
  )
})

test('docs/testing.md has the keys of a scenario, in the order of the grammar', () => {
  expect(rowsOf(readSection('docs/testing.md', '## Scenarios')).map(([key]) => key)).toEqual(Object.keys(ruleKeys))
})

/** The names that an entry exports. */
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

/** The names in the first cells of tables; headings of tables are none. */
function namesOf(text: string): string[] {
  const rows = text.replace(/^\|.*\|\n(?=\| ---)/gm, '').matchAll(/^\| (`.*?) \|/gm)
  return Array.from(rows, ([, cell = '']) =>
    Array.from(cell.matchAll(/`(for await|\w+)/g), ([, name = '']) => name),
  ).flat()
}

const rows = Object.entries(entries).map(
  ([name, path]) => [name === 'index' ? 'rivulet' : `rivulet/${name}`, path] as const,
)

test.each(rows)('docs/reference.md has each export of %s', (entry, path) => {
  // Tables of members have a line of their own before them: members are no exports.
  const tables = readSection('docs/reference.md', `## \`${entry}\``).replace(/^A `\w+`:\n\n(\|.*\n)+/gm, '')
  expect(namesOf(tables).sort()).toEqual([...new Set(exportsOf(path))].sort())
})

/** The names of an interface's own members, without those that have no name to write. */
function membersOf(path: string, name: string): string[] {
  return [...new Set(optionsOf(path, name).map((member) => member.name))].filter((member) => !member.startsWith('['))
}

test.each([
  ['Client', 'src/client/client.ts', []],
  ['Subscription', 'src/client/subscription.ts', ['for await']],
  ['Run', 'src/client/run.ts', ['for await']],
])('docs/reference.md has each member of %s', (name, path, more: string[]) => {
  const [, table = ''] =
    new RegExp(`^A \`${name}\`:\n\n((?:\\|.*\n)+)`, 'm').exec(readDocument('docs/reference.md')) ?? []
  expect(namesOf(table).sort()).toEqual([...membersOf(path, name), ...more].sort())
})

test.each([
  ['Mock', 'mock-server/mock/mock.ts', '## In process', ['has']],
  ['MockServer', 'mock-server/node/mock-server.ts', '## On a socket', []],
])('docs/testing.md has each member of %s', (name, path, heading, internal: string[]) => {
  const members = membersOf(path, name).filter((member) => !internal.includes(member))
  expect(namesOf(readSection('docs/testing.md', heading)).sort()).toEqual(members.sort())
})
