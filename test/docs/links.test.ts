/** Every link and image in the documents leads to a file and a heading that exist. */
import { existsSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { expect, test } from 'vitest'
import { documents, linksOf, readDocument, root, withoutFences } from './markdown.ts'

const allDocuments = [...documents, 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md']

/** Returns the anchors that GitHub derives from the headings of a document. */
function anchorsOf(document: string): string[] {
  return Array.from(withoutFences(readDocument(document)).matchAll(/^#+ (.*)$/gm), ([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-'),
  )
}

const links = allDocuments.flatMap((document) =>
  linksOf(readDocument(document)).map((target) => ({ document, target })),
)
const localLinks = links.filter(({ target }) => !/^[a-z]+:/.test(target))

/** Returns the path of the file that a local link leads to, relative to the root of the repository. */
const fileOf = (document: string, path: string): string =>
  path === '' ? document : normalize(join(dirname(document), path)).replaceAll('\\', '/')

test.each(localLinks)(
  '$document: the link to $target leads to an existing file and heading',
  ({ document, target }) => {
    const [path = '', anchor] = target.split('#')
    const file = fileOf(document, path)
    expect(existsSync(join(root, file)), file).toBe(true)
    if (anchor !== undefined) expect(anchorsOf(file)).toContain(anchor)
  },
)

/** Returns the paths of the files that a document links to. */
const linkedFiles = (from: string): string[] =>
  localLinks
    .filter(({ document }) => document === from)
    .map(({ document, target }) => fileOf(document, target.split('#')[0]!))

test('docs/index.md links to every other document', () => {
  const linked = linkedFiles('docs/index.md')
  for (const document of allDocuments) if (document !== 'docs/index.md') expect(linked).toContain(document)
})

test('the README links to docs/index.md', () => {
  expect(linkedFiles('README.md')).toContain('docs/index.md')
})
