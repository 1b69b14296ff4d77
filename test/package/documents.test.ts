/** The documents in the installed package: links and images lead to files in the package, and no URL is a placeholder. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect, inject, test } from 'vitest'
import { linksOf, withoutCode } from '../docs/markdown.ts'

const home = join(inject('consumer').folder, 'node_modules/rivulet')
const documents = [
  ...readdirSync(home).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(home, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
].map((document) => ({ document, text: readFileSync(join(home, document), 'utf8') }))

/** Whether a path leads to a file, not a folder, in the package. */
function isPackedFile(path: string): boolean {
  if (relative(home, path).startsWith('..')) return false
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
}

/** Patterns of placeholders that should be real addresses. */
const placeholders = [
  /\b(?:your|my|the)[-_](?:org|name|user|account|company|repo|project)\b/i,
  /\b(?:OWNER|USER|ORG)\/(?:REPO|NAME|PROJECT)\b/,
  /<(?:owner|user|org|repo|project|email|url)>/i,
  /\b(?:TODO|FIXME|TBD)\b/,
  /[\w.+-]+@(?:[\w-]+\.)*example\.(?:com|org|net)\b/i,
]
/** Matches reserved hosts. In a snippet such a host stands for the reader's own server; in prose it would be a dead link. */
const reservedHost = /\bhttps?:\/\/(?:[\w-]+\.)*(?:example\.(?:com|org|net)|(?:example|invalid|test))(?![\w.-])/i

test('the package contains the documents for users', () => {
  const names = documents.map(({ document }) => document)
  for (const name of ['README.md', 'PROTOCOL.md', 'CHANGELOG.md', 'docs/index.md', 'docs/reference.md'])
    expect(names).toContain(name)
})

test.each(documents)('$document: every link and image leads to a file in the package', ({ document, text }) => {
  // linksOf does not find links and images written in HTML, so the documents must not contain any.
  expect(withoutCode(text)).not.toMatch(/<(?:a|img)\s/i)
  const local = linksOf(text)
    .filter((target) => !/^(?:[a-z]+:|#)/.test(target))
    .map((target) => target.replace(/#.*/, ''))
  expect(local.filter((target) => !isPackedFile(join(home, dirname(document), target)))).toEqual([])
})

test.each(documents)('$document: no address is a placeholder', ({ text }) => {
  for (const placeholder of placeholders) expect(text).not.toMatch(placeholder)
  expect(withoutCode(text)).not.toMatch(reservedHost)
})

test('package.json has no placeholder address', () => {
  const manifest = readFileSync(join(home, 'package.json'), 'utf8')
  for (const pattern of [...placeholders, reservedHost]) expect(manifest).not.toMatch(pattern)
})
